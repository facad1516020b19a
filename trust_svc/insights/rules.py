"""How much one distribution differs from another. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

# As usual in scorecards: below the first nothing to see, above the second look for the reason.
NOTABLE, LARGE = 0.10, 0.25
# A share of nothing would make the index infinite.
LEAST = 0.0005


def stability(before: Sequence[int], after: Sequence[int]) -> float | None:
    """The population stability index of two histograms with the same bins; None when one is empty."""
    if not sum(before) or not sum(after):
        return None
    shares = zip(_shares(before), _shares(after), strict=True)
    return round(sum((now - then) * math.log(now / then) for then, now in shares), 4)


def _shares(counts: Sequence[int]) -> list[float]:
    return [max(count / sum(counts), LEAST) for count in counts]


def word(index: float) -> str:
    """What an index says."""
    if index < NOTABLE:
        return "as a month ago"
    return "has shifted" if index < LARGE else "has shifted far"
