"""A study's data: the folder they lie in, what it holds for each language, and what training must not see."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any

from xlreach.corpora.collection import Collection
from xlreach.corpora.dataset import DATASETS, Kind
from xlreach.errors import ConfigError, DataError, nearest
from xlreach.store import Store, Workspace, digest, file_digest
from xlreach.study.config import StudyConfig
from xlreach.study.stage import Stage
from xlreach.tagging.tasks import TASKS


def materialise(data: str, store: Store) -> Path:
    """The folder of corpora that a study's `data` names; artificial languages are generated into the store.

    Raises:
        DataError: There is no such folder.
        SpecError: `artificial(…)` does not parse.
    """
    from xlreach.corpora.artificial import ARTIFICIAL, generate

    if data.partition("(")[0] in ARTIFICIAL:
        spec = ARTIFICIAL.parse(data)

        def make(space: Workspace, _: Any) -> None:
            generate(spec, space.out)

        return Stage("data", str(spec), {"spec": str(spec), "version": spec.version}, make).run(store)
    root = Path(data).expanduser()
    if not root.is_dir():
        raise DataError(
            f"There is no folder {data!r}.",
            fix="Name a folder of corpora in their publishers' layouts, or artificial() for made-up languages.",
        )
    return root


class StudyData:
    """What a study reads, by language, with checksums.

    Raises:
        ConfigError: A language, text source, collection or pair source of the study is not known or of no use.
    """

    def __init__(self, config: StudyConfig, root: Path) -> None:
        from xlreach.languages import extend_languages, get_language

        if (root / "languages.yaml").is_file():
            extend_languages(root / "languages.yaml")
        for level in ("high", "low"):
            for position, code in enumerate(getattr(config.languages, level)):
                with config.at("languages", level, position):
                    get_language(code)
        self.config, self.root = config, root
        self._found: dict[tuple[Kind, str], list[str]] = {}
        self._opened: dict[str, Any] = {}
        self._judged: dict[tuple[str, tuple[str, ...]], bool] = {}
        self._collections: list[Collection] | None = None
        self._texts = self._chosen_texts()

    def open(self, name: str) -> Any:
        """The data set that `name` names."""
        from xlreach.corpora.registry import open_dataset

        if name not in self._opened:
            self._opened[name] = open_dataset(name, self.root)
        return self._opened[name]

    def credits(self) -> list[dict[str, str]]:
        """Name, licence and citation of every data set that was used."""
        return [
            {"name": data.name, "licence": data.licence, "citation": data.citation}
            for _, data in sorted(self._opened.items())
        ]

    def text(self, language: str) -> list[Any]:
        """The sources of unlabelled text of a language."""
        found = self._find("text", language)
        if self.config.text:
            found = [name for name in found if name in self.config.text or _source(name) in self.config.text]
        return [self.open(name) for name in found] + [one for one in self._texts if language in one.languages]

    def tagged(self, task: Any, language: str) -> list[Any]:
        """The treebanks or entity corpora of a language that a task can be learnt and scored on."""
        found = [self.open(name) for name in self._find(task.kind, language)]
        whole = [corpus for corpus in found if "train" in corpus.splits and "test" in corpus.splits]
        return [corpus for corpus in whole if task.name != "parse" or corpus.trees]

    def collections(self) -> list[Collection]:
        """The retrieval collections of the study."""
        if self._collections is None:
            self._collections = [self._collection(at, name) for at, name in enumerate(self.config.retrieval)]
        return self._collections

    def judged(self, collection: Collection, languages: tuple[str, ...]) -> bool:
        """Whether anything in these languages is judged in a setting that the study scores."""
        key = (collection.name, languages)
        if key not in self._judged:
            ways = [(a, b) for a in languages for b in languages if a == b or set(self.config.settings) != {"mono"}]
            if "mono" not in self.config.settings and "multi" not in self.config.settings:
                ways = [(a, b) for a, b in ways if a != b]
            self._judged[key] = any(collection.qrels(a, b) for a, b in ways)
        return self._judged[key]

    def pairs(self) -> list[Any]:
        """The sources of training pairs of the study."""
        from xlreach.retrieval.pairs import PAIR_SOURCES, open_pairs, pairs_of

        sources = []
        for position, name in enumerate(self.config.pairs):
            with self.config.at("pairs", position):
                crops = name.partition("(")[0].strip() in PAIR_SOURCES
                sources.append(open_pairs(name, self.root) if crops else pairs_of(self.open(name)))
                if str(sources[-1]) in {collection.name for collection in self.collections()}:
                    raise ConfigError(
                        f"{name!r} is what the study scores.", fix="Train on other pairs, or on the other half."
                    )
        return sources

    def tables(self, languages: Iterable[str]) -> dict[str, Path]:
        """Transliteration tables that the data bring along, by language."""
        found = {code: self.root / "transliteration" / f"{code}.yaml" for code in languages}
        return {code: path for code, path in found.items() if path.is_file()}

    def evaluation(self, language: str) -> dict[str, str]:
        """What the study scores in a language, by name, each with the checksum of its files."""
        return {name: checksum(files) for name, _, files in self._evaluations(language)}

    def evaluation_texts(self, language: str) -> Iterator[str]:
        """Every sentence, question and passage that the study scores in a language."""
        for _, read, _ in self._evaluations(language):
            yield from read()

    def _evaluations(self, language: str) -> Iterator[tuple[str, Callable[[], Iterator[str]], list[Path]]]:
        for kind in sorted({TASKS.parse(name).kind for name in self.config.tagging}):
            for name in self._find(kind, language):
                corpus = self.open(name)
                for split in ("dev", "test"):
                    if split in corpus.splits:
                        yield f"{name} {split}", partial(_sentences, corpus, split), list(corpus.splits[split])
        for collection in self.collections():
            if language in collection.languages:
                yield collection.name, partial(_texts, collection, language), collection.files((language,))

    def _collection(self, position: int, name: str) -> Collection:
        with self.config.at("retrieval", position):
            collection = self.open(name)
            if not isinstance(collection, Collection):
                raise DataError(
                    f"{name!r} has no queries and judgements.",
                    expected="Expected a retrieval collection or parallel text, such as xquad-r, ntrex or folder:PATH.",
                )
            if not set(self.config.languages.all) & set(collection.languages):
                raise DataError(
                    f"{name!r} has none of the study's languages.",
                    expected=f"It has {', '.join(collection.languages)}.",
                )
            return collection

    def _chosen_texts(self) -> list[Any]:
        """What the field `text` names beside sources of plain text: parallel text, of which each language is text."""
        own = {name for code in self.config.languages.all for name in self._find("text", code)}
        chosen = []
        for position, name in enumerate(self.config.text):
            if name in own or name in map(_source, own):
                continue
            with self.config.at("text", position):
                data = self.open(name) if name.partition(":")[0].partition("(")[0] in DATASETS else None
                if not callable(getattr(data, "lines", None)):
                    raise DataError(f"{name!r} is no text in the data.", fix=nearest(name, {*own, *map(_source, own)}))
                chosen.append(data)
        return chosen

    def _find(self, kind: Kind, language: str) -> list[str]:
        from xlreach.corpora.registry import find_datasets

        if (kind, language) not in self._found:
            self._found[kind, language] = find_datasets(self.root, kind, language)
        return self._found[kind, language]


def _source(name: str) -> str:
    """The family of a text data set: `lapt9` of `text:lapt9/mt`."""
    return name.partition(":")[2].split("/")[0]


def _sentences(corpus: Any, split: str) -> Iterator[str]:
    return (sentence.text for sentence in corpus.read(split))


def _texts(collection: Any, language: str) -> Iterator[str]:
    yield from (query.text for query in collection.queries(language))
    yield from (document.text for document in collection.documents(language))


@cache
def _file_key(path: Path, size: int, modified: int) -> str:
    return file_digest(path)


def checksum(files: Iterable[Path]) -> str:
    """One hash of the contents of files, in order; each file is read once a process."""
    stats = [(path, path.stat()) for path in files]
    return digest([_file_key(path, stat.st_size, stat.st_mtime_ns) for path, stat in stats])
