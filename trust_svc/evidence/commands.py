"""Taking evidence in."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from prometheus_client import Counter

from bh_sdk.errors import EvidenceConflict
from bh_sdk.server.ops import clock, logs
from trust_svc.cases import attention
from trust_svc.evidence import queries
from trust_svc.evidence.models import Campaign, Kind
from trust_svc.evidence.rules import INHERITED, NewFact
from trust_svc.scoring import commands as scoring

log = logs.log("evidence")

CONFLICTS = Counter("bh_trust_evidence_conflicts", "Facts whose id was told before with another content", ["source"])
# Ids that one refusal names in its text.
NAMED = 3

# Sorted, so that two senders of the same facts wait for each other instead of deadlocking.
_INSERT = """
INSERT INTO trust_evidence_fact (id, type, time, subject_kind, subject_id, person_id, data, source, recorded_at)
SELECT id, type, time, subject_kind, subject_id, person_id, data, %s, %s
  FROM jsonb_to_recordset(%s::jsonb) AS fact
       (id uuid, type text, time timestamptz, subject_kind text, subject_id uuid, person_id uuid, data jsonb)
 ORDER BY id
ON CONFLICT (id) DO NOTHING
RETURNING id
"""

_TELL_OF_CAMPAIGNS = """
INSERT INTO trust_evidence_campaign (id, owner_id, title, currency, category)
SELECT id, owner_id, '', coalesce(currency, ''), coalesce(category, '')
  FROM jsonb_to_recordset(%s::jsonb) AS campaign (id uuid, owner_id uuid, currency text, category text)
 ORDER BY id
ON CONFLICT (id) DO UPDATE
   SET owner_id = coalesce(trust_evidence_campaign.owner_id, excluded.owner_id),
       currency = coalesce(nullif(trust_evidence_campaign.currency, ''), excluded.currency),
       category = coalesce(nullif(trust_evidence_campaign.category, ''), excluded.category)
 WHERE trust_evidence_campaign.owner_id IS NULL AND excluded.owner_id IS NOT NULL
    OR trust_evidence_campaign.category = '' AND excluded.category <> ''
    OR trust_evidence_campaign.currency = '' AND excluded.currency <> ''
