"""Writing scores: what staff see, what others see, and the line of the history."""

from __future__ import annotations

import json
from collections.abc import Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from trust_svc.overrides.rules import shown_tier as overridden_tier
from trust_svc.scoring import dues, queries
from trust_svc.scoring.answers import Answer
from trust_svc.scoring.assessment import Entity
from trust_svc.scoring.engine import Column, shown_tier, tier_of
from trust_svc.scoring.rules import TREND, Standing, is_noted

# Scores as they stand, locked in one order.
_STORED = """
SELECT kind, entity_id, computed, outside, outside_at, id, score, tier, rated, said, override_id
  FROM trust_scoring_score WHERE entity_id = ANY(%s) ORDER BY kind, entity_id FOR UPDATE
"""

_KEEP = """
INSERT INTO trust_scoring_score AS score (id, kind, entity_id, owner_id, score, lower, deviation, confidence, rated,
       tier, cap, cap_adjustment, factors, reasons, features, trend, parameters_id, expires_at, calculated_at,
       computed, override_id, override_until, outside, outside_at, said, revision, turn)
SELECT gen_random_uuid(), kind, entity_id, owner_id, row.score, lower, deviation, confidence, rated, tier,
       cap, cap_adjustment, factors, reasons, features, trend, parameters_id, expires_at, calculated_at,
       computed, override_id, override_until, outside, outside_at, said, 1, %s
  FROM jsonb_to_recordset(%s::jsonb) AS row (kind text, entity_id uuid, owner_id uuid, score float8, lower float8,
       deviation float8, confidence float8, rated boolean, tier text, cap float8, cap_adjustment float8, factors jsonb,
       reasons jsonb, features jsonb, trend float8, parameters_id integer, expires_at timestamptz,
       calculated_at timestamptz, computed jsonb, override_id uuid, override_until timestamptz, outside jsonb,
       outside_at timestamptz, said bigint)
 ORDER BY kind, entity_id
ON CONFLICT (kind, entity_id) DO UPDATE SET
       owner_id = excluded.owner_id, score = excluded.score, lower = excluded.lower, deviation = excluded.deviation,
       confidence = excluded.confidence, rated = excluded.rated, tier = excluded.tier, cap = excluded.cap,
       cap_adjustment = excluded.cap_adjustment, factors = excluded.factors, reasons = excluded.reasons,
       features = excluded.features, trend = excluded.trend, parameters_id = excluded.parameters_id,
       expires_at = excluded.expires_at, calculated_at = excluded.calculated_at, computed = excluded.computed,
       override_id = excluded.override_id, override_until = excluded.override_until, outside = excluded.outside,
       outside_at = excluded.outside_at, said = excluded.said,
       revision = score.revision + 1, turn = excluded.turn
 WHERE score.turn < excluded.turn
RETURNING score.id, score.kind, score.entity_id
"""

# Nothing shown moved; but this answer is newer, and knew at least as much.
_AGAIN = """
UPDATE trust_scoring_score
   SET calculated_at = %(at)s, revision = revision + 1, turn = %(turn)s,
       outside_at = CASE WHEN outside IS NULL OR id = ANY(%(quiet)s) THEN outside_at ELSE %(at)s END
 WHERE id = ANY(%(same)s) AND turn < %(turn)s
"""

# What others see stays as it is, whatever moves underneath. `at_items` and `at_periods` are what badges are read from.
_FREEZE = """
UPDATE trust_scoring_score
   SET outside_at = calculated_at, outside = jsonb_build_object(
         'score', score, 'tier', tier, 'rated', rated, 'confidence', confidence, 'factors', factors,
         'cap_adjustment', cap_adjustment, 'trend', trend, 'reasons', reasons, 'computed', computed,
         'items', features->%(items)s::int, 'periods', features->%(periods)s::int)
 WHERE outside IS NULL AND (kind, entity_id) IN (
       SELECT kind, entity_id FROM jsonb_to_recordset(%(entities)s::jsonb) AS entity (kind text, entity_id uuid))
"""

_NOTE = """
INSERT INTO trust_scoring_scorepoint (kind, entity_id, score, lower, confidence, rated, tier, cap_adjustment, contributions,
       parameters_id, calculated_at, source, computed, outside, told)
SELECT kind, entity_id, score, lower, confidence, rated, tier, cap_adjustment, contributions, parameters_id, calculated_at,
       source, computed, outside, told
  FROM jsonb_to_recordset(%s::jsonb) AS row (kind text, entity_id uuid, score float8, lower float8, confidence float8,
       rated boolean, tier text, cap_adjustment float8, contributions jsonb, parameters_id integer,
       calculated_at timestamptz, source text, computed float8, outside jsonb, told boolean)
"""


