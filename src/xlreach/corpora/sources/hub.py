"""Data sets of the Hugging Face hub: the only file that knows their ids and columns.

`hub:ID(config=…,split=…)` opens a data set of the hub, or a folder with a copy of one, as what its columns are:

| layout | columns | kind |
|---|---|---|
| Universal Dependencies | tokens, upos, head, deprel, … | treebank |
| WikiANN | tokens, ner_tags | entities |
| mteb retrieval | configs `<sub>-corpus`, `<sub>-queries`, `<sub>-qrels` | collection |
| Belebele | link, flores_passage, question, question_number | collection |
| XQuAD | id, context, question | collection |
| sentence pairs | sentence1, sentence2; config `xxx-eng` | parallel |
| NTREX, FLORES | one column a language code | parallel |
| FLORES+ | id, iso_639_3, text; one file a language | parallel |

Types drift from release to release (`upos` as label or word, `head` as word or number): all are taken. Only data files
are fetched; no script of a repository is ever run. Copies that lie in `hub/` below the data root (`hub/wikiann`) are
found there: their treebanks and entity corpora are data of a study like those of `ud/` and `ner/`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from xlreach.corpora.dataset import DATASETS, Dataset, DatasetSpec, EntityCorpus, Kind, Treebank
from xlreach.corpora.formats.conllu import COLUMNS, Sentence, parse_sentence
from xlreach.corpora.formats.iob2 import TaggedSentence
from xlreach.corpora.formats.tables import Tables, class_names, columns_of, expecting, rows_of, tables_of
from xlreach.corpora.parallel_text import ParallelText
from xlreach.corpora.sources.hub_layouts import AlignedColumns, AlignedTables, Contexts, Subset, SubsetCollection
from xlreach.corpora.sources.treebanks import ud_language
from xlreach.errors import DataError, nearest
from xlreach.languages import canonical_code
from xlreach.spec import param

_ABOUT = {
    "commul/universal_dependencies": ("that of each treebank", "Nivre et al. 2020, Universal Dependencies v2, LREC"),
    "unimelb-nlp/wikiann": ("ODC-BY", "Pan et al. 2017, Cross-lingual Name Tagging, ACL; Rahimi et al. 2019, ACL"),
    "google/xquad": ("CC BY-SA 4.0", "Artetxe, Ruder, Yogatama 2020, XQuAD, ACL"),
    "mteb/MLQARetrieval": ("CC BY-SA 3.0", "Lewis et al. 2020, MLQA, ACL"),
    "facebook/belebele": ("CC BY-SA 4.0", "Bandarkar et al. 2024, Belebele, ACL"),
    "mteb/belebele": ("CC BY-SA 4.0", "Bandarkar et al. 2024, Belebele, ACL"),
    "mteb/MIRACLRetrieval": ("Apache-2.0", "Zhang et al. 2023, MIRACL, TACL"),
    "mteb/MIRACLRetrievalHardNegatives": ("Apache-2.0", "Zhang et al. 2023, MIRACL, TACL"),
    "mteb/FloresBitextMining": ("CC BY-SA 4.0", "NLLB Team 2022; Goyal et al. 2022, FLORES-101, TACL"),
    "openlanguagedata/flores_plus": ("CC BY-SA 4.0", "NLLB Team 2022; Goyal et al. 2022, FLORES-101, TACL"),
    "mteb/NeuCLIR2022Retrieval": ("that of Common Crawl News", "Lawrie et al. 2023, Overview of NeuCLIR 2022, TREC"),
    "mteb/NeuCLIR2023Retrieval": ("that of Common Crawl News", "Lawrie et al. 2024, Overview of NeuCLIR 2023, TREC"),
    "mteb/NTREXBitextMining": ("CC BY-SA 4.0", "Federmann, Kocmi, Xin 2022, NTREX-128, SUMEval"),
    "mteb/tatoeba-bitext-mining": ("CC BY 2.0 FR", "Artetxe, Schwenk 2019, TACL"),
}
_WIKIANN = ("O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC")
_PREFERRED_SPLITS = ("test", "devtest", "dev", "train")
_QRELS = ("qrels", "default")
_TAG = re.compile(r"O|[BI]-\S+")


@DATASETS.register
@dataclass(frozen=True)
class Hub(DatasetSpec):
    """A data set of the hub, or a folder with a copy of one; its columns tell what it is."""

    name: ClassVar[str] = "hub"
    summary: ClassVar[str] = "A data set of the Hugging Face hub (UD, WikiANN, mteb, Belebele, XQuAD, FLORES, NTREX)"
    member: str = param(
        help="the data set's id, or a folder with a copy (absolute, or below the data root)", member=True
    )
    config: tuple[str, ...] = param((), "configurations: a treebank, languages, or the subsets of a collection")
    split: str | None = param(None, "of a collection or parallel text; the test split where there is one")
    language: str | None = param(None, "the language of a collection whose subsets name none")
    queries: str | None = param(None, "the queries' language, where the subsets name that of the documents alone")
    revision: str | None = param(None, "branch, tag or commit on the hub")

    def open(self, root: Path) -> Dataset:
        folder = self._folder(root)
        tables = _by_language(tables_of(folder))
        if not tables:
            raise DataError("The folder holds no Parquet or JSON-lines files.", path=folder)
        subsets = _subsets(tables)
        chosen = self._chosen(subsets if subsets else list(tables))
        licence, citation = _ABOUT.get(self.member, (self.licence, ""))
        name = str(self)
        if subsets:
            found = [_subset(tables, one, self.split, self.language, self.queries) for one in chosen]
            return SubsetCollection(name, found, licence, citation)
        columns = {config: columns_of(next(iter(tables[config].values()))[0]) for config in chosen}
        first = columns[chosen[0]]
        kind = _annotation(first)
        if kind == "treebank":
            config = self._one(chosen)
            return Treebank(name, ud_language(config), tables[config], _read_ud, licence, citation)
        if kind == "entities":
            config = self._one(chosen)
            return EntityCorpus(name, _code(config, folder), tables[config], _read_wikiann, licence, citation)
        paths = {config: _split(tables[config], self.split, config) for config in chosen}
        if {"id", "iso_639_3", "text"} <= set(first):
            named = {_code(one, folder): paths[one] for one in chosen}
            return ParallelText(name, [AlignedTables.of(named)], licence, citation)
        if {"flores_passage", "question", "link"} <= set(first):
            named = {_code(one, folder): paths[one] for one in chosen}
            key = ("link", "question_number")
            return Contexts(name, named, "link", "flores_passage", "question", key, licence, citation)
        if {"context", "question", "id"} <= set(first):
            named = {_code(one, folder): paths[one] for one in chosen}
            return Contexts(name, named, None, "context", "question", ("id",), licence, citation)
        bundles = [_bundle(config, paths[config], columns[config], len(chosen) > 1) for config in chosen]
        if any(bundle is None for bundle in bundles):
            raise DataError(
                f"Columns {', '.join(first[:12])} of {chosen[0]!r} are of no layout that is known.",
                expected="Expected one of those in the documentation of hub data sets.",
                path=folder,
            )
        return ParallelText(name, [one for one in bundles if one], licence, citation)

    @classmethod
    def find(cls, root: Path, kind: Kind) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Treebanks and entity corpora of the copies in `hub/`; collections are named by those who want them."""
        folders = sorted((root / "hub").glob("*/")) if kind in ("treebank", "entities") else []
        for folder in folders:
            tables = tables_of(folder)
            for config in sorted(tables):
                found = _annotation(columns_of(next(iter(tables[config].values()))[0]))
                code = canonical_code(config.partition("_")[0].rpartition(".")[2])
                if found == kind and code is not None:
                    yield str(cls(f"hub/{folder.name}", (config,))), (code,)

    def _folder(self, root: Path) -> Path:
        for folder in (Path(self.member).expanduser(), root / self.member):
            if folder.is_dir() and ".." not in folder.parts:
                return folder
        if self.member.startswith(("/", ".", "~")) or self.member.count("/") > 1:
            raise DataError(f"There is no folder {self.member!r}.")
        patterns = ["README.md"]
        if self.config:
            patterns += [f"{part}{one}{rest}" for one in self.config for part in ("", "*/") for rest in ("/*", "-*")]
            patterns += [f"{one}.jsonl" for one in self.config]
        else:
            patterns += ["*.parquet", "*.jsonl"]
        return download(self.member, self.revision, patterns)

    def _chosen(self, known: list[str]) -> list[str]:
        if not self.config:
            return known
        for config in self.config:
            if config not in known:
                raise DataError(f"{self.member} has no configuration {config!r}.", fix=nearest(config, known))
        return list(self.config)

    def _one(self, chosen: list[str]) -> str:
        if len(chosen) != 1:
            raise DataError(
                f"{self.member} holds {len(chosen)} corpora here.",
                fix=f"Say which: {self.name}:{self.member}(config=…).",
            )
        return chosen[0]


