"""From stored evidence to assessments. `read` folds what is known of many entities once; `assess` scores all of them with
one kernel call, as often as there are parameter sets. Writes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from trust_svc.evidence import queries as evidence
from trust_svc.scoring import queries, tallies
from trust_svc.scoring.counting import Counting, Kin, SumsOf, count_gifts, remember_givers
from trust_svc.scoring.engine import (
    FACTORS,
    Column,
    Fact,
    Params,
    People,
    Purses,
    Reason,
    Record,
    Row,
    Scores,
    as_matrix,
    campaign_row,
    fold,
    next_expiry,
    points,
    reasons,
    reports_seen_outside,
    score,
    user_row,
)
from trust_svc.scoring.engine.hands import Counted
from trust_svc.scoring.engine.tally import counted_by
from trust_svc.scoring.models import CategoryRate

Entity = tuple[str, UUID]
CAMPAIGN, USER = "campaign", "user"
# What staff do about the very thing that a look back asks for.
HOLDS = frozenset({"hold.placed", "hold.lifted"})


@dataclass(frozen=True, slots=True)
class Assessment:
    """What the engine says of one entity as of a moment. Points are exact multiples of 1/1024."""

    kind: str
    entity_id: UUID
    owner_id: UUID | None
    score: float
    lower: float
    deviation: float
    confidence: float
    rated: bool
    cap: float
    cap_adjustment: float
    factors: list[dict[str, Any]]
    reasons: list[dict[str, Any]]
    features: list[float]
    expires_at: datetime | None
    as_of: datetime


@dataclass(frozen=True, slots=True)
class Known:
    """The evidence behind some entities (sorted): folded once, used for all of them."""

    entities: list[Entity]
    campaigns: dict[UUID, evidence.KnownCampaign]
    families: dict[UUID, list[evidence.KnownCampaign]]
    about_campaigns: dict[UUID, Record]
    about_users: dict[UUID, Record]
    given: dict[UUID, list[float]]
    rates: dict[str, float]
    people: People
    # Of gifts that the records lack because they were counted beforehand.
    sums: SumsOf = field(default_factory=dict)

    def record(self, kind: str, entity_id: UUID) -> Record:
        table = self.about_campaigns if kind == CAMPAIGN else self.about_users
        return table.get(entity_id) or Record()

    def counted(self, params: Params) -> Counted:
        """The sums of gifts that were counted beforehand as these parameters would."""
        return {
            frozenset(id(self.about_campaigns[campaign]) for campaign in campaigns): sums
            for (campaigns, numbers), sums in self.sums.items()
            if numbers == counted_by(params)
        }

    def records_of(self, owner: UUID, *, but: UUID | None = None) -> list[Record]:
        return [self.record(CAMPAIGN, each.id) for each in self.families.get(owner, []) if each.id != but]


def read(entities: Iterable[Entity], *, before: datetime | None = None, counting: Counting | None = None) -> Known:
    """What is known of these entities, and of whatever their scores depend on; with `before`, only what had happened by
    then, and no hold (category rates and what people's words weigh stay today's)."""
    wanted = sorted(set(entities))
    campaigns = evidence.campaigns(entity_id for kind, entity_id in wanted if kind == CAMPAIGN)
    owners = {each.owner_id for each in campaigns.values() if each.owner_id is not None}
    users = {entity_id for kind, entity_id in wanted if kind == USER}
    families = evidence.campaigns_of(owners | users)
    everything = campaigns | {each.id: each for family in families.values() for each in family}
    passed_over = HOLDS if before else frozenset[str]()
    payments = evidence.payment_facts(everything.keys()) if counting and not before else {}
    hot = {campaign for campaign, count in payments.items() if count >= tallies.HOT}
    about_campaigns = _folded(evidence.facts_about(CAMPAIGN, everything.keys() - hot, before=before), passed_over)
    about_campaigns |= _folded(evidence.facts_but_gifts(hot), passed_over)
    about_users = _folded(evidence.facts_about(USER, users | owners, before=before), passed_over)
    sums: SumsOf = {}
    if counting and hot:
        kin: list[Kin] = [(owner, tuple(each.id for each in family)) for owner, family in families.items()]
        kin += [(None, (each.id,)) for each in campaigns.values() if each.owner_id is None]
        sums, uncounted = count_gifts(kin, about_campaigns, facts=payments, hot=hot, alone=campaigns, counting=counting)
        about_campaigns |= _folded(evidence.facts_about(CAMPAIGN, uncounted), passed_over)
        reporters = _reporters([*about_campaigns.values(), *about_users.values()])
        remember_givers(about_campaigns, hot - uncounted, reporters)
    return Known(
        entities=wanted,
        campaigns=everything,
        families=families,
        about_campaigns=about_campaigns,
        about_users=about_users,
        given=evidence.given_by(users, before=before),
        rates=dict(CategoryRate.objects.values_list("category", "rate")),
        people=_people([*about_campaigns.values(), *about_users.values()], before),
        sums=sums,
    )


def assess(known: Known, *, as_of: datetime, params: Params) -> list[Assessment]:
    """Assess what was read, in its order, with one parameter set. Entities without evidence get the prior."""
    moment = as_of.timestamp()
    purses = Purses(known.counted(params))
    rows = [_row(known, kind, entity_id, moment, params, purses) for kind, entity_id in known.entities]
    matrix = as_matrix(rows)
    found = score(matrix, params)
    why = reasons(matrix, found, params)
    return [
        _assessment(known, entity, rows[at], found, at, why[at], as_of=as_of)
        for at, entity in enumerate(known.entities)
    ]


def from_outside(known: Known, found: Sequence[Assessment], *, params: Params) -> list[Assessment]:
    """These assessments (all with this parameter set) as others than staff see them: see `engine.outside`."""
    rows = []
    for each in found:
        features = list(each.features)
        features[Column.REPORTS_OPEN] = reports_seen_outside(
            _reported(known, each), as_of=each.as_of.timestamp(), params=params, people=known.people
        )
        rows.append(tuple(features))
    matrix = as_matrix(rows)
    scores = score(matrix, params)
    why = reasons(matrix, scores, params)
    return [
        _assessment(known, (each.kind, each.entity_id), rows[at], scores, at, why[at], as_of=each.as_of)
        for at, each in enumerate(found)
    ]


def _reported(known: Known, each: Assessment) -> list[Record]:
    """The records whose open reports count for it."""
    own = known.record(each.kind, each.entity_id)
    if each.kind == USER:
        return [own, *known.records_of(each.entity_id)]
    return [own, known.record(USER, each.owner_id)] if each.owner_id else [own]


def _folded(facts: dict[UUID, list[evidence.PlainFact]], passed_over: frozenset[str]) -> dict[UUID, Record]:
    return {
        subject: fold(Fact(*fact) for fact in some if fact[1] not in passed_over) for subject, some in facts.items()
    }


def _people(records: Sequence[Record], before: datetime | None) -> People:
    """What the service knows of everybody who gave to or reported these subjects."""
    donors = {donor for record in records for donor in record.donors}
    reporters = _reporters(records)
    return People(
        standing=queries.standings(donors | {str(person) for person in reporters}),
        reports={str(person): counts for person, counts in evidence.reporters(reporters, before=before).items()},
    )


def _reporters(records: Iterable[Record]) -> set[UUID]:
    told = (report.data.get("reporter_id") for record in records for report in record.reports.values())
    return {UUID(reporter) for reporter in told if reporter}


def _row(known: Known, kind: str, entity_id: UUID, moment: float, params: Params, purses: Purses) -> Row:
    if kind == USER:
        return user_row(
            known.record(USER, entity_id),
            as_of=moment,
            params=params,
            user_id=str(entity_id),
            campaigns=known.records_of(entity_id),
            given=known.given.get(entity_id, ()),
            people=known.people,
            purses=purses,
        )
    campaign = known.campaigns.get(entity_id)
    owner = campaign.owner_id if campaign else None
    return campaign_row(
        known.record(CAMPAIGN, entity_id),
        as_of=moment,
        params=params,
        owner_id=str(owner) if owner else None,
        owner=known.record(USER, owner) if owner else None,
        siblings=known.records_of(owner, but=entity_id) if owner else (),
        prior=known.rates.get(campaign.category, 0.0) if campaign else 0.0,
        people=known.people,
        purses=purses,
    )


def _assessment(
    known: Known, entity: Entity, row: Row, found: Scores, at: int, why: Sequence[Reason], *, as_of: datetime
) -> Assessment:
    kind, entity_id = entity
    campaign = known.campaigns.get(entity_id) if kind == CAMPAIGN else None
    owner = entity_id if kind == USER else (campaign.owner_id if campaign else None)
    held = [known.record(kind, entity_id)]
    held += known.records_of(entity_id) if kind == USER else [known.record(USER, owner)] if owner else []
    expiry = next_expiry(held, as_of.timestamp())
    return Assessment(
        kind=kind,
        entity_id=entity_id,
        owner_id=owner,
        score=points(found.score[at]),
        lower=points(found.lower[at]),
        deviation=round(float(found.deviation[at]), 4),
        confidence=round(float(found.confidence[at]), 4),
        rated=bool(found.rated[at]),
        cap=points(found.cap[at]),
        cap_adjustment=points(found.cap_adjustment[at]),
        factors=[
            {
                "name": name,
                "value": round(float(found.values[index, at]), 6),
                "weight": round(float(found.weights[index, at]), 6),
                "contribution": points(found.contributions[index, at]),
            }
            for index, name in enumerate(FACTORS)
        ],
        reasons=[
            {
                "code": reason.code,
                "factor": None if reason.factor == "cap" else reason.factor,
                "points": reason.points,
                "text": reason.text,
                "help": reason.helps,
                "gain": reason.gain,
            }
            for reason in why
        ],
        features=list(row),
        expires_at=None if expiry is None else datetime.fromtimestamp(expiry, UTC),
        as_of=as_of,
    )
