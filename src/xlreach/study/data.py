"""A study's data: the folder they lie in, what it holds for each language, and what training must not see."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any

from xlreach.corpora.dataset import Kind
from xlreach.errors import ConfigError
from xlreach.store import Store, Workspace, digest, file_digest
from xlreach.study.config import StudyConfig
from xlreach.study.stage import Stage
from xlreach.tagging.tasks import TASKS


def materialise(data: str, store: Store) -> Path:
    """The folder of corpora that a study's `data` names; artificial languages are generated into the store.

    Raises:
        ConfigError: There is no such folder.
    """
    from xlreach.corpora.artificial import ARTIFICIAL, generate

    if data.partition("(")[0] in ARTIFICIAL:
        spec = ARTIFICIAL.parse(data)

        def make(space: Workspace, _: Any) -> None:
            generate(spec, space.out)

        return Stage("data", str(spec), {"spec": str(spec), "version": spec.version}, make).run(store)
    root = Path(data).expanduser()
    if not root.is_dir():
        raise ConfigError(
            f"Field 'data' is {data!r}: there is no such folder.",
            fix="Name a folder of corpora in upstream's layouts, or artificial() for made-up languages.",
        )
    return root


class StudyData:
    """What a study reads, by language, with checksums."""

    def __init__(self, config: StudyConfig, root: Path) -> None:
        from xlreach.languages import extend_languages, get_language

        if (root / "languages.yaml").is_file():
            extend_languages(root / "languages.yaml")
        for code in config.languages.all:
            get_language(code)
        self.config, self.root = config, root
        self._found: dict[tuple[Kind, str], list[str]] = {}

    def open(self, name: str) -> Any:
        """The data set that `name` names."""
        from xlreach.corpora.registry import open_dataset

        return open_dataset(name, self.root)

    def text(self, language: str) -> list[Any]:
        """The sources of unlabelled text of a language."""
        found = self._find("text", language)
        if self.config.text:
            wanted = self.config.text
            found = [name for name in found if name in wanted or name.partition(":")[2].split("/")[0] in wanted]
            found += [name for name in wanted if name in self._find("parallel", language)]
        return [self.open(name) for name in found]

    def tagged(self, task: Any, language: str) -> list[Any]:
        """The treebanks or entity corpora of a language for a task; those without trees are no use to a parser."""
        found = [self.open(name) for name in self._find(task.kind, language)]
        return [corpus for corpus in found if task.name != "parse" or corpus.trees]

    def collections(self) -> list[Any]:
        """The retrieval collections of the study."""
        return [self.open(name) for name in self.config.retrieval]

    def pairs(self) -> list[Any]:
        """The sources of training pairs of the study."""
        from xlreach.retrieval.pairs import open_pairs

        return [open_pairs(name, self.root) for name in self.config.pairs]

    def tables(self, languages: Iterable[str]) -> dict[str, Path]:
        """Transliteration tables that the data bring along, by language."""
        found = {code: self.root / "transliteration" / f"{code}.yaml" for code in languages}
        return {code: path for code, path in found.items() if path.is_file()}

    def evaluation_files(self, language: str) -> list[Path]:
        """Every file whose text the study scores in a language."""
        return sorted({path for _, files in self._evaluations(language) for path in files})

    def evaluation_texts(self, language: str) -> Iterator[str]:
        """Every sentence, question and passage that the study scores in a language."""
        for read, _ in self._evaluations(language):
            yield from read()

    def _evaluations(self, language: str) -> Iterator[tuple[Callable[[], Iterator[str]], list[Path]]]:
        for kind in sorted({TASKS.parse(name).kind for name in self.config.tagging}):
            for name in self._find(kind, language):
                corpus = self.open(name)
                for split in ("dev", "test"):
                    if split in corpus.splits:
                        yield partial(_sentences, corpus, split), list(corpus.splits[split])
        for collection in self.collections():
            if language in collection.languages:
                yield partial(_texts, collection, language), collection.files((language,))

    def _find(self, kind: Kind, language: str) -> list[str]:
        from xlreach.corpora.registry import find_datasets

        if (kind, language) not in self._found:
            self._found[kind, language] = find_datasets(self.root, kind, language)
        return self._found[kind, language]


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