def download(identifier: str, revision: str | None, patterns: list[str]) -> Path:
    """A copy of a hub data set's files in the hub's own cache.

    Raises:
        DataError: The hub cannot be reached, or has no such data set or revision.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(identifier, repo_type="dataset", revision=revision, allow_patterns=patterns))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise DataError(
            f"The data set {identifier!r} could not be fetched from the hub ({type(error).__name__}).",
            fix="Check the id, the revision and the network; a folder with a copy can stand in place of the id.",
        ) from error


def _annotation(columns: tuple[str, ...]) -> Kind | None:
    """What annotated sentences a table has."""
    if {"tokens", "head", "deprel"} <= set(columns):
        return "treebank"
    return "entities" if {"tokens", "ner_tags"} <= set(columns) else None


def _code(config: str, folder: Path) -> str:
    """The language of a configuration (`mt`, `mlt_Latn`, `xquad.ar`)."""
    code = canonical_code(config.rpartition(".")[2])
    if code is None:
        raise DataError(f"The configuration {config!r} is no language code.", path=folder)
    return code


def _split(splits: dict[str, list[Path]], wanted: str | None, config: str) -> list[Path]:
    if wanted is not None:
        wanted = {"validation": "dev"}.get(wanted, wanted)
        if wanted not in splits and len(splits) > 1:
            raise DataError(f"{config!r} has no split {wanted!r}.", fix=nearest(wanted, splits))
    for split in (wanted, *_PREFERRED_SPLITS, *splits):
        if split in splits:
            return splits[split]
    raise DataError(f"{config!r} has no data.")


def _subsets(tables: Tables) -> list[str]:
    """The subsets of mteb's retrieval layout: what stands before `-corpus`; '' where nothing does."""
    found = [config.removesuffix("corpus").removesuffix("-") for config in tables if config.endswith("corpus")]
    return [one for one in found if (f"{one}-queries" if one else "queries") in tables]


