"""Data sets of the Hugging Face hub by id: `hub:ID(config=…,split=…)`, or by a folder with a copy of one.

What a data set is, its columns tell:

| layout | columns | kind |
|---|---|---|
| Universal Dependencies | tokens, upos, head, deprel, … | treebank |
| WikiANN | tokens, ner_tags | entities |
| mteb retrieval | configurations `<subset>-corpus`, `<subset>-queries`, `<subset>-qrels` | collection |
| Belebele | link, flores_passage, question, question_number | collection |
| XQuAD | id, context, question | collection |
| sentence pairs | sentence1, sentence2; configuration `xxx-eng` | parallel |
| NTREX, FLORES | one column for each language, named by its code | parallel |
| FLORES+ | id, iso_639_3, text; one configuration for each language | parallel |
| plain text (Wikipedia, FineWeb-2) | text; one configuration for each language | text |

Of an id, the card is fetched first, then the files that the card gives for the configurations in question. They are
kept in the hub's own cache, so that a later run needs no network and the checksums of a study hold.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar

from xlreach.corpora.dataset import DATASETS, Dataset, DatasetSpec, EntityCorpus, Kind, Treebank
from xlreach.corpora.parallel_text import ParallelText
from xlreach.corpora.sources.hub_annotations import read_entities, read_trees
from xlreach.corpora.sources.hub_layouts import (
    AlignedColumns,
    AlignedTables,
    PassageQuestions,
    Subset,
    SubsetCollection,
    TableText,
)
from xlreach.corpora.sources.hub_tables import SUFFIXES, Repository, Table, card_configs
from xlreach.corpora.sources.treebanks import ud_language
from xlreach.errors import DataError, nearest
from xlreach.languages import canonical_code
from xlreach.spec import param

_PREFERRED_SPLITS = ("test", "devtest", "dev", "train")
_QRELS = ("qrels", "default")
# Layouts with a configuration for each language, by the columns that they need.
_BY_LANGUAGE = {
    "flores+": {"id", "iso_639_3", "text"},
    "belebele": {"flores_passage", "question", "link"},
    "xquad": {"context", "question", "id"},
    "text": {"text"},
}


@DATASETS.register
@dataclass(frozen=True)
class Hub(DatasetSpec):
    """A data set of the hub, or a folder with a copy of one; its columns tell what it is."""

    name: ClassVar[str] = "hub"
    kinds: ClassVar[tuple[Kind, ...]] = ("treebank", "entities")
    member: str = param(
        help="the data set's id, or a folder with a copy (absolute, or below the data root)", member=True
    )
    config: tuple[str, ...] = param((), "configurations: a treebank, languages, or the subsets of a collection")
    split: str | None = param(None, "of collections, parallel and plain text; by default the test split, or train")
    language: str | None = param(None, "the language of a collection or configuration whose name gives none")
    queries: str | None = param(None, "the queries' language, where the subsets name only that of the documents")
    revision: str | None = param(None, "branch, tag or commit on the hub")

    @classmethod
    def _find(cls, root: Path, kind: Kind) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Treebanks and entity corpora of the copies in `hub/`; collections must be named to be used."""
        for folder in sorted((root / "hub").glob("*/")):
            repository = Repository(folder)
            languages = {config: code for config in sorted(repository.configs) if (code := _language(config))}
            # All configurations of such a repository have the same columns.
            tables = list(repository.tables(next(iter(languages))).values()) if languages else []
            if tables and _annotation(tables[0].columns) == kind:
                for config, code in languages.items():
                    yield str(cls(f"hub/{folder.name}", (config,))), (code,)

    def _open(self, root: Path) -> Dataset:
        repository = Repository(self._folder(root))
        subsets = _subsets(repository.configs)
        chosen = self._chosen(repository, subsets)
        if subsets:
            return SubsetCollection(str(self), [self._subset(repository, subset) for subset in chosen])
        splits = {config: repository.tables(config) for config in chosen}
        columns = next(iter(splits[chosen[0]].values())).columns
        if annotation := _annotation(columns):
            if len(chosen) != 1:
                fix = f"Choose one: {self.name}:{self.member}(config=…)."
                raise DataError(f"{self.member} holds {len(chosen)} corpora here.", fix=fix)
            return self._annotated(annotation, chosen[0], splits[chosen[0]])
        layout = next((name for name, needed in _BY_LANGUAGE.items() if needed <= set(columns)), None)
        preferred = ("train", *_PREFERRED_SPLITS) if layout == "text" else _PREFERRED_SPLITS
        tables = {config: _split(splits[config], self.split, config, preferred) for config in chosen}
        if layout:
            return self._by_language(tables, layout)
        return ParallelText(str(self), [_aligned_columns(name, tables[name], len(tables) > 1) for name in tables])

    def _annotated(self, kind: Kind, config: str, splits: dict[str, Table]) -> Dataset:
        paths = {split: table.paths for split, table in splits.items()}
        tables = {path: table for table in splits.values() for path in table.paths}
        if kind == "treebank":
            return Treebank(str(self), ud_language(config), paths, partial(read_trees, tables))
        return EntityCorpus(str(self), self._code(config), paths, partial(read_entities, tables))

    def _by_language(self, tables: dict[str, Table], layout: str) -> Dataset:
        """A data set with a configuration for each language."""
        name, coded = str(self), {self._code(config): table for config, table in tables.items()}
        if layout == "flores+":
            paths = {code: table.paths[0] for code, table in coded.items()}
            return ParallelText(name, [AlignedTables("", paths, tables=coded)])
        if layout == "belebele":
            key = ("link", "question_number")
            return PassageQuestions(name, coded, "link", "flores_passage", "question", key)
        if layout == "xquad":
            return PassageQuestions(name, coded, None, "context", "question", ("id",))
        return TableText(name, coded)

    def _code(self, config: str) -> str:
        """The language that a configuration is named by (`mt`, `mlt_Latn`, `20231101.mt`), or that is given."""
        code = canonical_code(config.rpartition(".")[2]) or canonical_code(self.language or "")
        if code is None:
            fix = f"Give its language: {self.name}:{self.member}(config={config},language=CODE)."
            raise DataError(f"The configuration {config!r} is not named by a language code.", fix=fix)
        return code

    def _subset(self, repository: Repository, name: str) -> Subset:
        def table(part: str) -> Table:
            config = _part(name, part)
            return _split(repository.tables(config), self.split, config)

        qrels = next((part for part in _QRELS if _part(name, part) in repository.configs), None)
        if qrels is None:
            raise DataError(f"The subset {name!r} has no judgments.", expected=f"Expected {_part(name, 'qrels')}.")
        # In a subset A-B the documents are in A and the queries in B.
        documents, _, queries = name.partition("-")
        pair = (canonical_code(documents), canonical_code(queries)) if queries else (None, None)
        if None in pair:
            single = canonical_code(name or self.language or "")
            pair = (single, single if self.queries is None else canonical_code(self.queries))
        document_language, query_language = pair
        if document_language is None or query_language is None:
            expected = "Expected <language>-corpus or <documents>-<queries>-corpus."
            fix = "Where it is of one language, give it with language=CODE."
            raise DataError(f"The name of the subset {name!r} gives no language.", expected=expected, fix=fix)
        return Subset(document_language, query_language, table("corpus"), table("queries"), table(qrels))

    def _folder(self, root: Path) -> Path:
        for folder in (Path(self.member).expanduser(), root / self.member):
            if folder.is_dir() and ".." not in folder.parts:
                return folder
        if self.member.startswith(("/", ".", "~")) or self.member.count("/") > 1:
            raise DataError(f"There is no folder {self.member!r}.")
        return download(self.member, self.revision, self.config)

    def _chosen(self, repository: Repository, subsets: list[str]) -> list[str]:
        """The configurations, or subsets of a collection, that are asked for."""
        available = subsets or repository.configs
        for config in self.config:
            if config not in available and not repository.has(config):
                raise DataError(f"{self.member} has no configuration {config!r}.", fix=nearest(config, available))
        return list(self.config) or available


