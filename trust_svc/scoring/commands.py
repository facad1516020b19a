"""Calculating scores again, and keeping what came out."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from bh_sdk.events import ScoreChanged
from bh_sdk.server.events import record
from bh_sdk.server.ops import clock
from trust_svc.scoring import queries
from trust_svc.scoring.assessment import Assessment, Entity, assess
from trust_svc.scoring.engine import Params, category_rates, shown_tier
from trust_svc.scoring.models import CategoryRate, Due, Job, JobItem, Score, ScorePoint
from trust_svc.scoring.rules import DEBOUNCE, TREND, Standing, is_noted, is_told

# So many entities are calculated in one transaction.
BATCH = 200

_MARK = """
INSERT INTO trust_scoring_due (kind, entity_id, due_at, picked)
SELECT kind, entity_id, %s, false
  FROM jsonb_to_recordset(%s::jsonb) AS entity (kind text, entity_id uuid) ORDER BY kind, entity_id
ON CONFLICT (kind, entity_id) WHERE NOT picked
DO UPDATE SET due_at = excluded.due_at WHERE excluded.due_at < trust_scoring_due.due_at
"""

# The sweep asks for everything, and jumps no queue: what waits already waits no longer.
_MARK_ALL = """
INSERT INTO trust_scoring_due (kind, entity_id, due_at, picked)
SELECT kind, entity_id, %s, false FROM trust_scoring_score ORDER BY kind, entity_id
ON CONFLICT (kind, entity_id) WHERE NOT picked DO NOTHING
"""

_MARK_EXPIRED = """
INSERT INTO trust_scoring_due (kind, entity_id, due_at, picked)
SELECT kind, entity_id, %s, false FROM trust_scoring_score WHERE expires_at <= %s ORDER BY kind, entity_id
ON CONFLICT (kind, entity_id) WHERE NOT picked DO NOTHING
"""

_PICK = """
UPDATE trust_scoring_due SET picked = true WHERE id IN (
   SELECT id FROM trust_scoring_due WHERE NOT picked AND (due_at <= %s OR due_at > %s)
    ORDER BY due_at LIMIT %s FOR UPDATE SKIP LOCKED)
"""

_KEEP = """
INSERT INTO trust_scoring_score AS score (id, kind, entity_id, owner_id, score, lower, deviation, confidence, rated,
       tier, cap, cap_adjustment, factors, reasons, features, trend, parameters_id, expires_at, calculated_at,
       revision, turn)
SELECT gen_random_uuid(), kind, entity_id, owner_id, row.score, lower, deviation, confidence, rated, tier,
       cap, cap_adjustment, factors, reasons, features, trend, parameters_id, expires_at, calculated_at, 1, %s
  FROM jsonb_to_recordset(%s::jsonb) AS row (kind text, entity_id uuid, owner_id uuid, score float8, lower float8,
       deviation float8, confidence float8, rated boolean, tier text, cap float8, cap_adjustment float8, factors jsonb,
       reasons jsonb, features jsonb, trend float8, parameters_id integer, expires_at timestamptz,
       calculated_at timestamptz)
 ORDER BY kind, entity_id
ON CONFLICT (kind, entity_id) DO UPDATE SET
       owner_id = excluded.owner_id, score = excluded.score, lower = excluded.lower, deviation = excluded.deviation,
       confidence = excluded.confidence, rated = excluded.rated, tier = excluded.tier, cap = excluded.cap,
       cap_adjustment = excluded.cap_adjustment, factors = excluded.factors, reasons = excluded.reasons,
       features = excluded.features, trend = excluded.trend, parameters_id = excluded.parameters_id,
       expires_at = excluded.expires_at, calculated_at = excluded.calculated_at, revision = score.revision + 1,
       turn = excluded.turn
 WHERE score.turn < excluded.turn