class Stored(NamedTuple):
    """What is asked of a score as it stands: a plain tuple, because they are many."""

    id: UUID
    score: float
    tier: str
    rated: bool
    said: int
    override_id: UUID | None
    computed: dict[str, Any] | None
    outside: dict[str, Any] | None
    outside_at: datetime | None

    def seen_outside(self) -> Stored:
        """The same as others than staff see it."""
        if self.outside is None:
            return self
        return self._replace(**{name: self.outside[name] for name in ("score", "tier", "rated", "computed")})


@dataclass(frozen=True, slots=True)
class Kept:
    """A score that was written: how it stood and stands for staff, and for others."""

    id: UUID
    answer: Answer
    before: Standing | None
    after: Standing
    # An override began or ended.
    turned: bool
    before_outside: Standing | None
    after_outside: Standing
    # What was calculated, as far as others see it.
    calculated_outside: float

    @property
    def told(self) -> bool:
        """Whether anything moved that others see."""
        return self.turned or is_noted(self.before_outside, self.after_outside)


def keep(found: Sequence[Answer], as_of: datetime, turn: int, quietly: Set[Entity]) -> list[Kept]:
    """Write the answers that moved; returns them. An answer that knew less than the stored one is dropped.

    One that says what is stored already is not written again: the stored one is as of now, and knows as much.
    """
    entities = [each.entity for each in found]
    before = _stored(entities, quietly)
    past = queries.scores_at(entities, as_of - TREND)
    moved: dict[Entity, tuple[Answer, Standing, dict[str, Any] | None]] = {}
    same: list[UUID] = []
    rows: list[str] = []
    for each in found:
        stored, then = before.get(each.entity), past.get(each.entity)
        after = _standing(each, stored)
        trend = None if then is None else _moved(each.calculated.score, then.score)
        outside, since = None, None
        if stored is not None and each.entity in quietly:
            outside, since = stored.outside, stored.outside_at
        elif _differs(each, stored, then):
            outside = _outside(each, stored, then)
            since = None if outside is None else as_of
        said, row = _row(each, after, trend, _underneath(each, stored), outside, since)
        if stored is not None and stored.said == said:
            same.append(stored.id)
        else:
            moved[each.entity] = (each, after, outside)
            rows.append(row)
    quiet = [before[entity].id for entity in quietly if entity in before]
    with connection.cursor() as cursor:
        cursor.execute(_AGAIN, {"at": as_of, "turn": turn, "same": same, "quiet": quiet})
        cursor.execute(_KEEP, [turn, f"[{','.join(rows)}]"])
        written = cursor.fetchall()
    # Another turn, which may have been a quiet one, was quicker: what others see is still to be brought up to date.
    dropped = moved.keys() - {(kind, entity_id) for _, kind, entity_id in written} - quietly
    dues.put(dropped, due_at=as_of)
    return [
        _kept(score_id, *moved[kind, entity_id], before.get((kind, entity_id))) for score_id, kind, entity_id in written
    ]


def _kept(
    score_id: UUID, answer: Answer, after: Standing, outside: dict[str, Any] | None, stored: Stored | None
) -> Kept:
    override = answer.override.id if answer.override else None
    turned = (stored.override_id if stored is not None else None) != override
    after_outside, calculated = after, answer.calculated.score
    if outside is not None:
        after_outside = Standing(outside["score"], outside["tier"], outside["rated"])
        calculated = (outside["computed"] or outside)["score"]
    before_outside = _seen(stored.seen_outside() if stored else None)
    return Kept(score_id, answer, _seen(stored), after, turned, before_outside, after_outside, calculated)


def _differs(each: Answer, stored: Stored | None, then: queries.Then | None) -> bool:
    """Whether others than staff may see something else: reports wait, or did when the trend or the tier was made."""
    return (
        each.outside is not None
        or (stored is not None and stored.outside is not None)
        or (then is not None and then.score != then.outside)
    )


def _outside(each: Answer, stored: Stored | None, then: queries.Then | None) -> dict[str, Any] | None:
    """What others than staff see; None when that is what staff see."""
    seen, before = each.seen_outside(), stored.seen_outside() if stored is not None else None
    after, found = _standing(seen, before), seen.found
    trend = None if then is None else _moved(seen.calculated.score, then.outside)
    same = each.outside is None and after == _standing(each, stored) and (then is None or then.score == then.outside)
    if same:
        return None
    return {
        "score": found.score,
        "tier": after.tier,
        "rated": after.rated,
        "confidence": found.confidence,
        "factors": found.factors,
        "cap_adjustment": found.cap_adjustment,
        "trend": trend,
        "reasons": found.reasons,
        "computed": _underneath(seen, before),
        "items": found.features[Column.ITEMS],
        "periods": found.features[Column.PERIODS],
    }


def _moved(score: float, then: float) -> float:
    return round((score - then) * 1024) / 1024


