"""What a tax receipt is and what may stand on it. Pure: no database, clock or network."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal, TypedDict
from uuid import UUID

Kind = Literal["standard", "us", "ca", "uk_gift_aid"]
KINDS: tuple[Kind, ...] = ("standard", "us", "ca", "uk_gift_aid")

# A year has a million numbers; the old platform wrote some of them without dashes.
LAST_OF_A_YEAR = 999_999
_NUMBER = re.compile(r"BH-?([0-9]{4})-?([0-9]{6})", re.ASCII)
_GIFT_AID_PERCENT = 25
# HMRC: a declaration may reach back over the gifts of the four years before it was made.
_YEARS_BACK = 4


class Address(TypedDict):
    """A postal address as the donor gave it; `country` is an ISO 3166 code, what is not known is empty."""

    line1: str
    line2: str
    city: str
    region: str
    postcode: str
    country: str


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who a receipt is made out to, as they said it."""

    name: str
    address: Address | None = None

    @property
    def country(self) -> str:
        return self.address["country"] if self.address else ""


def number_of(year: int, place: int) -> str:
    """The receipt number of a place in a year: `BH-2026-000042`."""
    return f"BH-{year:04d}-{place:06d}"


def read_number(text: str) -> tuple[int, int] | None:
    """Year and place of a number in either of the old platform's two styles, or None."""
    found = _NUMBER.fullmatch(text.strip())
    return (int(found[1]), int(found[2])) if found else None


def highest_by_year(numbers: Iterable[str]) -> tuple[dict[int, int], list[str]]:
    """The highest place of each year over both styles, and what is no receipt number at all."""
    highest: dict[int, int] = {}
    strange: list[str] = []
    for text in numbers:
        found = read_number(text)
        if found is None:
            strange.append(text)
        else:
            year, place = found
            highest[year] = max(highest.get(year, 0), place)
    return highest, strange


def bounds_of(year: int) -> tuple[datetime, datetime]:
    """A year from its first moment to the first moment of the next: its last day belongs to it."""
    return datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Gift:
    """A payment as a receipt sees it. `left` is what was paid and not given back, in minor units; `whole` says that
    nothing was given back."""

    payment_id: UUID
    currency: str
    left: int
    given_at: datetime
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Cover:
    """Which gifts a Gift Aid declaration covers: those from `since` on, until it was cancelled."""

    since: datetime
    until: datetime | None = None

    def covers(self, at: datetime) -> bool:
        return self.since <= at and (self.until is None or at < self.until)


def cover_since(valid_from: date, *, past_years: bool) -> datetime:
    """From when on a declaration covers gifts."""
    if not past_years:
        return datetime(valid_from.year, valid_from.month, valid_from.day, tzinfo=UTC)
    day = min(valid_from.day, 28) if valid_from.month == 2 else valid_from.day
    return datetime(valid_from.year - _YEARS_BACK, valid_from.month, day, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Sheet:
    """The gifts of one receipt: one year, one currency, one kind."""

    year: int
    currency: str
    kind: Kind
    gifts: tuple[Gift, ...]

    @property
    def amount(self) -> int:
        return sum(gift.left for gift in self.gifts)


def kind_for(gift: Gift, *, country: str, covers: Iterable[Cover]) -> Kind:
    """Which kind of receipt a gift belongs on.

    The country decides, and for Gift Aid a declaration that covers the gift. A Canadian receipt states Canadian dollars;
    for gifts in other currencies its donor gets a standard one. Gift Aid is claimed on whole gifts only.
    """
    if country == "US":
        return "us"
    if country == "CA" and gift.currency == "CAD":
        return "ca"
    if country == "GB" and gift.currency == "GBP" and gift.whole and any(c.covers(gift.given_at) for c in covers):
        return "uk_gift_aid"
    return "standard"


def sheets(gifts: Iterable[Gift], *, country: str, covers: Iterable[Cover]) -> list[Sheet]:
    """Gifts sorted onto receipts: years, currencies and kinds never mix."""
    known = tuple(covers)
    piles: dict[tuple[int, str, Kind], list[Gift]] = defaultdict(list)
    for gift in sorted(gifts, key=lambda one: (one.given_at, one.payment_id)):
        year = gift.given_at.astimezone(UTC).year
        piles[year, gift.currency, kind_for(gift, country=country, covers=known)].append(gift)
    return [Sheet(year, currency, kind, tuple(pile)) for (year, currency, kind), pile in sorted(piles.items())]


def gift_aid_on(amount: int) -> int:
    """What the charity may claim on top, in minor units, rounded down."""
    return amount * _GIFT_AID_PERCENT // 100


def initials(name: str) -> str:
    """`Ruth Miriam Adler` as a stranger may see it: `R. M. A.`"""
    return " ".join(f"{word[0]}." for word in name.split()[:4])


# How long after a mail of a receipt was asked for the next one may be.
RESEND_AFTER = timedelta(minutes=10)
# How long a worker may be silent before another goes on with its run.
LEASE = timedelta(seconds=120)


def is_due(month_and_day: str, today: date) -> bool:
    """Whether today is the day (`MM-DD`) or after it; never, when none is set."""
    return bool(month_and_day) and f"{today:%m-%d}" >= month_and_day
