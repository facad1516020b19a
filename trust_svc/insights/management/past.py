"""The three months before a local stack was laid out, as a plan: who collected for what, and what came of it. Pure, and the
same every time; only the day it ends on moves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from trust_svc.cases.rules import Outcome
from trust_svc.evidence.rules import NewFact, clean

DAYS = 84
CAMPAIGNS = 66
ORGANISERS = 60
DONORS = 90
_PLACES = (
    "Kisumu",
    "Leeds",
    "Osaka",
    "Medellín",
    "Toledo",
    "Accra",
    "Lyon",
    "Austin",
    "Cork",
    "Bergen",
    "Graz",
    "Perth",
)
_CAUSES = (
    ("water", "Wells near {}"),
    ("building", "A chapel roof in {}"),
    ("food", "Warm meals in {}"),
    ("education", "School desks for {}"),
    ("health", "A clinic in {}"),
    ("relief", "Flood relief for {}"),
)
_CURRENCIES = ("GBP", "USD", "EUR", "JPY")
_ITEMS = ("email", "phone", "identity", "bank", "address")
# What becomes of every ninth: three turn out bad, four are blamed for nothing, one was worth a look; the last is left alone.
_ENDS: tuple[Outcome | None, ...] = (
    "false", "confirmed", None, "false", "confirmed", "false", "valuable", "false", "confirmed",
)  # fmt: skip


def demo_id(name: str) -> UUID:
    """The id that stands for `name` in every demo stack."""
    return uuid5(NAMESPACE_URL, f"https://blessedhorizon.test/demo/past/{name}")


def organiser(number: int) -> UUID:
    return demo_id(f"organiser/{number}")


def donor(number: int) -> UUID:
    return demo_id(f"donor/{number}")


@dataclass(frozen=True, slots=True)
class Blame:
    """What donors say against a campaign, when, and what staff make of it so many hours later."""

    at: datetime
    kind: str
    by: tuple[UUID, ...]
    outcome: Outcome
    after: timedelta

    @property
    def decided_at(self) -> datetime:
        return self.at + self.after


@dataclass(frozen=True, slots=True)
class Campaign:
    """One campaign of the plan, `days` old; its `honesty`, 0-1, shows in everything it did before anybody decides."""

    number: int
    id: UUID
    owner: UUID
    title: str
    category: str
    currency: str
    created: datetime
    facts: tuple[NewFact, ...]
    blame: Blame | None


def campaigns(today: datetime) -> list[Campaign]:
    """All of them, oldest first, for a plan that ends today."""
    found = [_campaign(number, today) for number in range(CAMPAIGNS)]
    return sorted(found, key=lambda each: (each.created, each.number))


def _campaign(number: int, today: datetime) -> Campaign:
    draw = Random(number)  # noqa: S311  # the same every time, and no secret
    outcome = _ENDS[number % len(_ENDS)]
    honesty = draw.uniform(0.05, 0.6) if outcome == "confirmed" else draw.uniform(0.35, 1.0)
    created = today - timedelta(days=draw.uniform(DAYS / 2, DAYS), hours=draw.uniform(0, 12))
    category, words = _CAUSES[number % len(_CAUSES)]
    campaign, owner = demo_id(f"campaign/{number}"), organiser(number % ORGANISERS)
    blame = None if outcome is None else _blame(number, outcome, created, today, draw)
    currency = _CURRENCIES[number % len(_CURRENCIES)]
    told = _Told(number, campaign, owner, created, today, honesty, currency, category, draw)
    return Campaign(
        number=number,
        id=campaign,
        owner=owner,
        title=words.format(_PLACES[number % len(_PLACES)]),
        category=category,
        currency=currency,
        created=created,
        facts=tuple(sorted(told.facts(), key=lambda fact: (fact.time, fact.id))),
        blame=blame,
    )


def _blame(number: int, outcome: Outcome, created: datetime, today: datetime, draw: Random) -> Blame:
    first, last = created + timedelta(days=10), today - timedelta(days=3)
    kinds = {"confirmed": ("fraud", "misleading"), "valuable": ("misleading", "other"), "false": ("spam", "misleading")}
    people = draw.sample(range(DONORS), 1 + (outcome == "confirmed" and number % 2))
    return Blame(
        at=first + (last - first) * draw.random(),
        kind=kinds[outcome][number % 2],
        by=tuple(donor(each) for each in people),
        outcome=outcome,
        after=timedelta(hours=min(70.0, 2 + draw.expovariate(1 / 16))),
    )


@dataclass(frozen=True, slots=True)
class _Told:
    """What is known of a campaign and of its organiser, as facts."""

    number: int
    campaign: UUID
    owner: UUID
    created: datetime
    today: datetime
    honesty: float
    currency: str
    category: str
    draw: Random

    def facts(self) -> Iterator[NewFact]:
        yield from self._beginning()
        yield from self._updates()
        yield from self._gifts()
        yield from self._ends()

    def _beginning(self) -> Iterator[NewFact]:
        joined = self.created - timedelta(days=20 + 700 * self.honesty * self.draw.random())
        if self.number < ORGANISERS:
            # Who collects for a second campaign joined before the first.
            yield self._fact("joined", "user.joined", joined, about_owner=True)
        said: dict[str, Any] = {"owner_id": str(self.owner), "category": self.category, "currency": self.currency}
        yield self._fact("created", "campaign.created", self.created, **said)
        for item in _ITEMS:
            if self.draw.random() < 0.25 + 0.75 * self.honesty:
                at = self.created + timedelta(days=self.draw.uniform(0, 20))
                yield self._fact(f"item/{item}", "verification.granted", at, about_owner=True, item=item)

    def _updates(self) -> Iterator[NewFact]:
        at = self.created + timedelta(days=self.draw.uniform(2, 12))
        while at < self.today:
            if self.draw.random() < self.honesty:
                yield self._fact(f"update/{at:%m-%d}", "campaign.update_posted", at)
            at += timedelta(days=self.draw.uniform(9, 15))

    def _gifts(self) -> Iterator[NewFact]:
        for gift in range(self.draw.randint(4, 8 + int(14 * self.honesty))):
            at = self.created + (self.today - self.created) * self.draw.random() ** 1.4
            payment = f"past-{self.number}-{gift}"
            said: dict[str, Any] = {
                "donor_id": str(donor(self.draw.randrange(DONORS))),
                "amount": str(5 * self.draw.randint(1, 30)),
            }
            yield self._fact(
                f"gift/{gift}", "payment.succeeded", at, payment_id=payment, currency=self.currency, **said
            )
            back = at + timedelta(days=self.draw.uniform(1, 9))
            if self.draw.random() < 0.2 * (1 - self.honesty) ** 2 and back < self.today:
                yield self._fact(f"back/{gift}", "payment.refunded", back, payment_id=payment, for_cause=True)

    def _ends(self) -> Iterator[NewFact]:
        at = self.created + timedelta(days=self.draw.uniform(25, 60))
        if at < self.today:
            kept = self.draw.random() < self.honesty
            yield self._fact("milestone", "campaign.milestone", at, milestone_id="first", kept=kept)
        if self.honesty > 0.7 and self.number % 3 == 0:
            yield self._fact("ended", "campaign.ended", self.today - timedelta(days=6), delivered=True)

    def _fact(self, name: str, type: str, at: datetime, *, about_owner: bool = False, **said: Any) -> NewFact:
        kind, subject = ("user", self.owner) if about_owner else ("campaign", self.campaign)
        return NewFact(demo_id(f"fact/{self.number}/{name}"), type, at, kind, subject, clean(type, said))
