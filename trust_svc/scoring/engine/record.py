"""What the facts say about one subject: a fold in which neither order nor repetition matters.

Every entry is keyed by what it is about; of two facts about one thing the later (or, for beginnings, the earlier) by
`(time, id)` stands. That makes the fold commutative and idempotent, whatever road the facts came by.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from copy import copy
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, NamedTuple


class Fact(NamedTuple):
    """One piece of evidence. `time` is in seconds since 1970, `data` as in the evidence contract."""

    id: str
    type: str
    time: float
    data: Mapping[str, Any]


class Stamp(NamedTuple):
    """The total order of facts about one thing."""

    time: float
    id: str


@dataclass(slots=True)
class Kept:
    """A fact that stands, and since when."""

    stamp: Stamp
    data: Mapping[str, Any]
    type: str = ""

    @property
    def time(self) -> float:
        return self.stamp.time


def _later(entries: dict[str, Kept], key: str, kept: Kept) -> None:
    entries[key] = _latest(entries.get(key), kept)


def _earlier(entries: dict[str, Kept], key: str, kept: Kept) -> None:
    before = entries.get(key)
    if before is None or kept.stamp < before.stamp:
        entries[key] = kept


def _latest(before: Kept | None, kept: Kept) -> Kept:
    return kept if before is None or kept.stamp > before.stamp else before


Put = Callable[[dict[str, Kept], str, Kept], None]

# Facts of which the last word stands, whatever they say.
_LAST = {
    "campaign.created": "created",
    "campaign.progress": "progress",
    "campaign.ended": "ended",
    "case.decided": "case",
    "score.imported": "imported",
}
# Facts about one thing each: where they are kept, what names the thing, and whether the first or the last stands.
_KEYED: dict[str, tuple[str, str, Put]] = {
    "payment.succeeded": ("gifts", "payment_id", _earlier),
    "payment.refunded": ("returned", "payment_id", _later),
    "payment.refund_reversed": ("returned", "payment_id", _later),
    "verification.granted": ("items", "item", _later),
    "verification.revoked": ("items", "item", _later),
    "campaign.milestone": ("milestones", "milestone_id", _later),
    "campaign.question_asked": ("asked", "question_id", _earlier),
    "campaign.question_answered": ("answered", "question_id", _earlier),
    "report.filed": ("reports", "report_id", _earlier),
    "report.decided": ("decisions", "report_id", _later),
    "hold.placed": ("holds", "hold_id", _later),
    "hold.lifted": ("holds", "hold_id", _later),
}


@dataclass(slots=True)
class Record:
    """All that stands about one campaign or person."""

    first: float | None = None
    joined: float | None = None
    created: Kept | None = None
    progress: Kept | None = None
    ended: Kept | None = None
    # When it was first said that it ended well (or not); saying it again moves nothing.
    ends: dict[str, Kept] = field(default_factory=dict)
    case: Kept | None = None
    imported: Kept | None = None
    items: dict[str, Kept] = field(default_factory=dict)
    milestones: dict[str, Kept] = field(default_factory=dict)
    updates: set[float] = field(default_factory=set)
    asked: dict[str, Kept] = field(default_factory=dict)
    answered: dict[str, Kept] = field(default_factory=dict)
    gifts: dict[str, Kept] = field(default_factory=dict)
    returned: dict[str, Kept] = field(default_factory=dict)
    # Refunds for cause of a payment, by refund; and the refunds that did not reach the donor after all.
    caused: dict[str, dict[str, Kept]] = field(default_factory=dict)
    undone: dict[str, Kept] = field(default_factory=dict)
    doubted: dict[str, Kept] = field(default_factory=dict)
    settled_disputes: dict[str, Kept] = field(default_factory=dict)
    reports: dict[str, Kept] = field(default_factory=dict)
    decisions: dict[str, Kept] = field(default_factory=dict)
    holds: dict[str, Kept] = field(default_factory=dict)
    # People who gave, and whose gifts were counted beforehand and are not in `gifts`.
    gave: set[str] = field(default_factory=set)

    @property
    def donors(self) -> set[str]:
        """Everybody known by id who ever gave; of gifts counted beforehand, those somebody asked about."""
        return self.gave | {str(gift.data["donor_id"]) for gift in self.gifts.values() if gift.data.get("donor_id")}

    def add(self, fact: Fact) -> None:
        """Take one fact in. A type that is not known here says nothing about scores."""
        kept = Kept(Stamp(fact.time, fact.id), fact.data, fact.type)
        data = fact.data
        self.first = fact.time if self.first is None else min(self.first, fact.time)
        if fact.type in _LAST:
            name = _LAST[fact.type]
            setattr(self, name, _latest(getattr(self, name), kept))
        elif fact.type in _KEYED:
            name, key, put = _KEYED[fact.type]
            put(getattr(self, name), str(data[key]), kept)
        elif fact.type == "campaign.update_posted":
            self.updates.add(fact.time)
        elif fact.type == "user.joined":
            self.joined = fact.time if self.joined is None else min(self.joined, fact.time)
        elif fact.type == "payment.disputed":
            if data["stage"] in ("won", "lost"):
                _later(self.settled_disputes, str(data["payment_id"]), kept)
            else:
                _earlier(self.doubted, str(data["payment_id"]), kept)
        if fact.type == "campaign.ended":
            _earlier(self.ends, str(bool(data["delivered"])), kept)
        if fact.type == "payment.refunded" and data["for_cause"]:
            causes = self.caused.setdefault(str(data["payment_id"]), {})
            _earlier(causes, str(data.get("refund_id", "")), kept)
        if fact.type == "payment.refund_reversed":
            _later(self.undone, str(data["refund_id"]), kept)

    def copy(self) -> Record:
        """Another record of the same; what is added to it is not added here."""
        other = copy(self)
        for each in fields(self):
            if isinstance(value := getattr(self, each.name), dict | set):
                setattr(other, each.name, copy(value))
        other.caused = {payment: dict(causes) for payment, causes in self.caused.items()}
        return other

    @property
    def outcome(self) -> Kept | None:
        """The last word on how it ended, as of when that was first said."""
        return None if self.ended is None else self.ends[str(bool(self.ended.data["delivered"]))]

    @property
    def over(self) -> float | None:
        """When it ended, as first said."""
        return min((kept.time for kept in self.ends.values()), default=None)

    @property
    def is_held(self) -> bool:
        """Whether some hold on it was placed and not lifted since."""
        return any(kept.type == "hold.placed" for kept in self.holds.values())

    def is_returned(self, payment: str) -> bool:
        """Whether the donor has the gift back: the last word about it stands."""
        last = self.returned.get(payment)
        return last is not None and last.type == "payment.refunded"

    def cause(self, payment: str) -> Kept | None:
        """The first refund of a payment that speaks against the campaign and was not undone."""
        standing = [kept for refund, kept in self.caused.get(payment, {}).items() if refund not in self.undone]
        return min(standing, key=lambda kept: kept.stamp, default=None)


def fold(facts: Iterable[Fact]) -> Record:
    """The record of one subject from its facts, in any order, with any repetition."""
    record = Record()
    for fact in facts:
        record.add(fact)
    return record


def seconds(value: object) -> float | None:
    """A time inside a fact's data (RFC 3339 text) as seconds since 1970; None when there is none."""
    return datetime.fromisoformat(value).timestamp() if isinstance(value, str) else None
