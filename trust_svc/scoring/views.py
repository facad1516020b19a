"""What a caller gets to see of a score. Without a rating the number is shown to its owner and to staff only."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from bh_sdk.errors import NotFound
from bh_sdk.server.api import fetch_rows
from bh_sdk.server.ops import clock
from bh_sdk.wire.trust import EvidenceLine, Score, ScorePoint
from trust_svc.evidence import queries as evidence
from trust_svc.evidence.rules import INHERITED
from trust_svc.scoring.answers import answers
from trust_svc.scoring.assessment import read
from trust_svc.scoring.engine import ITEMS, Column, tier_of
from trust_svc.scoring.models import ScorePoint as StoredPoint
from trust_svc.scoring.telling import BADGES, COARSE, STEADY, told

# What the public hears of an entity without a rating, so that its parts do not give the number away.
UNRATED_REASON = {
    "code": "N1",
    "factor": None,
    "points": 0,
    "text": "There is not enough evidence for a score yet",
    "help": "Time, updates, verified facts and independent givers",
}
_FIXED = {
    "unrated": json.dumps([UNRATED_REASON]),
    "badges": json.dumps(BADGES),
    "at_items": int(Column.ITEMS),
    "at_periods": int(Column.PERIODS),
    "steady": STEADY,
} | {item: 1 << ITEMS.index(item) for item in ("identity", "bank", "registry")}

# One statement, JSON out. `inside` is decided in it, because the row knows its owner; but what reports that wait for review
# do to a score is for staff alone, and not for those whose own score it is.
_SCORE = """
SELECT json_build_object(
         'entity_kind', kind, 'entity_id', entity_id, 'score', CASE WHEN rated OR inside THEN score END, 'rated', rated,
         'tier', CASE WHEN rated THEN tier END, 'confidence', confidence,
         'factors', CASE WHEN rated OR inside THEN factors ELSE '[]' END,
         'cap_adjustment', CASE WHEN rated OR inside THEN cap_adjustment ELSE 0 END,
         'trend', CASE WHEN rated OR inside THEN trend END,
         'reasons', CASE WHEN rated OR inside THEN reasons ELSE %(unrated)s::jsonb END,
         'badges', (
           SELECT coalesce(json_agg(json_build_object('code', code, 'text', %(badges)s::jsonb->>code)), '[]')
             FROM (SELECT 'identity_verified' AS code WHERE items & %(identity)s::int > 0
         UNION ALL SELECT 'bank_verified' WHERE items & %(bank)s::int > 0
         UNION ALL SELECT 'registry_verified' WHERE items & %(registry)s::int > 0
         UNION ALL SELECT 'steady_updates' WHERE kind = 'campaign' AND periods >= %(steady)s::float8
         UNION ALL SELECT 'delivered_before' WHERE EXISTS (
                     SELECT FROM trust_evidence_campaign AS other CROSS JOIN LATERAL (
                            SELECT (data->>'delivered')::boolean AS delivered FROM trust_evidence_fact
                             WHERE subject_kind = 'campaign' AND subject_id = other.id AND type = 'campaign.ended'
                             ORDER BY time DESC, id DESC LIMIT 1) AS ended
                      WHERE other.owner_id = found.owner_id AND other.id <> found.entity_id AND ended.delivered)
                  ) AS true_ones),
         'override', CASE WHEN inside AND override_id IS NOT NULL THEN json_build_object(
           'until', to_char(override_until AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')) END,
         'calculated_at', to_char(calculated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))
  FROM (SELECT kind, entity_id, owner_id, override_id, override_until, rated, confidence, tier, score, factors,
               cap_adjustment, trend, reasons, calculated_at,
               %(staff)s::boolean OR (owner_id::text = %(caller)s) IS TRUE AS inside,
               coalesce((features->>%(at_items)s::int)::float8, 0)::int AS items,
               coalesce((features->>%(at_periods)s::int)::float8, 0) AS periods
          FROM trust_scoring_score
         WHERE kind = %(kind)s AND entity_id = %(entity)s
           AND (outside IS NULL OR %(staff)s::boolean AND (owner_id::text <> %(caller)s) IS NOT FALSE)
     UNION ALL
        SELECT kind, entity_id, owner_id, override_id, override_until, (outside->>'rated')::boolean,
               (outside->>'confidence')::float8, outside->>'tier', (outside->>'score')::float8, outside->'factors',
               (outside->>'cap_adjustment')::float8, (outside->>'trend')::float8, outside->'reasons', outside_at,
               %(staff)s::boolean OR (owner_id::text = %(caller)s) IS TRUE,
               coalesce((outside->>'items')::float8, 0)::int, coalesce((outside->>'periods')::float8, 0)
          FROM trust_scoring_score
         WHERE kind = %(kind)s AND entity_id = %(entity)s AND outside IS NOT NULL
           AND NOT (%(staff)s::boolean AND (owner_id::text <> %(caller)s) IS NOT FALSE)
       ) AS found
"""


def score_json(kind: str, entity_id: UUID, *, caller: str, staff: bool) -> tuple[bytes, bool]:
    """The answer as JSON, and whether it is a stored one. Raises NotFound for an entity of which nothing is known."""
    found = _stored(kind, entity_id, caller=caller, staff=staff)
    if found is not None:
        return found, True
    return score(kind, entity_id, caller=caller, staff=staff).model_dump_json().encode(), False


def score(kind: str, entity_id: UUID, *, caller: str, staff: bool) -> Score:
    """The same as a type. Raises NotFound for an entity of which nothing is known.

    Evidence that arrived a moment ago may not be calculated yet; then it is, for this answer alone.
    """
    stored = _stored(kind, entity_id, caller=caller, staff=staff)
    if stored is not None:
        return Score.model_validate_json(stored)
    if not evidence.is_known(kind, entity_id):
        raise NotFound()
    own = caller == str(evidence.owner_of(kind, entity_id))
    inside = staff or own
    whole = answers(read([(kind, entity_id)]), as_of=clock.now())[0]
    answer = whole if staff and not own else whole.seen_outside()
    found = answer.found
    shown = {
        "score": found.score,
        "rated": found.rated,
        "tier": tier_of(found.score, answer.params),
        "confidence": found.confidence,
        "factors": found.factors,
        "cap_adjustment": found.cap_adjustment,
        "trend": None,
        "reasons": found.reasons,
        "override": {"until": answer.override.until} if answer.override and inside else None,
        "calculated_at": found.as_of,
    }
    return _answer(kind, entity_id, shown, inside=inside)


def _stored(kind: str, entity_id: UUID, *, caller: str, staff: bool) -> bytes | None:
    rows = fetch_rows(_SCORE, _FIXED | {"kind": kind, "entity": entity_id, "caller": caller, "staff": staff})
    return rows[0][0] if rows else None


def evidence_lines(kind: str, entity_id: UUID, *, staff: bool, limit: int = 200) -> list[EvidenceLine]:
    """What is known of an entity, newest first, and what a campaign takes over from its organiser: never who gave and
    never who reported. Staff see a report at once, its subject from the next day on."""
    now = clock.now()
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)

    def lines(of_kind: str, of_id: UUID) -> list[dict[str, Any]]:
        known = evidence.lines(of_kind, of_id, limit=limit)
        return [each for each in known if staff or each["type"] != "report.filed" or each["time"] < today]

    found = [_line(each, "itself") for each in lines(kind, entity_id)]
    owner = evidence.owner_of(kind, entity_id) if kind == "campaign" else None
    if owner is not None:
        taken_over = (each for each in lines("user", owner) if each["type"] in INHERITED)
        found += [_line(each, "organiser") for each in taken_over]
    return sorted(found, key=lambda line: line.time, reverse=True)[:limit]


def point(row: StoredPoint, *, staff: bool) -> ScorePoint:
    """A line of the history."""
    shown = {name: getattr(row, name) for name in ("score", "tier", "rated", "source", "calculated_at")}
    if row.outside is not None and not staff:
        shown |= {name: row.outside[name] for name in ("score", "tier")}
    return ScorePoint.model_validate(shown | {"version": row.parameters_id})


def _line(fact: dict[str, Any], about: str) -> EvidenceLine:
    text, factor, effect = told(fact["type"], fact["data"])
    time, source = fact["time"], fact["source"]
    if fact["type"] in COARSE:
        # Neither when somebody reported, nor by which door.
        time, source = time.replace(hour=0, minute=0, second=0, microsecond=0), "trust"
    shown = {"type": fact["type"], "time": time, "source": source, "about": about}
    return EvidenceLine.model_validate(shown | {"text": text, "factor": factor, "effect": effect})


def _answer(kind: str, entity_id: UUID, shown: dict[str, Any], *, inside: bool) -> Score:
    if not shown["rated"]:
        shown = shown | {"tier": None}
        if not inside:
            shown |= {"score": None, "factors": [], "cap_adjustment": 0, "trend": None, "reasons": [UNRATED_REASON]}
    return Score.model_validate({"entity_kind": kind, "entity_id": entity_id} | shown)