def _by_language(tables: Tables) -> Tables:
    """Tables by language, where that is what files are called and folders, if any, are splits (FLORES+, Belebele)."""
    named = {path.name.split(".")[0] for splits in tables.values() for paths in splits.values() for path in paths}
    if not named or not all("_" in one and canonical_code(one) for one in named):
        return tables
    found: Tables = {}
    for config, splits in tables.items():
        for name, paths in splits.items():
            for path in paths:
                # <split>/<language>.parquet, or <language>.jsonl and one split
                part = path.parent.name if path.parent.name in (config, name) else "test"
                found.setdefault(path.name.split(".")[0], {}).setdefault(part, []).append(path)
    return found


def _subset(tables: Tables, name: str, split: str | None, language: str | None, queries: str | None) -> Subset:
    def files(part: str) -> list[Path]:
        config = f"{name}-{part}" if name else part
        return _split(tables[config], split, config)

    qrels = next((one for one in _QRELS if (f"{name}-{one}" if name else one) in tables), None)
    if qrels is None:
        raise DataError(f"The subset {name!r} has no judgements.", expected=f"Expected {name}-qrels.")
    # In a subset A-B the documents are in A and the queries in B.
    parts = name.split("-")
    pair = [canonical_code(part) for part in parts] if len(parts) == 2 else []
    whole = canonical_code(name or language or "")
    asked = whole if queries is None else canonical_code(queries)
    document_language, query_language = pair if len(pair) == 2 and None not in pair else (whole, asked)
    if document_language is None or query_language is None:
        raise DataError(
            f"The subset {name!r} names no language.",
            expected="Expected <language>-corpus or <documents>-<queries>-corpus.",
            fix="Where it is of one language, say it with language=CODE.",
        )
    return Subset(document_language, query_language, files("corpus"), files("queries"), files(qrels))


