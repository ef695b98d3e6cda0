from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from xlreach.corpora.parallel_text import AlignedFiles, ParallelText
from xlreach.errors import DataError, SpecError
from xlreach.retrieval.alignment import ALIGNMENTS
from xlreach.retrieval.batches import HybridBatches, PairTable, gather_pairs, trainer_sampler
from xlreach.retrieval.pair_sources import PairSource, open_pairs, pairs_of


class Listed(PairSource):
    def __init__(self, name: str, pairs: dict[tuple[str, str], list[tuple[str, str]]]) -> None:
        super().__init__(name, sorted({code for pair in pairs for code in pair}))
        self._pairs = pairs

    def pairs(self, query_language, passage_language, seed):
        return iter(self._pairs.get((query_language, passage_language), ()))

    def files(self, languages):
        return []


def listed(name: str, *languages: tuple[str, str], count: int) -> Listed:
    return Listed(
        name, {(a, b): [(f"{name} {a}{b} q{i}", f"{name} {a}{b} p{i}") for i in range(count)] for a, b in languages}
    )


SOURCES = [
    listed("big", ("en", "en"), ("de", "de"), ("en", "de"), ("de", "en"), count=300),
    listed("small", ("en", "en"), ("en", "mt"), count=100),
]
LANGUAGES = ["en", "de", "mt"]


def kinds(table: PairTable) -> dict[int, tuple[str, str, str]]:
    """(data set, query language, passage language) of each row."""
    return {row: (name, a, b) for name, a, b, rows in table.pools() for row in rows}


def test_batches_are_mono_with_probability_alpha_and_of_one_kind():
    table = gather_pairs(SOURCES, LANGUAGES, mono=True, cross=True, seed=1)
    of = kinds(table)
    assert len(of) == len(table) == 4 * 300 + 2 * 100
    batches = list(HybridBatches(table, alpha=0.3, batch=8, steps=3000, seed=1))
    assert len(batches) == 3000 and all(len(batch) == 8 for batch in batches)
    mono: Counter[tuple[str, str]] = Counter()
    cross: Counter[str] = Counter()
    for batch in batches:
        names = {of[row][0] for row in batch}
        assert len(names) == 1
        directions = {of[row][1:] for row in batch}
        if all(a == b for a, b in directions):
            assert len(directions) == 1
            mono[names.pop(), directions.pop()[0]] += 1
        else:
            assert all(a != b for a, b in directions)
            cross[names.pop()] += 1
    total = sum(mono.values())
    assert total / 3000 == pytest.approx(0.3, abs=0.03)
    # the language uniformly, then the data set by its size in that language
    assert mono["big", "de"] / total == pytest.approx(1 / 2, abs=0.05)
    assert mono["big", "en"] / (mono["big", "en"] + mono["small", "en"]) == pytest.approx(3 / 4, abs=0.06)
    assert cross["big"] / sum(cross.values()) == pytest.approx(600 / 700, abs=0.03)


def test_cross_batches_mix_directions():
    table = gather_pairs(SOURCES, LANGUAGES, mono=False, cross=True, seed=1)
    of = kinds(table)
    assert all(a != b for _, a, b in of.values())
    drawn = Counter(of[row] for batch in HybridBatches(table, 0, 8, 500, 2) for row in batch)
    assert drawn["big", "en", "de"] / drawn["big", "de", "en"] == pytest.approx(1, abs=0.15)
    assert any(len({of[row] for row in batch}) == 2 for batch in HybridBatches(table, 0, 8, 20, 3))


def test_every_pair_is_seen_before_any_is_seen_again():
    table = gather_pairs([listed("one", ("en", "en"), count=40)], ["en"], mono=True, cross=False, seed=1)
    seen = Counter(row for batch in HybridBatches(table, 1, 8, 5, 1) for row in batch)
    assert len(seen) == 40 and set(seen.values()) == {1}


def test_batches_are_the_same_for_the_same_seed():
    table = gather_pairs(SOURCES, LANGUAGES, mono=True, cross=True, seed=1)
    first = list(HybridBatches(table, 0.5, 8, 50, 4))
    assert first == list(HybridBatches(table, 0.5, 8, 50, 4)) != list(HybridBatches(table, 0.5, 8, 50, 5))


def test_what_means_the_same_never_meets_in_a_batch(parallel: ParallelText):
    table = gather_pairs([pairs_of(parallel)], ["en", "de", "mt"], mono=False, cross=True, seed=1)
    assert len(table) == 6 * 120
    meaning = {}
    for row in range(len(table)):
        numbers = table.queries[row].replace("xx", "").replace("yy", "").replace("zz", "")
        meaning[row] = numbers
    for batch in HybridBatches(table, 0, 64, 60, 1):
        assert len({meaning[row] for row in batch}) == len(batch) == 64


