"""What the comparison must know of a measure: which way is better, and how it is written."""

from __future__ import annotations

import re

_LOWER = re.compile(
    r"distance|bias|loss|perplexity|fertility|unk|continued|seconds|memory|round_?trip_loss",
    re.IGNORECASE,
)


def lower_is_better(measure: str) -> bool:
    """Whether a smaller value is the better one.

    >>> lower_is_better("nDCG@10"), lower_is_better("RankDistance")
    (False, True)
    """
    return _LOWER.search(measure) is not None
