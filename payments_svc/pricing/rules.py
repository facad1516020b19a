"""Which fee rate holds when. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

Kind = Literal["processing", "platform"]
# The currency of a rate that holds wherever no other does.
EVERY_OTHER = ""
# Every process has read a new rate long before it begins.
NOTICE = timedelta(minutes=2)
# Half of a gift is no fee any more; above it a gross-up would run away.
HIGHEST_BP = 5_000


@dataclass(frozen=True, slots=True)
class Rate:
    """`basis_points` of an amount (290 is 2.9 %) and `fixed` minor units of its currency."""

    basis_points: int
    fixed: int = 0
    id: UUID | None = None

    def of(self, minor: int) -> int:
        """What this rate takes of an amount, in whole minor units, rounded half up like Stripe does."""
        return (minor * self.basis_points + 5_000) // 10_000 + self.fixed


@dataclass(frozen=True, slots=True)
class Rates:
    """What a gift is quoted with: what Stripe is expected to take, and what the platform takes."""

    processing: Rate
    platform: Rate


@dataclass(frozen=True, slots=True)
class Line:
    """A rate with its time; `until` is exclusive, and empty for good."""

    kind: Kind
    currency: str
    rate: Rate
    begins: datetime
    until: datetime | None

    def holds(self, at: datetime) -> bool:
        return self.begins <= at and (self.until is None or at < self.until)


def rate_at(lines: Iterable[Line], kind: Kind, currency: str, at: datetime) -> Rate | None:
    """The rate of this currency at this time, else the one of every other currency, else None."""
    holding = {line.currency: line.rate for line in lines if line.kind == kind and line.holds(at)}
    return holding.get(currency) or holding.get(EVERY_OTHER)


def end_of(begins: datetime, others: Iterable[datetime]) -> datetime | None:
    """When a rate that begins then ends: where the next one that is planned already begins."""
    return min((other for other in others if other > begins), default=None)
