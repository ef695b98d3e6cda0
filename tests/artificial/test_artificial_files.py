"""What a family writes: every file is read back by the reader of its format, and the splits are clean."""

from __future__ import annotations

import itertools
import json
import unicodedata
from pathlib import Path

import pytest
import yaml

from xlreach.corpora.artificial import ARTIFICIAL, family, generate
from xlreach.corpora.formats.conllu import Sentence, read_conllu, write_conllu
from xlreach.corpora.formats.iob2 import TaggedSentence, read_iob2
from xlreach.corpora.formats.lines import read_lines
from xlreach.corpora.registry import find_datasets, open_dataset
from xlreach.errors import DataError, SpecError
from xlreach.languages import extend_languages

LANGUAGES = {one.code: one for one in family(ARTIFICIAL.parse("artificial"))}
CODES = tuple(LANGUAGES)
SPLITS = ("train", "dev", "test")


def trees(root: Path, code: str, split: str) -> list[Sentence]:
    return list(read_conllu(tree_file(root, code, split)))


def tree_file(root: Path, code: str, split: str) -> Path:
    return root / "ud" / "artificial" / f"UD_{LANGUAGES[code].name}-ART" / f"{code}_art-ud-{split}.conllu"


def tagged(root: Path, code: str, split: str) -> list[TaggedSentence]:
    return list(read_iob2(root / "ner" / "artificial" / code / f"{split}.txt"))