"""


@dataclass(frozen=True, slots=True)
class Taken:
    """How many facts were new, and how many were here already."""

    accepted: int
    repeated: int


@transaction.atomic
def take_in(*, facts: Sequence[NewFact], source: str) -> Taken:
    """Keep facts that are new and let the scores they touch be calculated again.

    A fact is known by its id: a repetition is counted and changes nothing. `source` says who told us. Raises
    EvidenceConflict, and keeps none of them, when an id was told before and said something else.
    """
    unique: dict[UUID, NewFact] = {}
    for fact in facts:
        unique.setdefault(fact.id, fact)
    _tell_of_campaigns(unique.values())
    rows = [
        {
            "id": str(fact.id),
            "type": fact.type,
            "time": fact.time.isoformat(),
            "subject_kind": fact.kind,
            "subject_id": str(fact.subject_id),
            "person_id": fact.person_id,
            "data": fact.data,
        }
        for fact in unique.values()
    ]
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, [source, clock.now(), json.dumps(rows)])
        new = [unique[fact_id] for (fact_id,) in cursor.fetchall()]
    if len(new) < len(facts):
        _check_repeated(facts, unique, {fact.id for fact in new}, source)
    urgent = [fact for fact in new if fact.is_urgent]
    scoring.mark(_touched(urgent), now=True)
    scoring.mark(_touched([fact for fact in new if not fact.is_urgent and fact.type != "report.filed"]))
    # Who watches a score must not see when somebody reported, nor what else they have reported.
    scoring.mark(_touched([fact for fact in new if fact.type == "report.filed"]), quietly=True)
    scoring.mark(_weighed(urgent), now=True, quietly=True)
    scoring.mark(_weighed([fact for fact in new if not fact.is_urgent]), quietly=True)
    attention.look_at((fact.kind, fact.subject_id) for fact in new if fact.type in attention.NOTABLE)
    return Taken(accepted=len(new), repeated=len(facts) - len(new))


def _check_repeated(facts: Sequence[NewFact], unique: Mapping[UUID, NewFact], new: Set[UUID], source: str) -> None:
    """Raises EvidenceConflict when what came again is not what was said the first time."""
    first = dict(unique) | queries.as_told(unique.keys() - new)
    wrong = {fact.id for fact in facts if fact != first[fact.id]}
    if not wrong:
        return
    ids = sorted(map(str, wrong))
    CONFLICTS.labels(source).inc(len(ids))
    log.warning("evidence_conflict", source=source, facts=len(ids), first=ids[0])
    told: dict[str, Any] = {"ids": ids}
    if len(facts) > 1:
        stands = {fact.id: "not_kept" if fact.id in new else "repeated" for fact in facts}
        stands |= dict.fromkeys(wrong, "conflict")
        told["facts"] = [{"id": str(fact.id), "status": stands[fact.id]} for fact in facts]
    more = f" and {len(ids) - NAMED} more" if len(ids) > NAMED else ""
    raise EvidenceConflict(f"Told before, saying something else: {', '.join(ids[:NAMED])}{more}", **told)


@transaction.atomic
def describe_campaign(
    *, campaign_id: UUID, title: str, owner_id: UUID, currency: str, category: str | None
) -> tuple[Campaign, bool]:
    """Say what a campaign is and whose it is. Returns it, and whether it was new here."""
    before = Campaign.objects.select_for_update().filter(id=campaign_id).first()
    values = {"title": title, "owner_id": owner_id, "currency": currency, "described_at": clock.now()}
    if category is not None:
        values["category"] = category
    campaign, _ = Campaign.objects.update_or_create(id=campaign_id, defaults=values)
    changed = before is None or (before.owner_id, before.category) != (campaign.owner_id, campaign.category)
    if changed:
        owners = {owner for owner in (owner_id, before.owner_id if before else None) if owner is not None}
        family = {(Kind.CAMPAIGN.value, each.id) for some in queries.campaigns_of(owners).values() for each in some}
        scoring.mark({(Kind.USER.value, owner) for owner in owners} | family | {(Kind.CAMPAIGN.value, campaign_id)})
    return campaign, before is None or before.described_at is None


def _tell_of_campaigns(facts: Iterable[NewFact]) -> None:
    told: dict[str, dict[str, str | None]] = {}
    for fact in facts:
        if fact.kind == Kind.CAMPAIGN:
            entry = told.setdefault(str(fact.subject_id), {"id": str(fact.subject_id)})
            if fact.type == "campaign.created":
                entry |= {name: fact.data.get(name) for name in ("owner_id", "currency", "category")}
    if told:
        with connection.cursor() as cursor:
            cursor.execute(_TELL_OF_CAMPAIGNS, [json.dumps(list(told.values()))])


def _touched(facts: Sequence[NewFact]) -> set[tuple[str, UUID]]:
    """Every score these facts move: the subject's, its organiser's, what inherits from it, and what a giver's record is."""
    if not facts:
        return set()
    givers = {UUID(fact.person_id) for fact in facts if fact.type == "payment.succeeded" and fact.person_id}
    for returned in ("payment.refunded", "payment.refund_reversed", "payment.disputed"):
        givers |= _answered(facts, returned, "payment.succeeded", "payment_id")
    inherited = {(fact.kind, fact.subject_id) for fact in facts if fact.type in INHERITED}
    subjects = {(fact.kind, fact.subject_id) for fact in facts}
    return _around(subjects, inherited) | {(Kind.USER.value, person) for person in givers}


def _weighed(facts: Sequence[NewFact]) -> set[tuple[str, UUID]]:
    """What else those have reported whose record these decisions make grow."""
    decided = [fact for fact in facts if fact.type == "report.decided"]
    if not decided:
        return set()
    weighed = queries.weighed_by(_answered(decided, "report.decided", "report.filed", "report_id"))
    return _around(weighed, weighed)


def _around(subjects: set[tuple[str, UUID]], inherited: set[tuple[str, UUID]]) -> set[tuple[str, UUID]]:
    """These, their organisers, and the campaigns that take over from those among them that are `inherited`."""
    known = queries.campaigns(entity_id for kind, entity_id in subjects if kind == Kind.CAMPAIGN)
    owners = {campaign.owner_id for campaign in known.values() if campaign.owner_id is not None}
    heirs = {
        owner
        for kind, entity_id in inherited
        for owner in [entity_id if kind == Kind.USER else known[entity_id].owner_id]
        if owner is not None
    }
    family = {(Kind.CAMPAIGN.value, each.id) for some in queries.campaigns_of(heirs).values() for each in some}
    return subjects | {(Kind.USER.value, person) for person in owners} | family


def _answered(facts: Sequence[NewFact], answer: str, earlier: str, field: str) -> set[UUID]:
    """The people whose own word or gift facts of this type answer."""
    return queries.behind(
        [(fact.kind, fact.subject_id, earlier, field, str(fact.data[field])) for fact in facts if fact.type == answer]
    )
