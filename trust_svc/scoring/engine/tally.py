"""The gifts of one giver, counted: what scores need of them, whatever their number and the order they came in.

Forward decay: a gift weighs 2^((time - landmark) / half-life), a whole number of units, which never changes afterwards; only
the sum is brought down to the present. Whole numbers add up to the same in any order and at any place.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

DAY = 86400.0
# A gift on its landmark.
UNIT = 2**20
# Landmarks stand so many half-lives apart, counted from the campaign's beginning, that sums stay below 2^63.
STRIDE = 16


class Giver(NamedTuple):
    """Who gave, as the facts say: whose word is the same."""

    donor: str | None
    cluster: str | None
    standing: float | None


@dataclass(frozen=True, slots=True)
class Tally:
    """When the first and the last gift came; and `(landmark, units)` of all."""

    first: float
    last: float
    units: tuple[tuple[float, int], ...]

    def joined(self, other: Tally) -> Tally:
        units = dict(self.units)
        for landmark, count in other.units:
            units[landmark] = units.get(landmark, 0) + count
        return Tally(min(self.first, other.first), max(self.last, other.last), tuple(sorted(units.items())))

    def settled(self, as_of: float, half_life: float) -> list[float]:
        """What is left of the gifts."""
        return [units * 2.0 ** ((landmark - as_of) / (half_life * DAY)) / UNIT for landmark, units in self.units]


def giver_of(gift: Mapping[str, Any]) -> Giver:
    donor, cluster, standing = gift.get("donor_id"), gift.get("cluster"), gift.get("donor_standing")
    return Giver(
        str(donor) if donor else None,
        str(cluster) if cluster else None,
        None if standing is None else float(standing),
    )


def tally_of(time: float, counted: float, start: float, half_life: float) -> Tally:
    """One gift, which counts as of `counted`, in a campaign that began at `start`."""
    stride = STRIDE * half_life * DAY
    landmark = start + math.floor((counted - start) / stride) * stride
    return Tally(time, time, ((landmark, round(2.0 ** ((counted - landmark) / (half_life * DAY)) * UNIT)),))
