from __future__ import annotations

import pytest

from xlreach.corpora import open_dataset
from xlreach.corpora.formats.aligned_lines import read_bitext
from xlreach.corpora.formats.trec import write_qrels, write_run
from xlreach.errors import DataError


def write(path, lines, end="\n"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes("".join(line + end for line in lines).encode())
    return path


def test_bitext_keeps_alignment_over_blank_lines(tmp_path):
    a = write(tmp_path / "a", ["\ufeffone", "", "three ", "four"], "\r\n")
    b = write(tmp_path / "b", ["eins", "zwei", "drei", " "])
    assert list(read_bitext(a, b)) == [("one", "eins"), ("three", "drei")]


def test_unequal_length(tmp_path):
    a, b = write(tmp_path / "a", ["1", "2"]), write(tmp_path / "b", ["1", "2", "3", "4"])
    for left, right in ((a, b), (b, a)):
        with pytest.raises(DataError, match=r"Has 4 lines, .*a has 2") as caught:
            list(read_bitext(left, right))
        assert (caught.value.path, caught.value.line) == (b, 3)


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "parallel/toy"
    write(folder / "en.txt", ["thanks", "a house", "thanks", "a sea", ""])
    write(folder / "mlt.txt", ["grazzi", "dar", "niżżik ħajr", "baħar", "x"])
    write(folder / "wol_Latn.txt", ["jërëjëf", "kër", "jërëjëf", "", "y"])
    return tmp_path


def test_as_collection(root):
    data = open_dataset("bitext:toy", root)
    assert data.languages == ("en", "mt", "wo")
    assert [one.id for one in data.documents("en")] == ["en/1", "en/2", "en/3", "en/4"]
    assert [(one.id, one.group) for one in data.queries("wo")][-1] == ("wo/5", "5")
    # The two English "thanks" cannot be told apart: both translations answer both.
    assert data.qrels("en", "mt") == {
        "en/1": {"mt/1": 1, "mt/3": 1}, "en/2": {"mt/2": 1}, "en/3": {"mt/1": 1, "mt/3": 1}, "en/4": {"mt/4": 1},
    }  # fmt: skip
    # A translation that reads the same elsewhere is as good.
    assert data.qrels("mt", "wo")["mt/1"] == {"wo/1": 1, "wo/3": 1}
    assert data.qrels("en", "en") == {}
    assert list(data.pairs("wo", "en")) == [("jërëjëf", "thanks"), ("kër", "a house"), ("jërëjëf", "thanks")]
    assert list(data.lines("wo")) == ["jërëjëf", "kër", "jërëjëf", "y"]
    assert [path.name for path in data.files(["mt"])] == ["mlt.txt"]
    with pytest.raises(DataError, match="no text in 'fr'"):
        data.qrels("fr", "en")


def test_ids_are_unique_over_bundles(tmp_path):
    for other in ("deu", "uig"):
        write(tmp_path / f"parallel/tatoeba_v1/tatoeba.{other}-eng.eng", ["Hi!", f"only {other}"])
        write(tmp_path / f"parallel/tatoeba_v1/tatoeba.{other}-eng.{other}", [f"{other} 1", f"{other} 2"])
    data = open_dataset("tatoeba", tmp_path)
    ids = [one.id for code in data.languages for one in data.documents(code)]
    assert len(ids) == len(set(ids)) == 8
    assert data.qrels("de", "en") == {"de/de/1": {"en/de/1": 1, "en/ug/1": 1}, "de/de/2": {"en/de/2": 1}}
    assert data.qrels("de", "ug") == {}
    alone = open_dataset("tatoeba(uig)", tmp_path)
    assert [one.text for one in alone.documents("en")] == ["Hi!", "only uig"]
    with pytest.raises(DataError, match="no pair for 'mt'"):
        open_dataset("tatoeba(mt)", tmp_path)


def ntrex(root, documents):
    folder = root / "parallel/ntrex128"
    write(folder / "DOCUMENT_IDS.tsv", documents)
    lines = [str(number) for number in range(1, len(documents) + 1)]
    write(folder / "NTREX-128/newstest2019-src.eng.txt", ["\ufeff" + lines[0], *lines[1:]], "\r\n")
    write(folder / "NTREX-128/newstest2019-ref.zho-CN.txt", lines, "\r\n")
    write(folder / "NTREX-128/newstest2019-ref.zho-TW.txt", lines, "\r\n")


def test_ntrex_halves_fall_between_documents(tmp_path):
    ntrex(tmp_path, ["a"] * 2 + ["b"] * 5 + ["c"] * 2)
    halves = [open_dataset(f"ntrex(half={half})", tmp_path) for half in ("first", "second")]
    assert [list(half.lines("en")) for half in halves] == [["1", "2"], list("3456789")]
    assert [len(half.qrels("zh", "zh-Hant")) for half in halves] == [2, 7]
    assert halves[0].files(["en"])[0].name == "DOCUMENT_IDS.tsv"
    assert not {one.id for one in halves[0].documents("en")} & {one.id for one in halves[1].documents("en")}
    ntrex(tmp_path, ["a"] * 3)
    with pytest.raises(DataError, match="single document"):
        open_dataset("ntrex(half=first)", tmp_path)


def test_trec_files(tmp_path):
    assert write_run(tmp_path / "a.run", [("q1", [("d2", 0.5), ("d1", 0.25)])]) == 2
    assert (tmp_path / "a.run").read_text() == "q1 Q0 d2 1 0.5 xlreach\nq1 Q0 d1 2 0.25 xlreach\n"
    assert write_qrels(tmp_path / "a.qrels", {"q1": {"d1": 1}}) == 1
    assert (tmp_path / "a.qrels").read_text() == "q1 0 d1 1\n"
    with pytest.raises(ValueError, match="white space"):
        write_qrels(tmp_path / "a.qrels", {"q 1": {"d1": 1}})


def test_flores_as_released(tmp_path):
    from xlreach.corpora.registry import find_datasets

    for code, text in (("eng_Latn", "one\ntwo\n"), ("zho_Hans", "一\n二\n")):
        for split in ("dev", "devtest"):
            path = tmp_path / f"parallel/flores200_dataset/{split}/{code}.{split}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text if split == "dev" else text * 2, "utf-8")
    data = open_dataset("flores", tmp_path)
    assert data.languages == ("en", "zh") and len(list(data.pairs("en", "zh"))) == 4
    assert find_datasets(tmp_path, "collection", "zh") == ["flores(split=dev)", "flores"]
