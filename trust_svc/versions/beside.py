"""What every set in play says of everybody, kept beside the scores that are shown: one row per set and entity."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from django.db import connection

from trust_svc.scoring import parameters
from trust_svc.scoring.engine import Params, tier_of

# Rows of sets that are calculated no more are removed so many at a time.
TIDIED = 5_000

_KEEP = """
INSERT INTO trust_versions_setscore AS kept (parameters_id, kind, entity_id, owner_id, score, lower, rated, tier,
       calculated_at, turn)
SELECT parameters_id, kind, entity_id, owner_id, row.score, lower, rated, tier, calculated_at, %s
  FROM jsonb_to_recordset(%s::jsonb) AS row (parameters_id integer, kind text, entity_id uuid, owner_id uuid,
       score float8, lower float8, rated boolean, tier text, calculated_at timestamptz)
 ORDER BY parameters_id, kind, entity_id
ON CONFLICT (parameters_id, kind, entity_id) DO UPDATE SET
       owner_id = excluded.owner_id, score = excluded.score, lower = excluded.lower, rated = excluded.rated,
       tier = excluded.tier, calculated_at = excluded.calculated_at, turn = excluded.turn
 WHERE kept.turn < excluded.turn
"""

_TIDY = """
DELETE FROM trust_versions_setscore WHERE id IN (
   SELECT id FROM trust_versions_setscore WHERE NOT parameters_id = ANY(%s) LIMIT %s)
"""


class Assessed(Protocol):
    """What is kept of an assessment."""

    @property
    def kind(self) -> str: ...
    @property
    def entity_id(self) -> UUID: ...
    @property
    def owner_id(self) -> UUID | None: ...
    @property
    def score(self) -> float: ...
    @property
    def lower(self) -> float: ...
    @property
    def rated(self) -> bool: ...
    @property
    def as_of(self) -> datetime: ...


class Said(NamedTuple):
    """What one set says of one entity."""

    version: int
    params: Params
    found: Assessed


def keep(said: Iterable[Said], *, turn: int) -> None:
    """Keep what each of several sets says, in the transaction that keeps what is shown. An answer that knew less than the
    stored one is dropped."""
    rows = [_row(*each) for each in said]
    if rows:
        with connection.cursor() as cursor:
            cursor.execute(_KEEP, [turn, json.dumps(rows)])


def tidy() -> int:
    """Remove what sets say that are calculated no more, or by the live set when nothing is beside it; returns how many
    rows went. Call again until it returns 0."""
    playing = list(parameters.in_play())
    with connection.cursor() as cursor:
        cursor.execute(_TIDY, [playing if len(playing) > 1 else [], TIDIED])
        return int(cursor.rowcount)


def _row(version: int, params: Params, each: Assessed) -> dict[str, Any]:
    return {
        "parameters_id": version,
        "kind": each.kind,
        "entity_id": str(each.entity_id),
        "owner_id": str(each.owner_id) if each.owner_id else None,
        "score": each.score,
        "lower": each.lower,
        "rated": each.rated,
        "tier": tier_of(each.score, params) if each.rated else "NEW",
        "calculated_at": each.as_of.isoformat(),
    }