RETURNING score.id, score.kind, score.entity_id
"""

_JOB_ITEMS_DONE = """
UPDATE trust_scoring_jobitem AS item SET done = true
  FROM jsonb_to_recordset(%s::jsonb) AS entity (kind text, entity_id uuid)
 WHERE NOT item.done AND item.kind = entity.kind AND item.entity_id = entity.entity_id
"""

_EPOCH = """
UPDATE trust_scoring_score SET standing = CASE WHEN rated THEN score / 100 END
 WHERE kind = 'user' AND standing IS DISTINCT FROM CASE WHEN rated THEN score / 100 END
"""


@dataclass(frozen=True, slots=True)
class Kept:
    """A score that was written."""

    id: UUID
    assessment: Assessment
    before: Standing | None
    after: Standing


def mark(entities: Iterable[Entity], *, now: bool = False) -> None:
    """Have these scores calculated again: a second from now, with whatever else comes until then, or at once.

    Belongs into the transaction that changes the evidence. An entity that waits already is not put off.
    """
    wanted = sorted(set(entities))
    if wanted:
        due_at = clock.now() if now else clock.now() + DEBOUNCE
        with connection.cursor() as cursor:
            cursor.execute(_MARK, [due_at, _as_json(wanted)])


def rescore_due(limit: int = BATCH) -> int:
    """Calculate up to `limit` scores whose time has come; returns how many.

    Several workers may do so at once. A worker that dies leaves its picked rows to the next one, at once.
    """
    with connection.cursor() as cursor:
        # Nothing is put off for so long: the clock was moved back.
        cursor.execute(_PICK, [clock.now(), clock.now() + 10 * DEBOUNCE, limit])
    with transaction.atomic():
        as_of = clock.now()
        rows = Due.objects.filter(picked=True).order_by("kind", "entity_id").select_for_update(skip_locked=True)
        picked = list(rows[:limit])
        _rescore({(due.kind, due.entity_id) for due in picked}, as_of)
        Due.objects.filter(id__in=[due.id for due in picked]).delete()
    return len(picked)


@transaction.atomic
def rescore(*, kind: str, entity_id: UUID) -> Score:
    """Calculate one score now."""
    _rescore({(kind, entity_id)}, clock.now())
    return Score.objects.get(kind=kind, entity_id=entity_id)


@transaction.atomic
def open_job(*, entities: Sequence[Entity] | None, by: str) -> Job:
    """Have many scores calculated, or all there are; the job says how far it is."""
    wanted = sorted(set(entities)) if entities is not None else queries.everybody()
    job = Job.objects.create(requested_by=by, total=len(wanted), created_at=clock.now())
    JobItem.objects.bulk_create([JobItem(job=job, kind=kind, entity_id=entity_id) for kind, entity_id in wanted])
    mark(wanted, now=True)
    return job


@transaction.atomic
def mark_expired() -> None:
    """Ask anew for every score that counts on a verification whose time is over."""
    with connection.cursor() as cursor:
        cursor.execute(_MARK_EXPIRED, [clock.now(), clock.now()])


@transaction.atomic
def begin_epoch() -> None:
    """The nightly sweep: what people's words weigh is set anew, categories learn, and every score is calculated again."""
    params = queries.live_parameters()[1]
    at = clock.now()
    rates = category_rates(queries.outcomes_by_category(), params)
    CategoryRate.objects.exclude(category__in=rates).delete()
    CategoryRate.objects.bulk_create(
        [CategoryRate(category=name, rate=rate, calculated_at=at) for name, rate in rates.items()],
        update_conflicts=True,
        unique_fields=["category"],
        update_fields=["rate", "calculated_at"],
    )
    with connection.cursor() as cursor:
        cursor.execute(_EPOCH)
        cursor.execute(_MARK_ALL, [at])