def test_shared_texts_join_groups_and_small_pools_give_small_batches():
    pairs = [("who?", "Ada"), ("who was it?", "Ada"), ("who was it?", "Ada L."), ("when?", "1843"), ("why?", "fun")]
    table = gather_pairs([Listed("qa", {("en", "en"): pairs})], ["en"], mono=True, cross=False, seed=1)
    assert table.groups[0] == table.groups[1] == table.groups[2]
    assert len(set(table.groups.tolist())) == 3
    for batch in HybridBatches(table, 1, 4, 30, 1):
        assert len(batch) == 3
    seen = Counter(row for batch in HybridBatches(table, 1, 4, 30, 1) for row in batch)
    assert set(seen) == set(range(5))


@pytest.mark.parametrize(("sampling", "share"), [(1, 3 / 4), (2, 3**0.5 / (1 + 3**0.5)), (1e9, 1 / 2)])
def test_a_temperature_draws_languages_and_data_sets_by_a_root_of_their_size(sampling, share):
    big = listed("big", ("de", "de"), ("en", "de"), count=300)
    small = listed("small", ("mt", "mt"), ("en", "mt"), count=100)
    table = gather_pairs([big, small], LANGUAGES, mono=True, cross=True, seed=1)
    of = kinds(table)
    drawn = Counter(of[batch[0]] for batch in HybridBatches(table, 0.5, 4, 4000, 1, sampling))
    mono = drawn["big", "de", "de"] / (drawn["big", "de", "de"] + drawn["small", "mt", "mt"])
    cross = drawn["big", "en", "de"] / (drawn["big", "en", "de"] + drawn["small", "en", "mt"])
    assert (mono, cross) == pytest.approx((share, share), abs=0.04)


def test_a_passage_is_no_other_pairs_hard_negative_in_its_batch():
    table = gather_pairs([listed("one", ("en", "en"), count=24)], ["en"], mono=True, cross=False, seed=1)
    table.against = {row: frozenset({int(table.groups[(row + 1) % 24])}) for row in range(24)}
    batches = list(HybridBatches(table, 1, 8, 60, 1))
    for batch in batches:
        taken = {int(table.groups[row]) for row in batch}
        assert all(taken.isdisjoint(table.against[row]) for row in batch)
    assert {row for batch in batches for row in batch} == set(range(24)) and max(map(len, batches)) == 8


def test_a_batch_is_divided_among_devices_after_it_is_drawn():
    table = gather_pairs(SOURCES, LANGUAGES, mono=True, cross=True, seed=1)
    batches = HybridBatches(table, 0.5, 9, 40, 1)
    given = list(trainer_sampler(batches, 2)(range(len(table)), batch_size=4, drop_last=False))
    assert len(given) == 80 and {len(part) for part in given} == {4}
    whole = list(batches)
    assert [given[at] + given[at + 1] for at in range(0, 80, 2)] == [batch[:8] for batch in whole]
    one = trainer_sampler(batches, 1)(range(len(table)), batch_size=9, drop_last=False)
    assert list(one) == whole and len(one) == 40


def test_triples_bring_hard_negatives(tmp_path: Path):
    rows = [
        '{"query": "q1", "positive": "p1", "negatives": ["n1", "n2"]}',
        '{"anchor": "q2", "pos": ["p2", "p3"], "neg": ["n3"]}',
        '{"anchor": "q3", "positive": "p4"}',
    ]
    (tmp_path / "t.jsonl").write_text("\n".join(rows) + "\n\n", "utf-8")
    source = open_pairs("triples(t.jsonl,language=mt)", tmp_path)
    assert str(source) == "triples(t.jsonl,language=mt)" and source.languages == ("mt",)
    table = gather_pairs([source], ["mt"], mono=True, cross=False, seed=1)
    assert list(zip(table.queries, table.passages, strict=True)) == [
        ("q1", "p1"), ("q2", "p2"), ("q2", "p3"), ("q3", "p4"),
    ]  # fmt: skip
    assert table.given == {0: ("n1", "n2"), 1: ("n3",), 2: ("n3",)}
    other = open_pairs("triples(t.jsonl,language=mt,queries=en)", tmp_path)
    assert other.languages == ("en", "mt") and len(list(other.pairs("en", "mt", 1))) == 4
    assert not list(other.pairs("mt", "mt", 1))
    for wrong in (
        '{"query": "q"}',
        "[1]",
        '{"query": "", "positive": "p"}',
        '{"query": "q", "positive": [1]}',
        "{",
        "[" * 99999,
    ):
        (tmp_path / "w.jsonl").write_text(rows[0] + "\n" + wrong + "\n", "utf-8")
        with pytest.raises(DataError, match=r"w\.jsonl:2: (Not a triple|Not JSON|Brackets)"):
            list(open_pairs("triples(w.jsonl)", tmp_path).pairs("en", "en", 1))
    (tmp_path / "w.jsonl").write_bytes(b'{"query": "\xff", "positive": "p"}\n')
    with pytest.raises(DataError, match="not UTF-8"):
        list(open_pairs("triples(w.jsonl)", tmp_path).pairs("en", "en", 1))
    with pytest.raises(DataError, match="no such file"):
        open_pairs("triples(none.jsonl)", tmp_path)