def rows(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


@pytest.mark.parametrize("code", CODES)
def test_treebanks_are_valid_and_round_trip(root: Path, code: str, tmp_path: Path) -> None:
    for split in SPLITS:
        write_conllu(tmp_path / "again", read_conllu(tree_file(root, code, split)))
        assert (tmp_path / "again").read_bytes() == tree_file(root, code, split).read_bytes()
    sentences = [one for split in SPLITS for one in trees(root, code, split)]
    relations = {word.deprel for one in sentences for word in one.words}
    tags = {word.upos for one in sentences for word in one.words}
    assert {"root", "nsubj", "obj", "obl", "amod", "advmod", "conj", "cc", "nmod", "punct", "acl:relcl"} <= relations
    assert {"NOUN", "VERB", "ADJ", "ADV", "PROPN", "PRON", "CCONJ", "SCONJ", "NUM", "PUNCT"} <= tags
    for one in sentences:
        for word in one.words:
            assert word.feats == "_" or word.feats.split("|") == sorted(word.feats.split("|"), key=str.lower)


@pytest.mark.parametrize("code", CODES)
def test_text_comment_is_what_the_tokens_spell(root: Path, code: str) -> None:
    for one in trees(root, code, "train"):
        ranges = {}
        for _, line in one.extra:
            columns = line.split("\t")
            first, last = map(int, columns[0].split("-"))
            ranges[first] = (columns[1], last)
        spelled, covered = "", 0
        for word in one.words:
            if word.id <= covered:
                continue
            form, covered = ranges.get(word.id, (word.form, word.id))
            spelled += form + ("" if one.words[covered - 1].misc == "SpaceAfter=No" else " ")
        assert spelled.strip() == one.text


def test_one_language_has_multiword_tokens(root: Path) -> None:
    with_ranges = [code for code in CODES if any(one.extra for one in trees(root, code, "train"))]
    assert with_ranges == ["qhc"]


@pytest.mark.parametrize("code", CODES)
def test_entities_are_iob2_of_three_kinds(root: Path, code: str) -> None:
    tags = {tag for split in SPLITS for one in tagged(root, code, split) for tag in one.tags}
    assert tags == {"O", "B-PER", "I-PER", "B-LOC", "B-ORG", "I-ORG"}


def test_some_names_are_unseen_in_training(root: Path) -> None:
    def names(split: str) -> set[str]:
        return {
            t for one in tagged(root, "qhc", split) for t, tag in zip(one.tokens, one.tags, strict=True) if tag != "O"
        }

    unseen = names("test") - names("train")
    assert 0.2 < len(unseen) / len(names("test")) < 1.0


@pytest.mark.parametrize("code", CODES)
def test_splits_share_no_sentence(root: Path, code: str) -> None:
    for texts in (
        [{one.text for one in trees(root, code, split)} for split in SPLITS],
        [{" ".join(one.tokens) for one in tagged(root, code, split)} for split in SPLITS],
    ):
        assert all(not a & b for a, b in itertools.combinations(texts, 2))


@pytest.mark.parametrize("code", CODES)
def test_training_text_has_no_evaluation_sentence(root: Path, code: str) -> None:
    def squeezed(text: str) -> str:
        return "".join(text.split())

    evaluated = {squeezed(one.text) for split in ("dev", "test") for one in trees(root, code, split)}
    evaluated |= {squeezed("".join(one.tokens)) for split in ("dev", "test") for one in tagged(root, code, split)}
    folder = root / "retrieval" / "artificial-test"
    evaluated |= {squeezed(one["text"]) for one in rows(folder / "queries.jsonl") if one["language"] == code}
    for one in rows(folder / "corpus.jsonl"):
        if one["language"] == code:
            evaluated |= {squeezed(part + ending) for ending in ".!?" for part in one["text"].split(ending)}
    training = list(read_lines(root / "raw" / "artificial" / f"{code}.txt"))
    training += read_lines(root / "parallel" / "artificial" / f"{code}.txt")
    assert len(training) >= 200 + 50
    assert not {squeezed(line) for line in training} & evaluated


def test_every_byte_is_nfc_text_in_the_declared_script(root: Path) -> None:
    for path in root.rglob("*"):
        if path.is_file():
            text = path.read_bytes().decode("utf-8")
            assert unicodedata.normalize("NFC", text) == text
            assert text.endswith("\n") and "\r" not in text
    for code, word in (("qhb", "CYRILLIC"), ("qlb", "ARMENIAN"), ("qla", "LATIN")):
        letters = set((root / "raw" / "artificial" / f"{code}.txt").read_text("utf-8"))
        assert {unicodedata.name(one).split()[0] for one in letters if one.isalpha()} == {word}


@pytest.mark.parametrize("split", ["test", "train"])
def test_questions_have_their_passage_in_every_language(root: Path, split: str) -> None:
    folder = root / "retrieval" / f"artificial-{split}"
    documents = {one["_id"]: one for one in rows(folder / "corpus.jsonl")}
    queries = {one["_id"]: one for one in rows(folder / "queries.jsonl")}
    assert len(documents) == 6 * 40 and len(queries) == 6 * (30 if split == "test" else 40)
    judged: dict[str, list[str]] = {}
    for line in (folder / "qrels.tsv").read_text().splitlines()[1:]:
        query, document, score = line.split("\t")
        assert score == "1"
        judged.setdefault(query, []).append(document)
    assert judged.keys() == queries.keys()
    by_group: dict[str, set[str]] = {}
    for query, relevant in judged.items():
        assert [documents[one]["language"] for one in relevant] == list(CODES)
        numbers = {one.partition("-")[2] for one in relevant}
        assert len(numbers) == 1
        by_group.setdefault(queries[query]["group"], set()).update(numbers)
    assert all(len(passages) == 1 for passages in by_group.values())
    assert all(sum(q["group"] == group for q in queries.values()) == 6 for group in by_group)


def test_retrieval_training_and_test_share_nothing(root: Path) -> None:
    test, train = (rows(root / "retrieval" / f"artificial-{split}" / "corpus.jsonl") for split in ("test", "train"))
    for column in ("_id", "text"):
        assert not {one[column] for one in test} & {one[column] for one in train}


def test_parallel_lines_and_alignments(root: Path) -> None:
    lines = {code: list(read_lines(root / "parallel" / "artificial" / f"{code}.txt")) for code in CODES}
    assert len({len(one) for one in lines.values()}) == 1
    for path in (root / "alignment" / "artificial").iterdir():
        a, b = path.stem.split("-")
        for left, right, pairs in zip(lines[a], lines[b], read_lines(path), strict=True):
            sizes = [len(side.replace(",", " ,").replace(".", " .").split()) for side in (left, right)]
            for pair in pairs.split():
                i, j = map(int, pair.split("-"))
                assert i < sizes[0] and j < sizes[1]


def test_real_readers_open_the_root(root: Path) -> None:
    languages = extend_languages(root / "languages.yaml")
    assert [one.code for one in languages] == list(CODES)
    assert [one.in_xlmr for one in languages] == [True] * 3 + [False] * 3
    for code in CODES:
        for kind in ("text", "treebank", "entities", "parallel", "collection"):
            found = find_datasets(root, kind, code)
            assert found, (kind, code)
            for name in found:
                open_dataset(name, root)
    parallel = open_dataset("bitext:artificial", root)
    assert len(list(parallel.pairs("qha", "qlb"))) > 50
    collection = open_dataset("folder:retrieval/artificial-test", root)
    assert set(collection.languages) == set(CODES)
    assert len(list(collection.pairs("qlb", "qhb"))) == 30


def test_transliteration_table_covers_the_text(root: Path) -> None:
    table = yaml.safe_load((root / "transliteration" / "qlb.yaml").read_text("utf-8"))
    assert table["language"] == "qlb"
    assert len(set(table["table"].values())) == len(table["table"]) == 52
    letters = set((root / "raw" / "artificial" / "qlb.txt").read_text("utf-8"))
    assert {one for one in letters if one.isalpha()} <= set(table["table"])


def test_a_folder_with_files_is_refused(root: Path) -> None:
    with pytest.raises(DataError, match="not empty"):
        generate(ARTIFICIAL.parse("artificial"), root)


def test_more_questions_than_facts_are_refused() -> None:
    with pytest.raises(SpecError, match="at most 80 questions"):
        ARTIFICIAL.parse("artificial(passages=40,questions=90)")
    with pytest.raises(SpecError):
        ARTIFICIAL.parse("artificial(cognates=1.5)")
