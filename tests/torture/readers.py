"""The readers of corpora, each checked against a second, naive reading of the same bytes."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from cases import damaged
from hypothesis import strategies as st

from xlreach.corpora.document_files import read_documents, read_queries
from xlreach.corpora.formats.aligned_lines import read_bitext
from xlreach.corpora.formats.conllu import read_conllu, write_conllu
from xlreach.corpora.formats.iob2 import read_iob2, write_iob2
from xlreach.corpora.formats.lines import read_lines, write_lines
from xlreach.corpora.formats.trec import write_qrels, write_run
from xlreach.corpora.registry import find_datasets, open_dataset
from xlreach.corpora.sources.afriqa import Afriqa
from xlreach.corpora.sources.any_path import open_path
from xlreach.corpora.sources.bible_verses import Verses
from xlreach.corpora.sources.entity_corpora import read_entities
from xlreach.corpora.sources.hub import Hub
from xlreach.corpora.sources.lareqa import XquadR
from xlreach.corpora.sources.retrieval_folder import FolderCollection, write_collection
from xlreach.retrieval.pair_sources import open_pairs

_CONLLU = (
    "# sent_id = 1\n# text = Il-kelb ġera\n1-2\tIl-kelb\t_\t_\t_\t_\t_\t_\t_\t_\n"
    "1\tIl\til\tDET\tDEF\tA=B\t2\tdet\t_\t_\n"
    "2\tkelb\tkelb\tNOUN\t_\t_\t3\tnsubj\t_\t_\n"
    "2.1\t_\t_\t_\t_\t_\t_\t_\t_\t_\n3\tġera\tġera\tVERB\t_\t_\t0\troot\t_\t_\n\n"
    "1\tא\t_\tX\t_\t_\t0\troot\t_\t_\n\n"
).encode()
_IOB2 = b"Il\tO\nMalta\tB-LOC\nKollha\tI-LOC\n\n# c\nWolof B-PER\n. O\n\n"
_WIKIANN = b"en:Malta\tB-LOC\nen:is\tO\n\n"
_TEXT = "Il-bidla fil-klima\n\n  غا يېزىق \r\nnañ \u200bdem\n".encode()
_VERSES = b"# language: x\n40001001\tKtieb in-nisel\n40001002\tAbraham\n"
_CORPUS = (
    b'{"_id": "d1", "title": "T", "text": "kelb", "language": "mt"}\n{"_id": "d2", "text": "dog", "language": "en"}\n'
)
_QUERIES = (
    b'{"_id": "q1", "text": "what", "language": "en", "group": "1"}\n{"_id": "q2", "text": "x", "language": "mt"}\n'
)
_QRELS = b"query-id\tcorpus-id\tscore\nq1\td1\t1\nq2\td2\t0\n"
_LAREQA = json.dumps(
    {"data": [{"paragraphs": [{
        "context": "A dog. A cat.", "sentences": ["A dog.", "A cat."], "sentence_breaks": [[0, 6], [7, 13]],
        "qas": [{"id": "1", "question": "What?", "answers": [{"answer_start": 7, "text": "A cat"}]}],
    }]}]}
).encode()  # fmt: skip
_AFRIQA = (
    b'{"question_lang": "Wan?", "question_translated": "Which?", "context": "A passage.", "title": "T"}\n'
    b'{"question_lang": "Ban?", "question_translated": NaN, "context": "B", "title": null}\n'
)
_LANGUAGES = ("en", "mt", "wo", "zh")


def text(case: bytes, folder: Path) -> None:
    path = _put(folder / "mt.txt", case)
    lines = list(read_lines(path))
    raw = case.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    told = [one.removesuffix(b"\r").decode() for one in raw]
    assert lines == [one for one in told if one.strip()]
    write_lines(path, lines)
    # A CR before the line end, or a byte-order mark at the start, is part of how a file is written.
    if not any(one.endswith("\r") for one in lines) and not "".join(lines[:1]).startswith("\ufeff"):
        assert list(read_lines(path)) == lines


def conllu(case: bytes, folder: Path) -> None:
    path = _put(folder / "mt_x-ud-test.conllu", case)
    sentences = list(read_conllu(path))
    told = [one.removesuffix(b"\r") for one in case.removeprefix(b"\xef\xbb\xbf").split(b"\n")]
    assert [line.encode() for one in sentences for line in one.lines()] == [one for one in told if one]
    assert all(word.form and word.head in (None, *range(len(one.words) + 1)) for one in sentences for word in one.words)
    write_conllu(folder / "again.conllu", sentences)
    if b"\r\r" not in case and not case.startswith(b"\xef\xbb\xbf" * 2):
        assert list(read_conllu(folder / "again.conllu")) == sentences


def iob2(case: bytes, folder: Path) -> None:
    path = _put(folder / "train.txt", case)
    strict = _or_none(lambda: list(read_iob2(path)))
    mended = list(read_entities(path))
    assert [one.tokens for one in mended] == [one.tokens for one in strict or mended]
    for one in strict or mended:
        assert len(one.tokens) == len(one.tags) and all(token.strip() for token in one.tokens)
    write_iob2(folder / "again.txt", mended)
    plain = all("\t" not in token and "\r" not in token for one in mended for token in one.tokens)
    if (
        plain
        and not mended[0].tokens[0].startswith(("\ufeff", "# "))
        and not any(one.tokens[0].startswith("#") for one in mended)
    ):
        assert list(read_iob2(folder / "again.txt")) == mended
    list(read_iob2(path, language_prefix=True, repair=True))


def bitext(case: tuple[bytes, bytes], folder: Path) -> None:
    paths = [_put(folder / name, content) for name, content in zip(("a.txt", "b.txt"), case, strict=True)]
    pairs = list(read_bitext(*paths))
    sides = [[line.strip() for line in _naive(content)] for content in case]
    assert pairs == [pair for pair in zip(*sides, strict=True) if all(pair)]


def bitext_set(case: tuple[bytes, bytes], folder: Path) -> None:
    root = _fresh(folder)
    for code, content in zip(("mt", "en"), case, strict=True):
        _put(root / "parallel" / "x" / f"{code}.txt", content)
    data = open_dataset("bitext:x", root)
    _walk(data)


def verses(case: tuple[bytes, bytes], folder: Path) -> None:
    root = _fresh(folder)
    for code, content in zip(("mt", "en"), case, strict=True):
        _put(root / "parallel" / "x" / f"{code}.txt", content)
    find_datasets(root, "collection", "mt")
    _walk(Verses("x").open(root))


def folder_set(case: tuple[int, bytes], folder: Path) -> None:
    contents = [_CORPUS, _QUERIES, _QRELS]
    contents[case[0]] = case[1]
    root = _fresh(folder)
    for name, content in zip(("corpus.jsonl", "queries.jsonl", "qrels.tsv"), contents, strict=True):
        _put(root / "c" / name, content)
    data = FolderCollection(root / "c")
    documents, queries, qrels = _walk(data)
    rows = [json.loads(line) for line in _naive(contents[0]) if line.strip()]
    assert sorted((str(row.get("_id", row.get("id"))), row["text"]) for row in rows) == sorted(
        (one.id, one.text) for one in documents
    )
    write_collection(root / "again", documents, queries, qrels)
    assert _walk(FolderCollection(root / "again")) == (documents, queries, qrels)


def items(case: tuple[str, bytes], folder: Path) -> None:
    path = _put(folder / case[0], case[1])
    documents = list(read_documents(path, "mt"))
    queries = read_queries(path)
    assert [one.text for one in documents] == [text for _, text in queries]
    assert all(isinstance(one.id, str) and one.id for one in documents)
    _encodable(one for document in documents for one in (document.id, document.text, document.title))


def lareqa(case: bytes, folder: Path) -> None:
    root = _fresh(folder)
    _put(root / "qa/lareqa/xquad-r/en.json", case)
    _put(root / "qa/lareqa/xquad-r/mt.json", _LAREQA)
    for passage in ("sentence", "context"):
        _walk(XquadR(passage).open(root))


def afriqa(case: bytes, folder: Path) -> None:
    root = _fresh(folder)
    for split, content in (("train", case), ("test", _AFRIQA)):
        _put(root / f"qa/afriqa/data/gold_passages/wo/gold_span_passages.afriqa.wol.en.{split}.json", content)
    for split in ("train", "test"):
        _walk(Afriqa(split).open(root))


def hub(case: tuple[str, str, bytes], folder: Path) -> None:
    kind, name, content = case
    root = _fresh(folder)
    for path, valid in _HUB[kind].items():
        _put(root / "copy" / path, content if path == name else valid)
    data = Hub(str(root / "copy"), language="mt").open(root)
    if hasattr(data, "splits"):
        for split in data.splits:
            for one in data.read(split):
                _encodable([one.text])
    else:
        _walk(data, closed=False)  # published judgements may be of documents that are not there


def topics(case: tuple[int, bytes], folder: Path) -> None:
    root = _fresh(folder)
    for at, (path, valid) in enumerate(_MIRACL.items()):
        _put(root / "qa/miracl" / path, case[1] if at == case[0] else valid)
    _walk(open_dataset("miracl", root), closed=False)  # published judgements may be of documents that are not there


def triples(case: bytes, folder: Path) -> None:
    _put(folder / "t.jsonl", case)
    source = open_pairs("triples(t.jsonl,language=mt)", folder)
    for texts in source.pairs("mt", "mt", 1):
        assert len(texts) >= 2 and all(isinstance(one, str) and one.strip() for one in texts)
        _encodable(texts)


def any_path(case: tuple[str, bytes], folder: Path) -> None:
    root = _fresh(folder)
    data = open_path(_put(root / case[0], case[1]))
    assert data.languages and all(data.languages)
    for language in data.languages:
        for split in getattr(data, "splits", ()):
            list(data.read(split))
        list(data.lines(language)) if hasattr(data, "lines") else None


def trec(case: list[tuple[str, str]], folder: Path) -> None:
    path = folder / "x.run"
    try:
        write_run(path, [(query, [(document, 0.5)]) for query, document in case])
        write_qrels(folder / "x.qrels", {query: {document: 1} for query, document in case})
    except ValueError:  # refused by contract: callers give ids that were checked when read
        assert any(not one or any(c.isspace() for c in one) or not _is_text(one) for pair in case for one in pair)
        return
    read = [line.split() for line in path.read_text("utf-8").split("\n") if line]
    assert [(row[0], row[2]) for row in read] == case and all(len(row) == 6 for row in read)


def _walk(data: Any, closed: bool = True) -> tuple[list[Any], list[Any], dict[str, dict[str, int]]]:
    """Everything that a collection gives."""
    languages = data.languages
    documents = [one for code in languages for one in data.documents(code)]
    queries = [one for code in languages for one in data.queries(code)]
    qrels: dict[str, dict[str, int]] = {}
    for a in languages:
        for b in languages:
            for query, judged in data.qrels(a, b).items():
                qrels.setdefault(query, {}).update(judged)
            list(data.pairs(a, b))
    known = {one.id for one in documents}
    assert all(isinstance(one.id, str) and isinstance(one.text, str) for one in (*documents, *queries))
    if closed:
        assert {one for judged in qrels.values() for one in judged} <= known, "a judgement of no document"
        assert set(qrels) <= {one.id for one in queries}, "a judgement of no query"
    _encodable(one for item in (*documents, *queries) for one in (item.id, item.text))
    return documents, queries, qrels


def _encodable(texts: Any) -> None:
    """What was read can be written again: no lone surrogates."""
    for one in texts:
        one.encode("utf-8")


def _is_text(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _naive(content: bytes) -> list[str]:
    raw = content.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    if raw[-1] == b"":
        raw.pop()
    return [one.removesuffix(b"\r").decode() for one in raw]


def _put(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def _fresh(folder: Path) -> Path:
    root = folder / "root"
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    return root


def _or_none(read: Any) -> Any:
    from xlreach.errors import XLReachError

    try:
        return read()
    except XLReachError:
        return None


def _parquet(rows: list[dict[str, Any]]) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows), sink)
    return sink.getvalue().to_pybytes()


def _jsonl(rows: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


_UD_ROW = {
    "tokens": ["a", "b"],
    "upos": ["X", "NOUN"],
    "head": ["2", "0"],
    "deprel": ["dep", "root"],
    "lemmas": ["a", "b"],
}
_BELEBELE = {"link": "l", "flores_passage": "A passage.", "question": "What?", "question_number": 1}


def _card(*configs: str) -> bytes:
    rows = [f"- config_name: {name}\n  data_files:\n  - split: test\n    path: {name}/test.*\n" for name in configs]
    return f"---\nconfigs:\n{''.join(rows)}---\n".encode()


_HUB = {
    "retrieval": {
        "corpus/test.jsonl": _jsonl([{"_id": "d", "text": "t", "title": ""}]),
        "queries/test.jsonl": _jsonl([{"_id": "q", "text": "t"}]),
        "qrels/test.jsonl": _jsonl([{"query-id": "q", "corpus-id": "d", "score": 1}]),
        "README.md": _card("corpus", "queries", "qrels"),
    },
    "retrieval-parquet": {
        "corpus/test.parquet": _parquet([{"_id": "d", "text": "t", "title": ""}]),
        "queries/test.parquet": _parquet([{"_id": "q", "text": "t"}]),
        "qrels/test.parquet": _parquet([{"query-id": "q", "corpus-id": "d", "score": 1}]),
        "README.md": _card("corpus", "queries", "qrels"),
    },
    "treebank": {"mt_x/test.jsonl": _jsonl([_UD_ROW]), "README.md": _card("mt_x")},
    "treebank-parquet": {"mt_x/test.parquet": _parquet([_UD_ROW] * 3), "README.md": _card("mt_x")},
    "entities": {"mt/test.jsonl": _jsonl([{"tokens": ["a", "b"], "ner_tags": [1, 2]}]), "README.md": _card("mt")},
    "belebele": {
        "mlt_Latn/test.jsonl": _jsonl([_BELEBELE]),
        "eng_Latn/test.jsonl": _jsonl([_BELEBELE]),
        "README.md": _card("mlt_Latn", "eng_Latn"),
    },
    "pairs": {"mlt-eng/test.csv": b"sentence1,sentence2\na,b\n", "README.md": _card("mlt-eng")},
    "pairs-parquet": {
        "mlt-eng/test.parquet": _parquet([{"sentence1": "a", "sentence2": "b"}]),
        "README.md": _card("mlt-eng"),
    },
}
_hub_cases = st.sampled_from([(kind, name) for kind, files in _HUB.items() for name in files]).flatmap(
    lambda one: st.tuples(st.just(one[0]), st.just(one[1]), damaged(_HUB[one[0]][one[1]]))
)
_MIRACL = {
    "miracl-v1.0-sw/topics/topics.miracl-v1.0-sw-dev.tsv": b"0\tNani?\n7\tLini?\n",
    "miracl-v1.0-sw/qrels/qrels.miracl-v1.0-sw-dev.tsv": b"0\tQ0\t1#0\t1\n7 Q0 2#0 0\n",
    "miracl-corpus-v1.0-sw/docs-0.jsonl": _jsonl([{"docid": "1#0", "title": "A", "text": "a"}]),
    "miracl-corpus-v1.0-sw/docs-1.jsonl.gz": gzip.compress(_jsonl([{"docid": "2#0", "contents": "B\n\nb"}]), mtime=0),
}
_TRIPLES = _jsonl(
    [{"query": "q", "positive": "p", "negatives": ["n", "m"]}, {"anchor": "q", "pos": ["p", "r"], "neg": "n"}]
)
_topic_files = st.sampled_from(list(enumerate(_MIRACL.values()))).flatmap(
    lambda one: st.tuples(st.just(one[0]), damaged(one[1]))
)
_two_texts = st.tuples(damaged(_TEXT), st.one_of(st.just(_TEXT), damaged(_TEXT)))
_two_verses = st.tuples(damaged(_VERSES), st.one_of(st.just(_VERSES), damaged(_VERSES)))
_folders = st.integers(0, 2).flatmap(lambda at: st.tuples(st.just(at), damaged((_CORPUS, _QUERIES, _QRELS)[at])))
_items = st.sampled_from([("x.txt", _TEXT), ("x.jsonl", _CORPUS)]).flatmap(
    lambda one: st.tuples(st.just(one[0]), damaged(one[1]))
)
_paths = st.tuples(
    st.sampled_from(
        ("mt.txt", "train.iob2", "mt_mudt-ud-train.conllu", "wol/train.txt", "x.bin", "ner.conll", "no.txt")
    ),
    damaged(_TEXT, _IOB2, _CONLLU),
)
_ids = st.lists(st.tuples(st.text(max_size=8), st.text(max_size=8)), max_size=4, unique_by=lambda pair: pair[0])
TARGETS: dict[str, Any] = {
    "text": (damaged(_TEXT), text),
    "conllu": (damaged(_CONLLU), conllu),
    "iob2": (damaged(_IOB2, _WIKIANN), iob2),
    "bitext": (_two_texts, bitext),
    "bitext-set": (_two_texts, bitext_set),
    "verses": (_two_verses, verses),
    "folder": (_folders, folder_set),
    "items": (_items, items),
    "xquad-r": (damaged(_LAREQA), lareqa),
    "afriqa": (damaged(_AFRIQA), afriqa),
    "hub": (_hub_cases, hub),
    "topics": (_topic_files, topics),
    "triples": (damaged(_TRIPLES), triples),
    "path": (_paths, any_path),
    "trec": (_ids, trec),
}
