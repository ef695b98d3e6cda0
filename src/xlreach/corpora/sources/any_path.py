"""Opens a path as a data set: the kind follows from its content, the language from its name.

mt_mudt-ud-train.conllu            a treebank of one split       folder of such files: a treebank
train.iob2, ner/wol/               an entity corpus
mt.txt                             text                          folder of such files: text in several languages
a folder with corpus.jsonl         a retrieval collection
"""

from __future__ import annotations

from pathlib import Path

from xlreach.corpora.dataset import SPLITS, Dataset, EntityCorpus, Text, Treebank
from xlreach.corpora.formats.conllu import read_conllu
from xlreach.corpora.layout import coded_files, split_files
from xlreach.corpora.sources.entity_corpora import read_entities
from xlreach.corpora.sources.retrieval_folder import FolderCollection
from xlreach.corpora.sources.treebanks import ud_language, ud_license, ud_splits
from xlreach.errors import DataError
from xlreach.languages import canonical_code

_TREEBANK, _ENTITIES = ".conllu", (".iob2", ".bio", ".conll")


def open_path(path: Path) -> Dataset:
    """Opens a file or folder as a data set, whose name is the path as it was given.

    Raises:
        DataError: The path does not exist, or its kind or language cannot be recognized.
    """
    if not path.exists():
        raise DataError("There is no such file or folder.", path=path)
    return _open_folder(path) if path.is_dir() else _open_file(path)


def _open_folder(path: Path) -> Dataset:
    if (path / "corpus.jsonl").is_file():
        return FolderCollection(path, name=str(path))
    if treebanks := ud_splits(path):
        if len(treebanks) > 1:
            raise DataError(f"The folder holds {len(treebanks)} treebanks: {', '.join(treebanks)}.", path=path)
        ((code, splits),) = treebanks.items()
        treebank = Treebank(str(path), ud_language(code), splits, read_conllu)
        treebank.license = ud_license(path)
        return treebank
    if splits := split_files(path, "{split}.conllu"):
        return Treebank(str(path), _language(path.resolve().name, path), splits, read_conllu)
    if splits := split_files(path, *(f"{{split}}{ending}" for ending in (".tsv", ".txt", *reversed(_ENTITIES)))):
        return EntityCorpus(str(path), _language(path.resolve().name, path), splits, read_entities)
    # Only *.txt: in an arbitrary folder, a file without an ending is rarely text in the language that its name spells.
    if texts := {code: [file] for code, file in coded_files(path).items() if file.suffix == ".txt"}:
        return Text(str(path), texts)
    expected = "Expected corpus.jsonl, CoNLL-U files, train/dev/test of an entity corpus, or <language code>.txt."
    raise DataError("The folder holds no kind of data set that is recognized.", expected=expected, path=path)


def _open_file(path: Path) -> Dataset:
    if path.suffix == ".txt":
        return Text(str(path), {_language(path.stem, path): [path]})
    if path.suffix == _TREEBANK or path.suffix in _ENTITIES:
        split = next((name for name in SPLITS if name in path.stem.split("-") or name == path.stem), "test")
        stem = path.resolve().parent.name if path.stem in SPLITS else path.stem
        language = _language(stem.split("-")[0].split("_")[0], path)
        if path.suffix == _TREEBANK:
            return Treebank(str(path), language, {split: [path]}, read_conllu)
        return EntityCorpus(str(path), language, {split: [path]}, read_entities)
    expected = f"Expected .txt, {_TREEBANK} or {', '.join(_ENTITIES)}."
    raise DataError(f"A file ending in {path.suffix!r} is not recognized as a data set.", expected=expected, path=path)


def _language(name: str, path: Path) -> str:
    code = canonical_code(name)
    if code is None:
        expected = "Expected a language code, as in mt.txt or wol/train.txt."
        raise DataError(f"The name {name!r} does not give the language.", expected=expected, path=path)
    return code