def test_missing_kinds_of_pairs_are_named(parallel: ParallelText):
    with pytest.raises(DataError, match=r"No pairs for mono batches.*crops"):
        gather_pairs([pairs_of(parallel)], ["en", "de"], mono=True, cross=True, seed=1)
    with pytest.raises(DataError, match=r"No pairs for cross batches"):
        gather_pairs([listed("one", ("en", "en"), count=4)], ["en"], mono=True, cross=True, seed=1)
    with pytest.raises(DataError, match="mean the same"):
        gather_pairs([listed("one", ("en", "en"), count=1)], ["en"], mono=True, cross=False, seed=1)


def test_crops_are_two_spans_of_the_same_lines(tmp_path: Path):
    words = [f"w{number}" for number in range(200)]
    text = tmp_path / "qaa.txt"
    text.write_text("".join(" ".join(words[at : at + 10]) + "\n" for at in range(0, 200, 10)), "utf-8")
    source = open_pairs("crops(lines=2)", tmp_path)
    assert source.uses_text and source.languages == () and source.files(["qaa"]) == []
    bound = source.bind({"qaa": text})
    pairs = list(bound.pairs("qaa", "qaa", seed=1))
    assert 8 <= len(pairs) <= 10
    assert pairs == list(bound.pairs("qaa", "qaa", seed=1)) != list(bound.pairs("qaa", "qaa", seed=2))
    for query, passage in pairs:
        first = {int(word[1:]) // 20 for span in (query, passage) for word in span.split()}
        assert len(first) == 1
        for span in (query, passage):
            numbers = [int(word[1:]) for word in span.split()]
            assert numbers == list(range(numbers[0], numbers[0] + len(numbers))) and 4 <= len(numbers) <= 12
    assert not list(bound.pairs("qaa", "en", seed=1))
    assert len(list(open_pairs("crops(lines=2,most=3)", tmp_path).bind({"qaa": text}).pairs("qaa", "qaa", 1))) == 3


def test_crops_without_written_words_are_of_characters(tmp_path: Path):
    text = tmp_path / "zh.txt"
    text.write_text("".join(chr(0x4E00 + at) for at in range(60)) + "\n", "utf-8")
    [(query, passage)] = open_pairs("crops(lines=1)", tmp_path).bind({"zh": text}).pairs("zh", "zh", 1)
    assert 12 <= len(query) <= 36 and " " not in query + passage


def test_pair_source_strings(tmp_path: Path, parallel: ParallelText):
    assert str(open_pairs("crops(shortest=0.2)", tmp_path)) == "crops"
    with pytest.raises(SpecError, match=r"at least 0\.9"):
        open_pairs("crops(shortest=0.9)", tmp_path)
    with pytest.raises(SpecError, match="has no pairs"):
        pairs_of(object())
    source = pairs_of(parallel)
    assert source.name == "toy" and not source.uses_text and pairs_of(source) is source
    assert not list(source.pairs("en", "en", 1)) and not list(source.pairs("en", "sw", 1))
    assert len(source.files(["en", "sw"])) == 1


def test_crops_of_parallel_text_are_the_same_spans_in_every_language(tmp_path, monkeypatch):
    """Mono and cross batches differ in the language of the passage, and in nothing else."""
    paths = {code: tmp_path / f"{code}.txt" for code in ("en", "de", "mt")}
    for code, path in paths.items():
        path.write_text("".join(" ".join(f"{code}{n}.{at}" for at in range(9)) + "\n" for n in range(20)), "utf-8")
    text = ParallelText("toy", [AlignedFiles("", paths)])
    monkeypatch.setattr("xlreach.retrieval.pair_sources.open_dataset", lambda name, root: text)
    source = open_pairs("crops(toy)", tmp_path)
    pairs = {(a, b): list(source.pairs(a, b, 1)) for a in paths for b in paths}
    assert min(map(len, pairs.values())) >= 9
    for (a, b), crops in pairs.items():
        as_english = [(query.replace(a, "en"), passage.replace(b, "en")) for query, passage in crops]
        assert as_english == pairs["en", "en"]


def test_alignments_print_back():
    for text in ("none", "mono", "cross(steps=10)", "hybrid(alpha=0.5)", "hybrid(alpha=0.4,steps=20,mini_batch=8)"):
        assert str(ALIGNMENTS.parse(text)) == text
    assert str(ALIGNMENTS.parse("hybrid")) == "hybrid(alpha=0.5)"
    assert [ALIGNMENTS.parse(text).mono_share for text in ("mono", "cross", "hybrid(0.25)")] == [1, 0, 0.25]
    assert [ALIGNMENTS.parse(text).trains for text in ("none", "mono")] == [False, True]
    with pytest.raises(SpecError, match="from 0 to 1"):
        ALIGNMENTS.parse("hybrid(alpha=2)")
    with pytest.raises(SpecError, match="Did you mean 'hybrid'"):
        ALIGNMENTS.parse("hybird")
