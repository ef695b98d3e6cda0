"""Removes training pairs whose query or passage is in an evaluation set, or nearly the same as a text in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from xlreach.adapt.clean_text import ContaminationFilter, normal_form
from xlreach.retrieval.pair_sources import PairSource

_AT_ONCE = 2_000


class Decontaminated(PairSource):
    """A source of pairs (bound, if it uses prepared text) without texts that are scored.

    `dropped` counts the pairs that the calls of `pairs` have left out so far.
    """

    def __init__(self, source: PairSource, scored: ContaminationFilter) -> None:
        super().__init__(source.name, source.languages)
        self._source, self._scored, self.dropped = source, scored, 0
        self.translations = source.translations

    def files(self, languages: Iterable[str]) -> list[Path]:
        return self._source.files(languages)

    def pairs(self, query_language: str, passage_language: str, seed: int) -> Iterator[tuple[str, ...]]:
        stream = self._source.pairs(query_language, passage_language, seed)
        while block := list(islice(stream, _AT_ONCE)):
            scored = [self._holds([pair[side] for pair in block]) for side in (0, 1)]
            for pair, query, passage in zip(block, *scored, strict=True):
                if query or passage:
                    self.dropped += 1
                else:
                    yield pair

    def _holds(self, texts: list[str]) -> list[bool]:
        exact, near = self._scored.find([normal_form(text) for text in texts])
        return [is_exact or is_near for is_exact, is_near in zip(exact, near, strict=True)]