def download(identifier: str, revision: str | None, configs: Iterable[str] = ()) -> Path:
    """A copy of a hub data set's files in the hub's own cache: the card, and the data files of some configurations."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    def fetch(*patterns: str) -> Path:
        allowed = ["README.md", *patterns]
        return Path(snapshot_download(identifier, repo_type="dataset", revision=revision, allow_patterns=allowed))

    try:
        card = card_configs(fetch())
        wanted = {_part(config, part) for config in configs for part in ("", "corpus", "queries", *_QRELS)}
        patterns = [pattern for name, given in card.items() if not configs or name in wanted for pattern in given]
        if not card:
            below = [f"{config}/" for config in configs] or [""]
            patterns = [f"{folder}*{suffix}{gz}" for folder in below for suffix in SUFFIXES for gz in ("", ".gz")]
        # The hub's patterns take * for any number of folders.
        return fetch(*(pattern.replace("**/", "*") for pattern in patterns))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        seen = f"The data set {identifier!r} could not be fetched from the hub ({type(error).__name__})."
        fix = "Check the id, the revision and the network, or give a folder with a copy instead of the id."
        raise DataError(seen, fix=fix) from error


def _part(subset: str, part: str) -> str:
    """The configuration of a part (`corpus`, `queries`, `qrels`) of a subset, whose name may be empty."""
    return "-".join(word for word in (subset, part) if word)


def _subsets(configs: Iterable[str]) -> list[str]:
    """The subsets of mteb's retrieval layout: what stands before `-corpus`; '' where nothing does."""
    names = [config.removesuffix("corpus").removesuffix("-") for config in configs if config.endswith("corpus")]
    return [name for name in names if _part(name, "queries") in configs]