def _bundle(config: str, paths: list[Path], columns: tuple[str, ...], keyed: bool) -> AlignedColumns | None:
    key = config if keyed else ""
    if {"sentence1", "sentence2"} <= set(columns):
        pair = [canonical_code(part) for part in config.split("-")]
        if len(pair) == 2 and None not in pair:
            named = {str(pair[0]): "sentence1", str(pair[1]): "sentence2"}
            return AlignedColumns.of(key, paths, named)
        return None
    named = {code: column for column in columns if (code := canonical_code(column)) and len(column) > 2}
    return AlignedColumns.of(key, paths, named) if len(named) > 1 else None


def _read_ud(path: Path) -> Iterator[Sentence]:
    labels = class_names(path, "upos")
    for _, number, row in rows_of([path], None):
        with expecting("a row of Universal Dependencies", path, number):
            lines = list(_ud_lines(row, labels, path, number))
        if any("\n" in line for line in lines):
            raise DataError("A field holds a line feed.", path=path, line=number)
        yield parse_sentence([(number, line) for line in lines], path)


def _ud_lines(row: dict[str, Any], labels: tuple[str, ...] | None, path: Path, number: int) -> Iterator[str]:
    """The CoNLL-U lines of a row."""
    comments = [one if one.startswith("#") else f"# {one}" for one in row.get("comments") or []]
    given = {one[1:].partition("=")[0].strip() for one in comments}
    for key in ("sent_id", "text"):
        if row.get(key) and key not in given:
            yield f"# {key} = {row[key]}"
    yield from comments
    forms = row["tokens"]
    columns = {name: row.get(key) or ["_"] * len(forms) for name, key in _UD_COLUMNS.items()}
    wrong = [name for name, values in columns.items() if len(values) != len(forms)]
    if wrong:
        raise DataError(f"{len(forms)} tokens, but another number of {wrong[0]!r}.", path=path, line=number)
    extra: dict[int, list[str]] = {}
    for node in row.get("empty_nodes") or []:
        fields = [_field(node.get(name), name) for name in COLUMNS]
        extra.setdefault(int(fields[0].partition(".")[0]), []).append("\t".join(fields))
    for node in row.get("mwt") or []:
        fields = [_field(node.get(name), name) for name in COLUMNS]
        extra.setdefault(int(fields[0].partition("-")[0]) - 1, []).append("\t".join(fields))
    for at, form in enumerate(forms):
        yield from extra.pop(at, [])
        fields = [_field(columns[name][at], name, labels) for name in COLUMNS[2:]]
        yield "\t".join([str(at + 1), form, *fields])
    for at in sorted(extra):
        yield from extra[at]


_UD_COLUMNS = {
    "lemma": "lemmas", "upos": "upos", "xpos": "xpos", "feats": "feats",
    "head": "head", "deprel": "deprel", "deps": "deps", "misc": "misc",
}  # fmt: skip


def _field(value: Any, name: str, labels: tuple[str, ...] | None = None) -> str:
    if name == "upos" and isinstance(value, int) and labels:
        return labels[value]
    # Older conversions wrote None as a word; of a lemma it may be one.
    absent = value is None or value == "" or (value == "None" and name not in ("form", "lemma"))
    return "_" if absent else str(value)


def _read_wikiann(path: Path) -> Iterator[TaggedSentence]:
    labels = class_names(path, "ner_tags") or _WIKIANN
    for _, number, row in rows_of([path], ["tokens", "ner_tags"]):
        with expecting("a row of WikiANN", path, number):
            tags = [str(labels[tag]) if isinstance(tag, int) and tag >= 0 else str(tag) for tag in row["ner_tags"]]
            tokens = tuple(one.strip() for one in row["tokens"])
        if len(tags) != len(tokens):
            raise DataError(f"{len(tokens)} tokens, {len(tags)} tags.", path=path, line=number)
        if wrong := [tag for tag in tags if not _TAG.fullmatch(tag)]:
            raise DataError(f"Tag {wrong[0]!r}.", expected="Expected O, B-TYPE or I-TYPE.", path=path, line=number)
        yield TaggedSentence(tokens, tuple(_begin(tags, at) for at in range(len(tags))), number)


def _begin(tags: list[str], at: int) -> str:
    """The tag at a place, with B- where an I- continues nothing, which WikiANN's automatic annotation has."""
    tag = tags[at]
    alone = tag.startswith("I-") and (at == 0 or tags[at - 1][2:] != tag[2:])
    return "B" + tag[1:] if alone else tag