def _rescore(entities: Collection[Entity], as_of: datetime) -> None:
    if not entities:
        return
    version, params = queries.live_parameters()
    turn = queries.next_turn()
    kept = _keep(assess(entities, as_of=as_of, params=params), version, params, turn)
    noted = [each for each in kept if is_noted(each.before, each.after)]
    ScorePoint.objects.bulk_create([_point(each, version) for each in noted])
    # Facts of a score lock it until the end, so in one order.
    for each in sorted(kept, key=lambda one: one.id):
        if is_told(each.before, each.after):
            record(_changed(each), subject=each.id)
    with connection.cursor() as cursor:
        cursor.execute(_JOB_ITEMS_DONE, [_as_json(sorted(entities))])


def _keep(assessments: Sequence[Assessment], version: int, params: Params, turn: int) -> list[Kept]:
    """Write scores; an answer that knew less than the stored one is dropped."""
    keys = [(each.kind, each.entity_id) for each in assessments]
    before = {
        (row.kind, row.entity_id): Standing(row.score, row.tier, row.rated)
        for row in Score.objects.filter(entity_id__in=[entity_id for _, entity_id in keys])
        .order_by("kind", "entity_id")
        .only("kind", "entity_id", "score", "tier", "rated")
        .select_for_update()
    }
    past = queries.scores_at(keys, assessments[0].as_of - TREND)
    after: dict[Entity, tuple[Assessment, Standing]] = {}
    rows: list[dict[str, Any]] = []
    for each in assessments:
        key = (each.kind, each.entity_id)
        remembered = before[key].tier if key in before and before[key].rated else None
        # Without a rating nothing is claimed.
        tier = shown_tier(each.score, remembered, params) if each.rated else "NEW"
        after[key] = (each, Standing(each.score, tier, each.rated))
        trend = None if key not in past else round((each.score - past[key]) * 1024) / 1024
        rows.append(_row(each) | {"tier": tier, "trend": trend, "parameters_id": version})
    with connection.cursor() as cursor:
        cursor.execute(_KEEP, [turn, json.dumps(rows)])
        written = cursor.fetchall()
    return [
        Kept(score_id, after[kind, entity_id][0], before.get((kind, entity_id)), after[kind, entity_id][1])
        for score_id, kind, entity_id in written
    ]


def _row(each: Assessment) -> dict[str, Any]:
    return {
        "kind": each.kind,
        "entity_id": str(each.entity_id),
        "owner_id": str(each.owner_id) if each.owner_id else None,
        "score": each.score,
        "lower": each.lower,
        "deviation": each.deviation,
        "confidence": each.confidence,
        "rated": each.rated,
        "cap": each.cap,
        "cap_adjustment": each.cap_adjustment,
        "factors": each.factors,
        "reasons": each.reasons,
        "features": each.features,
        "expires_at": each.expires_at.isoformat() if each.expires_at else None,
        "calculated_at": each.as_of.isoformat(),
    }


def _point(each: Kept, version: int) -> ScorePoint:
    found = each.assessment
    return ScorePoint(
        kind=found.kind,
        entity_id=found.entity_id,
        score=found.score,
        lower=found.lower,
        confidence=found.confidence,
        rated=found.rated,
        tier=each.after.tier,
        cap_adjustment=found.cap_adjustment,
        contributions={factor["name"]: factor["contribution"] for factor in found.factors},
        parameters_id=version,
        calculated_at=found.as_of,
    )


def _changed(each: Kept) -> ScoreChanged:
    return ScoreChanged.model_validate(
        {
            "entity_kind": each.assessment.kind,
            "entity_id": each.assessment.entity_id,
            "owner_id": each.assessment.owner_id,
            "score": _decimal(each.after.score),
            "previous_score": _decimal(each.before.score) if each.before else None,
            "tier": each.after.tier,
            "previous_tier": each.before.tier if each.before else None,
            "rated": each.after.rated,
        }
    )


def _decimal(score: float) -> str:
    return str(Decimal(score).quantize(Decimal("0.01")))


def _as_json(entities: Sequence[Entity]) -> str:
    return json.dumps([{"kind": kind, "entity_id": str(entity_id)} for kind, entity_id in entities])
