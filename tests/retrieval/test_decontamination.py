"""Training pairs that hold what is scored are left out and counted."""

from __future__ import annotations

from pathlib import Path

from xlreach.adapt.clean_text import ContaminationFilter
from xlreach.retrieval.decontamination import Decontaminated
from xlreach.retrieval.pair_sources import PairSource

LONG = "the ferry to the island leaves every morning at nine from the old harbour"


class Given(PairSource):
    name = "given"
    languages = ("en", "mt")

    def __init__(self, pairs):
        self._pairs = pairs

    def pairs(self, query_language, passage_language, seed):
        return iter(self._pairs)

    def files(self, languages):
        return [Path("given.txt")]


def clean(pairs, scored):
    source = Decontaminated(Given(pairs), ContaminationFilter(scored))
    return list(source.pairs("en", "mt", 1)), source.dropped


def test_a_pair_goes_for_its_query_or_for_its_passage_whatever_its_punctuation():
    pairs = [("Is it far?", "no"), ("yes", "IS IT  FAR"), ("how near", "quite")]
    assert clean(pairs, ["is it far"]) == ([("how near", "quite")], 2)


def test_a_passage_that_holds_a_scored_one_goes_too():
    pairs = [("when", f"As announced, {LONG}, weather permitting."), ("where", "from the new harbour, they say")]
    assert clean(pairs, [LONG]) == ([pairs[1]], 1)


def test_nothing_scored_drops_nothing_and_the_source_is_described_as_it_was():
    pairs = [("a", "b")] * 3
    assert clean(pairs, []) == (pairs, 0)
    source = Decontaminated(Given(pairs), ContaminationFilter([]))
    assert (source.name, source.languages, source.translations) == ("given", ("en", "mt"), False)
    assert source.files(["en"]) == [Path("given.txt")]


def test_every_block_of_a_long_source_is_looked_at():
    pairs = [(f"question {number}", f"answer {number}") for number in range(4_500)]
    kept, dropped = clean(pairs, ["question 7", "answer 2500", "answer 4499"])
    assert (len(kept), dropped) == (4_497, 3)
