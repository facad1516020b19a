"""A population as facts of the evidence contract, with the truth about it that only time would tell."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np

from bench.trust.behaviour import ITEMS, Behaviour, drawn
from bench.trust.worlds import World

END = datetime(2026, 6, 1, tzinfo=UTC)
# Nobody joined more days ago; much noise would have people join before there were computers.
OLDEST = 9_000.0
CATEGORIES = (("health", 0.04), ("education", 0.0), ("relief", -0.08), ("building", 0.0))
KINDS = ("fraud", "misleading", "other", "spam", "inappropriate")

Entity = tuple[str, str]


@dataclass
class Simulation:
    """`labels`: 1 = turned out bad, known only after `END`. The lists name groups for questions about gaming."""

    facts: list[dict[str, Any]] = field(default_factory=list)
    labels: dict[Entity, int] = field(default_factory=dict)
    newcomers: list[Entity] = field(default_factory=list)
    rings: list[Entity] = field(default_factory=list)


class Teller:
    """Writes facts down, with ids from the dice, so that the same seed tells the same."""

    def __init__(self, seed: int) -> None:
        self.dice = np.random.default_rng(seed)
        self.facts: list[dict[str, Any]] = []

    def id(self) -> str:
        return str(UUID(bytes=self.dice.bytes(16), version=4))

    def tell(self, type: str, kind: str, about: str, age: float, /, **data: Any) -> None:
        """`age` in days before the end; what would lie after the end is not known."""
        if age >= 0:
            said = {name: value for name, value in data.items() if value is not None}
            subject = {"kind": kind, "id": about}
            self.facts.append({"id": self.id(), "type": type, "time": at(age), "subject": subject, "data": said})

    def chance(self, share: float) -> bool:
        return bool(self.dice.random() < share)


def at(age: float) -> str:
    return (END - timedelta(days=age)).isoformat()


@dataclass(frozen=True)
class Donor:
    id: str
    cluster: str
    joined: float


def simulate(world: World, *, seed: int, organisers: int = 600) -> Simulation:
    """A population of this world. Deterministic from the seed."""
    teller = Teller(seed)
    donors = _donors(teller, count=4 * organisers)
    watchers = _watchers(teller, count=max(6, organisers // 20))
    found = Simulation(facts=teller.facts)
    for _ in range(organisers):
        bad = teller.chance(world.fraud)
        kinds = world.bad if bad and not teller.chance(world.hidden) else world.good
        weights = np.array([share for _, share in kinds])
        typical = kinds[int(teller.dice.choice(len(kinds), p=weights / weights.sum()))][0]
        way = drawn(typical, teller.dice, world.noise)
        owner, campaigns = _organiser(teller, way, world, donors, watchers, honest=not bad)
        for entity in [("user", owner), *(("campaign", each) for each in campaigns)]:
            found.labels[entity] = int(bad)
            if typical.age < 50 and not bad:
                found.newcomers.append(entity)
            if typical.ring > 0.3:
                found.rings.append(entity)
    return found


def _donors(teller: Teller, count: int) -> list[Donor]:
    """People who give; some have told who they are, and a few share a household."""
    donors: list[Donor] = []
    for _ in range(count):
        shared = donors[-1].cluster if donors and teller.chance(0.06) else teller.id()
        donor = Donor(teller.id(), shared, float(teller.dice.exponential(500)))
        donors.append(donor)
        if teller.chance(0.3):
            teller.tell("user.joined", "user", donor.id, donor.joined)
            if teller.chance(0.5):
                teller.tell("verification.granted", "user", donor.id, donor.joined * 0.9, item="email")
    return donors


def _watchers(teller: Teller, count: int) -> list[Donor]:
    """People who report, again and again."""
    return [Donor(teller.id(), teller.id(), float(teller.dice.exponential(600))) for _ in range(count)]


def _organiser(
    teller: Teller, way: Behaviour, world: World, donors: Sequence[Donor], watchers: Sequence[Donor], *, honest: bool
) -> tuple[str, list[str]]:
    dice, owner = teller.dice, teller.id()
    starts = sorted(dice.uniform(8, world.days, 1 + dice.poisson(0.5)), reverse=True)
    joined = min(OLDEST, float(starts[0] + 1 + dice.exponential(way.age)))
    teller.tell("user.joined", "user", owner, joined)
    campaigns = [teller.id() for _ in starts]
    _verifications(teller, way, owner, campaigns[0], first=float(starts[0]), joined=joined)
    own = [Donor(teller.id(), teller.id(), 0.0) for _ in range(way.ring_hands)]
    for campaign, start in zip(campaigns, starts, strict=True):
        _campaign(teller, way, world, campaign, owner, float(start), donors, own)
        _reports(teller, way, world, campaign, float(start), watchers, donors, honest=honest)
    return owner, campaigns


def _verifications(teller: Teller, way: Behaviour, owner: str, campaign: str, *, first: float, joined: float) -> None:
    for item, share in zip(ITEMS, way.verified, strict=True):
        if not teller.chance(share):
            continue
        on_campaign = item in ("beneficiary", "bank") and teller.chance(0.5)
        kind, about = ("campaign", campaign) if on_campaign else ("user", owner)
        age = (
            first * float(teller.dice.uniform(0.6, 1.0))
            if on_campaign
            else float(teller.dice.uniform(0.7 * first, joined))
        )
        lapses = teller.chance(way.lapse)
        lasts = float(teller.dice.uniform(0.2, 0.9)) * age if lapses else age + 365.0
        if lapses and teller.chance(0.5):
            teller.tell("verification.revoked", kind, about, age - lasts, item=item)
            lasts = age + 365.0
        teller.tell("verification.granted", kind, about, age, item=item, expires_at=at(age - lasts))


def _campaign(
    teller: Teller,
    way: Behaviour,
    world: World,
    campaign: str,
    owner: str,
    start: float,
    donors: Sequence[Donor],
    own: Sequence[Donor],
) -> None:
    dice = teller.dice
    category, ease = CATEGORIES[int(dice.integers(len(CATEGORIES)))]
    emergency = category == "relief"
    length = float(dice.uniform(40, 90) if emergency else dice.uniform(60, 260))
    goal = f"{dice.uniform(500, 20_000):.2f}"
    teller.tell(
        "campaign.created",
        "campaign",
        campaign,
        start,
        owner_id=owner,
        category=category,
        need_type="EMERGENCY" if emergency else "COMMUNITY_LONG_TERM",
        currency="GBP",
        goal=goal,
        ends_at=at(start - length),
    )
    lived = min(start, length)
    over = start > length
    _updates(teller, way, world, campaign, start, lived)
    _questions(teller, way, world, campaign, start, lived)
    shown = min(1.0, max(0.0, way.pace * lived / length + 0.12 * dice.normal()))
    if teller.chance(0.85):
        teller.tell("campaign.progress", "campaign", campaign, start - lived * 0.95, progress=round(shown, 3))
    for step in (0.35, 0.7):
        if lived > step * length and teller.chance(0.5 * world.amount**0.5):
            kept = teller.chance(min(0.98, max(0.02, way.keeps + ease)))
            teller.tell(
                "campaign.milestone", "campaign", campaign, start - step * length, milestone_id=teller.id(), kept=kept
            )
    if over and teller.chance(0.75):
        done = teller.chance(min(0.98, max(0.02, way.delivers + ease)))
        delay = float(dice.exponential(15))
        teller.tell("campaign.ended", "campaign", campaign, start - length - delay, delivered=done)
    _gifts(teller, way, world, campaign, start, lived, donors, own)


def _updates(teller: Teller, way: Behaviour, world: World, campaign: str, start: float, lived: float) -> None:
    day = 0.0
    until = min(lived, way.silent_after)
    while (day := day + float(teller.dice.gamma(2.0, way.cadence / 2.0 / world.amount**0.3))) < until:
        for copy in range(way.burst):
            teller.tell(
                "campaign.update_posted", "campaign", campaign, start - day - 0.01 * copy, update_id=teller.id()
            )


def _questions(teller: Teller, way: Behaviour, world: World, campaign: str, start: float, lived: float) -> None:
    for _ in range(teller.dice.poisson(2.5 * world.amount)):
        day, question = float(teller.dice.uniform(0, lived)), teller.id()
        teller.tell("campaign.question_asked", "campaign", campaign, start - day, question_id=question)
        if teller.chance(way.answers) and day < way.silent_after * 1.5:
            later = float(teller.dice.exponential(way.answer_hours)) / 24
            teller.tell("campaign.question_answered", "campaign", campaign, start - day - later, question_id=question)


def _gifts(
    teller: Teller,
    way: Behaviour,
    world: World,
    campaign: str,
    start: float,
    lived: float,
    donors: Sequence[Donor],
    own: Sequence[Donor],
) -> None:
    dice, before = teller.dice, list[Donor]()
    for _ in range(dice.poisson(way.crowd * world.amount * min(1.0, lived / 60))):
        day = min(lived, float(dice.exponential(lived / 2.5)))
        if teller.chance(way.ring):
            # Another account each time, one hand behind several.
            donor = Donor(teller.id(), own[int(dice.integers(len(own)))].cluster, 0.0)
        elif before and teller.chance(way.faithful):
            donor = before[int(dice.integers(len(before)))]
        else:
            donor = donors[int(dice.integers(len(donors)))]
            before.append(donor)
        payment, age = teller.id(), start - day
        anonymous = teller.chance(0.08)
        teller.tell(
            "payment.succeeded",
            "campaign",
            campaign,
            age,
            payment_id=payment,
            donor_id=None if anonymous else donor.id,
            amount=f"{math.exp(3.2 + 0.8 * dice.normal()):.2f}",
            currency="GBP",
            cluster=donor.cluster if teller.chance(0.85) else None,
        )
        if teller.chance(way.refunds):
            teller.tell(
                "payment.refunded", "campaign", campaign, age - dice.exponential(25), payment_id=payment, for_cause=True
            )
        elif teller.chance(0.01):
            teller.tell(
                "payment.refunded",
                "campaign",
                campaign,
                age - dice.exponential(10),
                payment_id=payment,
                for_cause=False,
            )
        if teller.chance(way.disputes):
            _dispute(teller, way, campaign, payment, age - float(dice.exponential(30)))


def _dispute(teller: Teller, way: Behaviour, campaign: str, payment: str, age: float) -> None:
    if teller.chance(0.5):
        teller.tell("payment.disputed", "campaign", campaign, age, payment_id=payment, stage="early_warning")
    if teller.chance(0.8):
        teller.tell("payment.disputed", "campaign", campaign, age - 3, payment_id=payment, stage="opened")
        stage = "lost" if teller.chance(way.loses) else "won"
        teller.tell("payment.disputed", "campaign", campaign, age - 45, payment_id=payment, stage=stage)


def _reports(
    teller: Teller,
    way: Behaviour,
    world: World,
    campaign: str,
    start: float,
    watchers: Sequence[Donor],
    donors: Sequence[Donor],
    *,
    honest: bool,
) -> None:
    dice = teller.dice
    for _ in range(dice.poisson(way.reports * world.amount**0.5)):
        by = (
            watchers[int(dice.integers(len(watchers)))]
            if teller.chance(0.5)
            else donors[int(dice.integers(len(donors)))]
        )
        _report(teller, campaign, float(dice.uniform(0, start)), by, true=teller.chance(way.truth), looked=0.55)
    if teller.chance(way.brigade + (world.mobs if honest else 0.0)):
        when, hands = float(dice.uniform(0, min(start, 40))), [teller.id() for _ in range(3)]
        for _ in range(int(dice.integers(6, 25))):
            hand = hands[int(dice.integers(3))] if teller.chance(0.7) else teller.id()
            _report(
                teller,
                campaign,
                when + float(dice.uniform(0, 2)),
                Donor(teller.id(), hand, 0.0),
                true=False,
                looked=0.25,
            )


def _report(teller: Teller, campaign: str, age: float, by: Donor, *, true: bool, looked: float) -> None:
    report, kind = teller.id(), KINDS[int(teller.dice.integers(len(KINDS)))]
    teller.tell(
        "report.filed",
        "campaign",
        campaign,
        age,
        report_id=report,
        kind=kind,
        severity=int(teller.dice.integers(1, 6)) if teller.chance(0.4) else None,
        reporter_id=by.id,
        cluster=by.cluster,
    )
    if teller.chance(looked):
        outcome = "upheld" if true else "dismissed"
        teller.tell(
            "report.decided",
            "campaign",
            campaign,
            age - 5 - teller.dice.exponential(6),
            report_id=report,
            outcome=outcome,
        )
