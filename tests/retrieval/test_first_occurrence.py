from __future__ import annotations

import random

from xlreach.retrieval import first_occurrence as module
from xlreach.retrieval.first_occurrence import FirstOccurrence


def test_first_rows_are_those_of_a_dictionary(monkeypatch):
    draw = random.Random(1)
    for longest in (2**22, 500):
        monkeypatch.setattr(module, "_LONGEST_RUN", longest)
        for _ in range(10):
            ours, theirs, count = FirstOccurrence(), dict[str, int](), 0
            for _ in range(draw.randrange(1, 40)):
                part = [
                    draw.choice(["", "\ud800", "a\0", "a"]) + str(draw.randrange(3000))
                    for _ in range(draw.randrange(200))
                ]
                expected = [theirs.setdefault(text, count + at) for at, text in enumerate(part)]
                assert ours.first_rows(part).tolist() == expected
                count += len(part)
            assert ours.count == count and sum(len(keys) for keys, _ in ours._runs) == len(theirs)
            assert all(len(keys) <= 2 * longest for keys, _ in ours._runs) and len(ours._runs) < 40
