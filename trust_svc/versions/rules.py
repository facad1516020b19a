"""What a set may become, who is shown which, and whether a split is what it should be. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

Arm = Literal["control", "challenger"]

DRAFT, SHADOW, TRIAL, LIVE, RETIRED = "draft", "shadow", "trial", "live", "retired"

# What a set may become next; the database repeats it. A retired set comes back only by rolling back to it.
MOVES: dict[str, frozenset[str]] = {
    DRAFT: frozenset({SHADOW, RETIRED}),
    SHADOW: frozenset({TRIAL, LIVE, RETIRED}),
    TRIAL: frozenset({SHADOW, LIVE, RETIRED}),
    LIVE: frozenset({RETIRED}),
    RETIRED: frozenset({LIVE}),
}

# What a dry run says of somebody without a rating: no tier is claimed then.
UNRATED = "Not rated"

# What the log says of a set that is live again.
ROLLED_BACK = "rolled back to"

# Below this probability of a split by chance alone, a read-out would compare groups that are not comparable.
SRM_ALARM = 0.001

_BUCKETS = 10_000
_FNV_OFFSET, _FNV_PRIME = 0x811C9DC5, 0x01000193


def may_become(state: str, next_state: str) -> bool:
    return next_state in MOVES.get(state, frozenset())


def fnv1a32(text: str) -> int:
    """The 32-bit FNV-1a hash of the UTF-8 text."""
    value = _FNV_OFFSET
    for byte in text.encode():
        value = (value ^ byte) * _FNV_PRIME & 0xFFFFFFFF
    return value


def bucket(unit: str, seed: str) -> float:
    """Where a unit falls, in [0, 1): GrowthBook's second hash, so that its tools find the same arms."""
    return fnv1a32(str(fnv1a32(seed + unit))) % _BUCKETS / _BUCKETS


def arm_of(unit: object | None, *, seed: str, share: float) -> Arm:
    """The arm of an organiser: always the same for a seed. Where no organiser is known, nothing is tried out."""
    if unit is None:
        return "control"
    return "challenger" if bucket(str(unit), seed) < share else "control"


def split_chance(control: int, challenger: int, share: float) -> float:
    """How probable a split at least so uneven is when the arms are drawn as agreed (chi-squared, one degree)."""
    total = control + challenger
    if total == 0:
        return 1.0
    wanted = total * share, total * (1 - share)
    squared = sum((found - want) ** 2 / want for found, want in zip((challenger, control), wanted, strict=True))
    return math.erfc(math.sqrt(squared / 2))


def stability(before: Sequence[int], after: Sequence[int]) -> float:
    """The population stability index of two distributions over the same bins; 0 = the same, above .25 = another one.

    An empty bin counts as half an entity, so that one newcomer does not make it infinite.
    """
    total_before, total_after = sum(before), sum(after)
    if not total_before or not total_after:
        return 0.0
    found = 0.0
    for was, becomes in zip(before, after, strict=True):
        if was or becomes:
            p, q = max(was, 0.5) / total_before, max(becomes, 0.5) / total_after
            found += (q - p) * math.log(q / p)
    return found


@dataclass(frozen=True, slots=True)
class Trialled:
    """The trial that runs: who is shown the challenger."""

    challenger: int
    seed: str
    share: float


@dataclass(frozen=True, slots=True)
class Standing:
    """Which sets are calculated, and which of them counts for whom. Versions ascend; the live one is always among them."""

    live: int
    versions: tuple[int, ...]
    trial: Trialled | None = field(default=None)

    def counts_for(self, organiser: object | None) -> int:
        """The version that this organiser's campaigns and the organiser are shown by."""
        if self.trial is None or self.trial.challenger not in self.versions:
            return self.live
        arm = arm_of(organiser, seed=self.trial.seed, share=self.trial.share)
        return self.trial.challenger if arm == "challenger" else self.live