def _stored(entities: Sequence[Entity], quietly: Set[Entity]) -> dict[Entity, Stored]:
    """The scores as they stand, locked in one order; what others see of the quiet ones is kept apart from now on."""
    with connection.cursor() as cursor:
        cursor.execute(_STORED, [[entity_id for _, entity_id in entities]])
        if quietly:
            at = {"items": int(Column.ITEMS), "periods": int(Column.PERIODS)}
            cursor.execute(_FREEZE, at | {"entities": dues.as_json(sorted(quietly))})
            cursor.execute(_STORED, [[entity_id for _, entity_id in entities]])
        return {
            (kind, entity_id): Stored._make(
                [*row, json.loads(computed) if computed else None, json.loads(outside) if outside else None, since]
            )
            for kind, entity_id, computed, outside, since, *row in cursor.fetchall()
        }


def _seen(stored: Stored | None) -> Standing | None:
    return None if stored is None else Standing(stored.score, stored.tier, stored.rated)


def _standing(each: Answer, stored: Stored | None) -> Standing:
    """What others will see. Without a rating nothing is claimed; the shown tier remembers the one before."""
    if each.override is None:
        return _calculated(each, stored)
    found, edges = each.found, each.params.tiers
    # What staff set has no memory: neither of what was calculated nor of another override.
    tier = overridden_tier(found, each.override.wish, edges) or tier_of(found.score, each.params)
    return Standing(found.score, tier if found.rated else "NEW", found.rated)


def _calculated(each: Answer, stored: Stored | None) -> Standing:
    """The same of what was calculated, which goes on underneath an override with a memory of its own."""
    found = each.calculated
    if not found.rated:
        return Standing(found.score, "NEW", rated=False)
    remembered = None
    if stored is not None and stored.computed is not None:
        remembered = stored.computed["tier"] if stored.computed["rated"] else None
    elif stored is not None and stored.rated:
        remembered = stored.tier
    return Standing(found.score, shown_tier(found.score, remembered, each.params), rated=True)


def _underneath(each: Answer, stored: Stored | None) -> dict[str, Any] | None:
    if each.computed is None:
        return None
    found = each.computed
    return {
        "score": found.score,
        "lower": found.lower,
        "rated": found.rated,
        "tier": _calculated(each, stored).tier,
        "cap_adjustment": found.cap_adjustment,
        "factors": found.factors,
        "reasons": found.reasons,
    }


def _row(
    each: Answer,
    after: Standing,
    trend: float | None,
    computed: dict[str, Any] | None,
    outside: dict[str, Any] | None,
    since: datetime | None,
) -> tuple[int, str]:
    """A digest that tells whether two answers say the same, whenever they were calculated; and the answer as the table keeps
    it, in JSON."""
    found = each.found
    said = {
        "kind": found.kind,
        "entity_id": str(found.entity_id),
        "owner_id": str(found.owner_id) if found.owner_id else None,
        "score": found.score,
        "lower": found.lower,
        "deviation": found.deviation,
        "confidence": found.confidence,
        "rated": found.rated,
        "tier": after.tier,
        "cap": found.cap,
        "cap_adjustment": found.cap_adjustment,
        "factors": found.factors,
        "reasons": found.reasons,
        "trend": trend,
        "parameters_id": each.version,
        "expires_at": found.expires_at.isoformat() if found.expires_at else None,
        "computed": computed,
        "override_id": str(each.override.id) if each.override else None,
        "override_until": each.override.until.isoformat() if each.override else None,
    }
    if outside is not None:
        # What comes from the database has its members in another order.
        said["outside"] = json.loads(json.dumps(outside, sort_keys=True))
    text = json.dumps(said)
    digest = int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), signed=True)
    fresh = {"features": found.features, "calculated_at": found.as_of.isoformat(), "said": digest}
    fresh["outside_at"] = since.isoformat() if since else None
    return digest, f"{text[:-1]}, {json.dumps(fresh)[1:]}"


def note(noted: Sequence[Kept]) -> None:
    """Add these to the history."""
    if noted:
        with connection.cursor() as cursor:
            cursor.execute(_NOTE, [json.dumps([_point(each) for each in noted])])


def _point(each: Kept) -> dict[str, Any]:
    """A line of the history, as the table keeps it."""
    found = each.answer.found
    return {
        "kind": found.kind,
        "entity_id": str(found.entity_id),
        "score": found.score,
        "lower": found.lower,
        "confidence": found.confidence,
        "rated": found.rated,
        "tier": each.after.tier,
        "cap_adjustment": found.cap_adjustment,
        "contributions": {factor["name"]: factor["contribution"] for factor in found.factors},
        "parameters_id": each.answer.version,
        "calculated_at": found.as_of.isoformat(),
        "source": "override" if each.answer.override else "calculated",
        "computed": each.answer.computed.score if each.answer.computed else None,
        "outside": _point_outside(each),
        "told": each.told,
    }


def _point_outside(each: Kept) -> dict[str, Any] | None:
    seen, calculated = each.after_outside, each.calculated_outside
    if seen == each.after and calculated == each.answer.calculated.score:
        return None
    return {"score": seen.score, "tier": seen.tier, "calculated": calculated}
