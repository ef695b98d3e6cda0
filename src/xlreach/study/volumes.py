"""How much a study has to read: lines, sentences, documents and their pieces, told from samples of the data.

Files are not read to their ends: their sizes and the beginnings of what they hold are enough for an estimate.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import islice
from pathlib import Path

from xlreach.study.data import StudyData

_SAMPLE = 500
_COUNTED = 20_000  # documents are counted up to here, then told from the sizes of files


@dataclass(frozen=True)
class Texts:
    """Some number of texts, and a sample of them."""

    count: int
    sample: tuple[str, ...]

    @cached_property
    def characters(self) -> float:
        """Of a text, on average."""
        return sum(map(len, self.sample)) / max(1, len(self.sample))

    def pieces(self, count: Callable[[str], float], most: int) -> float:
        """Of a text, on average, special pieces included, when longer ones are cut."""
        found = [min(most, count(text) + 2) for text in self.sample]
        return sum(found) / max(1, len(found))

    def padded(self, count: Callable[[str], float], most: int, batch: int) -> float:
        """Of a text in a batch of so many that are drawn at random, padding included: as many as the longest has."""
        found = sorted(min(most, count(text) + 2) for text in self.sample)
        shares = [(at / len(found)) ** batch for at in range(len(found) + 1)]  # of batches with none beyond
        return sum(length * (after - before) for length, before, after in zip(found, shares, shares[1:], strict=False))


class Volumes:
    """The volumes of one study's data, each looked up once."""

    def __init__(self, data: StudyData) -> None:
        self._data = data
        self.text = cache(self._text)
        self.split = cache(self._split)
        self.documents = cache(self._documents)
        self.queries = cache(self._queries)

    def _text(self, language: str) -> Texts:
        """Lines of unlabelled text, as many as the study takes."""
        sources = self._data.text(language)
        sample = tuple(line for source in sources for line in islice(source.lines(language), _SAMPLE))
        size = sum(path.stat().st_size for source in sources for path in source.files((language,)))
        count = round(size / _bytes(sample)) if size else len(sample)
        most = self._data.config.text_lines
        return Texts(count if most is None else min(count, most), sample)

    def _split(self, name: str, split: str, limit: int | None) -> Texts:
        """Sentences of a split of a treebank or entity corpus."""
        corpus = self._data.open(name)
        if split not in corpus.splits:
            return Texts(0, ())
        sample = tuple(one.text for one in islice(corpus.read(split), min(_SAMPLE, limit or _SAMPLE)))
        if len(sample) < _SAMPLE or limit == len(sample):
            return Texts(len(sample), sample)
        count = len(sample) + sum(1 for _ in islice(corpus.read(split), _SAMPLE, _COUNTED))
        return Texts(count if limit is None else min(count, limit), sample)

    def _documents(self, name: str, language: str) -> Texts:
        collection = self._data.open(name)
        stream = collection.documents(language)
        sample = tuple(f"{one.title} {one.text}" for one in islice(stream, _SAMPLE))
        count = len(sample) + sum(1 for _ in islice(stream, _COUNTED))
        if count >= _COUNTED:
            size = sum(path.stat().st_size for path in collection.files((language,)))
            count = max(count, round(size / _bytes(sample)))
        return Texts(count, sample)

    def _queries(self, name: str, language: str) -> Texts:
        asked = [one.text for one in self._data.open(name).queries(language)]
        return Texts(len(asked), tuple(asked[:_SAMPLE]))


def piece_counter(tokenizer: Path | None, vocabulary: int) -> Callable[[str], float]:
    """How many pieces a text has: by a tokenizer file, or told from the size of the vocabulary."""
    if tokenizer is not None and tokenizer.is_file():
        from tokenizers import Tokenizer

        built = Tokenizer.from_file(str(tokenizer))
        built.no_truncation()
        built.no_padding()
        return cache(lambda text: len(built.encode(text, add_special_tokens=False).ids))
    # Unigram pieces grow with the logarithm of the vocabulary: about 3 letters at 1,000, 4½ at 250,000.
    return lambda text: len(text) / (1.0 + 0.65 * math.log10(max(100, vocabulary)))


def _bytes(sample: Iterable[str]) -> float:
    sizes = [len(line.encode("utf-8", "replace")) + 1 for line in sample]
    return sum(sizes) / len(sizes) if sizes else 1.0
