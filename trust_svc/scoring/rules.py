"""When a change of score is worth telling. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

# New evidence waits this long for more, so that a burst costs one calculation.
DEBOUNCE = timedelta(seconds=1)
# Points; a smaller movement is told to nobody.
TOLD = 1.0
# Points; a smaller movement is not kept in the history.
NOTED = 0.01
TREND = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Standing:
    """What others could see of a score."""

    score: float
    tier: str
    rated: bool


def is_told(before: Standing | None, after: Standing) -> bool:
    """Whether other services hear of it: another tier, a rating gained or lost, or a point or more."""
    if before is None:
        return after.rated
    if (before.tier, before.rated) != (after.tier, after.rated):
        return True
    return abs(after.score - before.score) >= TOLD


def is_noted(before: Standing | None, after: Standing) -> bool:
    """Whether the history gets a line."""
    if before is None or (before.tier, before.rated) != (after.tier, after.rated):
        return True
    return abs(after.score - before.score) >= NOTED
