"""Matching Stripe's statement with our ledger. Pure.

Both sides are laid beside each other by key: the object at Stripe that moved the money (a charge, a refund, a dispute, a
payout), or the entry's own id where there is none. Lines that are equal pair off. What is left on one key is one break,
unless both remainders come to the same: a refund that failed before we heard of it moved nothing in the end.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

Kind = Literal["missing_here", "missing_there", "amount", "fee", "currency", "duplicate", "late"]
KINDS: dict[Kind, str] = {
    "missing_here": "Stripe moved money that our ledger does not have",
    "missing_there": "Our ledger has a move that Stripe does not know",
    "amount": "Both have it, with different amounts",
    "fee": "Both have it, with different fees",
    "currency": "Both have it, in different currencies",
    "duplicate": "One side has it twice",
    "late": "We booked it long after Stripe moved the money",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One move of money on our balance at Stripe, seen from one side."""

    id: str
    key: str
    currency: str
    amount: int
    fee: int
    at: datetime


@dataclass(frozen=True, slots=True)
class There(Line):
    """A balance transaction at Stripe."""


@dataclass(frozen=True, slots=True)
class Here(Line):
    """What one journal of ours moved on Stripe's balance. `corrects` marks a correcting journal."""

    corrects: bool = False
    payment_id: str | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """One break. `identity` is the same whenever it is found again."""

    kind: Kind
    key: str
    identity: str
    there: tuple[There, ...]
    here: tuple[Here, ...]

    @property
    def at(self) -> datetime:
        return min(line.at for line in (*self.there, *self.here))


@dataclass(frozen=True, slots=True)
class Bounds:
    """What is judged: keys with something within the window, or with a break that is open. Younger than `settled` may
    still be on its way, and so may keys in flight: refunds and payouts that are accepted and not settled."""

    since: datetime
    until: datetime
    settled: datetime
    late_after: timedelta
    open_keys: Collection[str] = frozenset()
    in_flight: Collection[str] = frozenset()


@dataclass(slots=True)
class Outcome:
    matched: int
    found: list[Found]


def match(there: Iterable[There], here: Iterable[Here], bounds: Bounds) -> Outcome:
    """Lay both sides beside each other. Each break is found once, whatever the order of the lines."""
    keys: dict[str, tuple[list[There], list[Here]]] = defaultdict(lambda: ([], []))
    for line in there:
        keys[line.key][0].append(line)
    for booked in here:
        keys[booked.key][1].append(booked)
    outcome = Outcome(0, [])
    for key in sorted(keys):
        group = _Group(key, *keys[key], bounds)
        outcome.found += group.breaks()
        outcome.matched += group.matched
    return outcome


class _Group:
    """Everything under one key."""

    def __init__(self, key: str, there: list[There], here: list[Here], bounds: Bounds) -> None:
        self.key = key
        self.bounds = bounds
        self.there = sorted(there, key=lambda line: (line.at, line.id))
        self.here = sorted(here, key=lambda line: (line.at, line.id))
        self.pairs: list[tuple[There, Here]] = []
        self.matched = 0

    def breaks(self) -> list[Found]:
        left_there, left_here = self._pair_off()
        self.matched = len(self.pairs)
        found = [self._found("late", [pair[0]], [pair[1]]) for pair in self.pairs if self._late(*pair)]
        for currency in sorted({line.currency for line in (*left_there, *left_here)}):
            ours = [line for line in left_here if line.currency == currency]
            theirs = [line for line in left_there if line.currency == currency]
            if _comes_to_the_same(theirs, ours):
                self.matched += max(len(theirs), len(ours))
                left_there = [line for line in left_there if line.currency != currency]
                left_here = [line for line in left_here if line.currency != currency]
        if self._judged(left_there, left_here):
            found += self._remaining(left_there, left_here)
        return found

    def _pair_off(self) -> tuple[list[There], list[Here]]:
        waiting: dict[tuple[str, int, int], list[Here]] = defaultdict(list)
        for booked in reversed(self.here):
            waiting[_worth(booked)].append(booked)
        left: list[There] = []
        for line in self.there:
            same = waiting[_worth(line)]
            if same:
                self.pairs.append((line, same.pop()))
            else:
                left.append(line)
        paired = {booked.id for _, booked in self.pairs}
        return left, [booked for booked in self.here if booked.id not in paired]

    def _late(self, line: There, booked: Here) -> bool:
        within = self.bounds.since <= booked.at < self.bounds.until or self.key in self.bounds.open_keys
        return within and booked.at - line.at > self.bounds.late_after

    def _judged(self, there: list[There], here: list[Here]) -> bool:
        times = [line.at for line in (*there, *here)]
        if not times or (self.key in self.bounds.in_flight and not here):
            return False
        if max(times) > self.bounds.settled and self.key not in self.bounds.open_keys:
            return False
        within = any(self.bounds.since <= at < self.bounds.until for at in times)
        return within or self.key in self.bounds.open_keys

    def _remaining(self, there: list[There], here: list[Here]) -> Iterator[Found]:
        theirs, ours = {line.currency for line in there}, {line.currency for line in here}
        if theirs and ours and not theirs & ours:
            yield self._found("currency", there, here)
            return
        for currency in sorted(theirs | ours):
            left_there = [line for line in there if line.currency == currency]
            left_here = [line for line in here if line.currency == currency]
            yield self._found(self._kind(left_there, left_here), left_there, left_here)

    def _kind(self, there: list[There], here: list[Here]) -> Kind:
        if there and here:
            return "amount" if _sum(there, "amount") != _sum(here, "amount") else "fee"
        paired = Counter(_worth(line) for line, _ in self.pairs)
        if any(_worth(line) in paired for line in (*there, *here)):
            return "duplicate"
        return "missing_here" if there else "missing_there"

    def _found(self, kind: Kind, there: list[There], here: list[Here]) -> Found:
        currency = "+".join(sorted({line.currency for line in (*there, *here)}))
        which = f":{there[0].id}" if kind == "late" and there[0].id != self.key else ""
        return Found(kind, self.key, f"{kind}:{self.key}{which}:{currency}", tuple(there), tuple(here))


def _worth(line: Line) -> tuple[str, int, int]:
    return line.currency, line.amount, line.fee


def _sum(lines: Iterable[Line], name: Literal["amount", "fee"]) -> int:
    return sum(getattr(line, name) for line in lines)


def _comes_to_the_same(there: list[There], here: list[Here]) -> bool:
    """Equal sums; where finance corrected something, the same in the end."""
    amounts = _sum(there, "amount") - _sum(here, "amount")
    fees = _sum(there, "fee") - _sum(here, "fee")
    if any(line.corrects for line in here):
        return amounts == fees
    return amounts == 0 and fees == 0