def _annotation(columns: Iterable[str]) -> Kind | None:
    """What kind of annotated sentences a table has; None where it has none."""
    here = set(columns)
    if {"tokens", "head", "deprel"} <= here:
        return "treebank"
    return "entities" if {"tokens", "ner_tags"} <= here else None


def _language(config: str) -> str | None:
    """The language that the name of a configuration begins or ends with (`mt_mudt`, `mlt_Latn`, `xquad.ar`)."""
    return canonical_code(config.partition("_")[0].rpartition(".")[2])


def _split(
    splits: Mapping[str, Table], wanted: str | None, config: str, preferred: tuple[str, ...] = _PREFERRED_SPLITS
) -> Table:
    """The split that is asked for, or else the one that is preferred; the only one there is, whatever its name."""
    if wanted is not None:
        wanted = {"validation": "dev"}.get(wanted, wanted)
        if wanted not in splits and len(splits) > 1:
            raise DataError(f"{config!r} has no split {wanted!r}.", fix=nearest(wanted, splits))
    return next(splits[split] for split in (wanted, *preferred, *splits) if split is not None and split in splits)


def _aligned_columns(config: str, table: Table, keyed: bool) -> AlignedColumns:
    """Parallel text in a column for each language, or in two whose languages the configuration names."""
    columns = table.columns
    coded = {code: column for column in columns if len(column) > 2 and (code := canonical_code(column))}
    if {"sentence1", "sentence2"} <= set(columns):
        names = zip(config.split("-"), ("sentence1", "sentence2"), strict=False)
        coded = {code: column for name, column in names if (code := canonical_code(name))}
    if len(coded) < 2:
        seen = f"The columns {', '.join(columns[:12])} of {config!r} follow no layout that is known."
        expected = "Expected one of those in the documentation of hub data sets."
        raise DataError(seen, expected=expected, path=table.paths[0])
    return AlignedColumns(config if keyed else "", dict.fromkeys(coded, table.paths[0]), columns=coded, table=table)
