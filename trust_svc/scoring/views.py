"""What a caller gets to see of a score. Without a rating the number is shown to its owner and to staff only."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from bh_sdk.errors import NotFound
from bh_sdk.server.api import fetch_rows
from bh_sdk.server.ops import clock
from bh_sdk.wire.trust import EvidenceLine, Score
from trust_svc.evidence import queries as evidence
from trust_svc.scoring import queries
from trust_svc.scoring.answers import answers
from trust_svc.scoring.assessment import read
from trust_svc.scoring.engine import tier_of

# What the public hears of an entity without a rating, so that its parts do not give the number away.
UNRATED_REASON = {
    "code": "N1",
    "factor": None,
    "points": 0,
    "text": "There is not enough evidence for a score yet",
    "help": "Time, updates, verified facts and independent givers",
}
_UNRATED = json.dumps([UNRATED_REASON])

# One statement, JSON out. `inside` is decided in it, because the row knows its owner.
_SCORE = """
SELECT json_build_object(
         'entity_kind', kind, 'entity_id', entity_id, 'score', CASE WHEN rated OR inside THEN score END, 'rated', rated,
         'tier', CASE WHEN rated THEN tier END, 'confidence', confidence,
         'factors', CASE WHEN rated OR inside THEN factors ELSE '[]' END,
         'cap_adjustment', CASE WHEN rated OR inside THEN cap_adjustment ELSE 0 END,
         'trend', CASE WHEN rated OR inside THEN trend END,
         'reasons', CASE WHEN rated OR inside THEN reasons ELSE %(unrated)s::jsonb END,
         'calculated_at', to_char(calculated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))
  FROM (SELECT *, %(staff)s::boolean OR (owner_id::text = %(caller)s) IS TRUE AS inside
          FROM trust_scoring_score WHERE kind = %(kind)s AND entity_id = %(entity)s) AS found
"""


def score_json(kind: str, entity_id: UUID, *, caller: str, staff: bool) -> tuple[bytes, bool]:
    """The answer as JSON, and whether it is a stored one. Raises NotFound for an entity of which nothing is known."""
    params = {"kind": kind, "entity": entity_id, "caller": caller, "staff": staff, "unrated": _UNRATED}
    rows = fetch_rows(_SCORE, params)
    if rows:
        found: bytes = rows[0][0]
        return found, True
    inside = staff or caller == str(evidence.owner_of(kind, entity_id))
    return score(kind, entity_id, inside=inside).model_dump_json().encode(), False


def score(kind: str, entity_id: UUID, *, inside: bool) -> Score:
    """The same as a type. Raises NotFound for an entity of which nothing is known.

    Evidence that arrived a moment ago may not be calculated yet; then it is, for this answer alone.
    """
    stored = queries.score_of(kind, entity_id)
    if stored is not None:
        shown = {
            name: getattr(stored, name)
            for name in ("score", "rated", "tier", "confidence", "factors", "cap_adjustment", "trend", "reasons")
        }
        return _answer(kind, entity_id, shown | {"calculated_at": stored.calculated_at}, inside=inside)
    if not evidence.is_known(kind, entity_id):
        raise NotFound()
    answer = answers(read([(kind, entity_id)]), as_of=clock.now())[0]
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
        "calculated_at": found.as_of,
    }
    return _answer(kind, entity_id, shown, inside=inside)


def evidence_lines(kind: str, entity_id: UUID) -> list[EvidenceLine]:
    """What is known of an entity, newest first: never who gave and never who reported."""
    return [EvidenceLine.model_validate(line) for line in evidence.lines(kind, entity_id)]


def _answer(kind: str, entity_id: UUID, shown: dict[str, Any], *, inside: bool) -> Score:
    if not shown["rated"]:
        shown = shown | {"tier": None}
        if not inside:
            shown |= {"score": None, "factors": [], "cap_adjustment": 0, "trend": None, "reasons": [UNRATED_REASON]}
    return Score.model_validate({"entity_kind": kind, "entity_id": entity_id} | shown)
