"""The scores that wait to be calculated again, and whose turn is next."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from trust_svc.scoring.assessment import Entity
from trust_svc.scoring.rules import DEBOUNCE

# So many entities are calculated at once, and in one transaction: at most; of what is urgent fewer, so that the first are
# there soon; and of a sweep, whose every score keeps a lock for what it tells.
BATCH, URGENT, BULK = 8_192, 1_024, 4_096
# So many workers sweep at once: the others stay free for what is new.
SWEEPERS = 2
_SWEEPER = 0x7472_7573

_MARK = """
INSERT INTO trust_scoring_due AS due (kind, entity_id, due_at, urgent, quiet, bulk, picked)
SELECT kind, entity_id, %s, %s, %s, %s, false
  FROM jsonb_to_recordset(%s::jsonb) AS entity (kind text, entity_id uuid) ORDER BY kind, entity_id
ON CONFLICT (kind, entity_id) WHERE NOT picked
DO UPDATE SET due_at = least(due.due_at, excluded.due_at), urgent = due.urgent OR excluded.urgent,
       quiet = due.quiet AND excluded.quiet, bulk = due.bulk AND excluded.bulk
 WHERE excluded.due_at < due.due_at OR excluded.urgent AND NOT due.urgent OR due.quiet AND NOT excluded.quiet
    OR due.bulk AND NOT excluded.bulk
"""

# The sweep asks for everything, and comes after all else: what waits already waits no longer. An organiser and the campaigns
# stand together, because they are calculated from the same facts.
_MARK_ALL = """
INSERT INTO trust_scoring_due AS due (kind, entity_id, due_at, bulk, picked)
SELECT kind, entity_id, %s, true, false FROM trust_scoring_score ORDER BY owner_id, kind, entity_id
ON CONFLICT (kind, entity_id) WHERE NOT picked DO UPDATE SET quiet = false WHERE due.quiet
"""

# One that is being calculated is asked for again only when it still counts on what is over.
_MARK_EXPIRED = """
INSERT INTO trust_scoring_due (kind, entity_id, due_at, urgent, picked)
SELECT kind, entity_id, %s, true, false FROM trust_scoring_score AS score WHERE expires_at <= %s AND NOT EXISTS (
       SELECT FROM trust_scoring_due AS due
        WHERE due.kind = score.kind AND due.entity_id = score.entity_id
          AND NOT due.quiet AND (due.urgent OR due.picked))
 ORDER BY kind, entity_id
ON CONFLICT (kind, entity_id) WHERE NOT picked DO UPDATE SET urgent = true, quiet = false, bulk = false
"""

# What comes next: urgent or not, of a sweep or not. A picked row that nobody holds was left behind.
_NEXT = """
SELECT urgent, bulk FROM trust_scoring_due WHERE picked OR due_at <= %s OR due_at > %s
 ORDER BY urgent DESC, bulk, due_at LIMIT 1 FOR UPDATE SKIP LOCKED
"""

_PICK = """
UPDATE trust_scoring_due SET picked = true WHERE id IN (
   SELECT id FROM trust_scoring_due WHERE NOT picked AND bulk = %s AND (due_at <= %s OR due_at > %s)
    ORDER BY urgent DESC, due_at, id LIMIT %s FOR UPDATE SKIP LOCKED)
"""

# How many of a sweep are picked already: no more than those who sweep can take.
_AHEAD = "SELECT count(*) FROM trust_scoring_due WHERE picked AND bulk"

# One of the two places of those who sweep, until the transaction ends.
_SWEEP = "SELECT CASE WHEN pg_try_advisory_xact_lock(%s, 1) THEN true ELSE pg_try_advisory_xact_lock(%s, 2) END"

_TAKE = """
SELECT id, kind, entity_id, quiet FROM trust_scoring_due WHERE picked AND bulk = %s
 ORDER BY urgent DESC, due_at, id LIMIT %s FOR UPDATE SKIP LOCKED
"""

_DONE = "DELETE FROM trust_scoring_due WHERE id = ANY(%s)"


@dataclass(frozen=True, slots=True)
class Taken:
    """A picked row: `quiet` when nothing moved that others than staff may notice."""

    id: int
    entity: Entity
    quiet: bool


def put(
    entities: Iterable[Entity], *, due_at: datetime, urgent: bool = False, quiet: bool = False, bulk: bool = False
) -> None:
    """Have these wait for `due_at`. One that waits already is not put off."""
    wanted = sorted(set(entities))
    if wanted:
        with connection.cursor() as cursor:
            cursor.execute(_MARK, [due_at, urgent, quiet, bulk, as_json(wanted)])


def put_all(*, due_at: datetime) -> None:
    """Have every score there is wait, as a sweep."""
    with connection.cursor() as cursor:
        cursor.execute(_MARK_ALL, [due_at])


def put_expired(*, now: datetime) -> None:
    """Have every score wait that counts on something that is over by now."""
    with connection.cursor() as cursor:
        cursor.execute(_MARK_EXPIRED, [now, now])


def pick(*, now: datetime, limit: int) -> tuple[bool, int] | None:
    """Say that the next lane is being calculated; answers whether it is a sweep's, and how many to take at once at most.
    None when nothing is due."""
    # Nothing is put off for so long: the clock was moved back.
    due = [now, now + 10 * DEBOUNCE]
    with connection.cursor() as cursor:
        cursor.execute(_NEXT, due)
        if (lane := cursor.fetchone()) is None:
            return None
        urgent, bulk = lane
        limit = room = min(limit, URGENT if urgent else BULK if bulk else BATCH)
        if bulk:
            cursor.execute(_AHEAD)
            (ahead,) = cursor.fetchone()
            room = max(0, SWEEPERS * limit - ahead)
        cursor.execute(_PICK, [bulk, *due, room])
    return bulk, limit


def take(*, bulk: bool, limit: int) -> list[Taken]:
    """Up to `limit` picked rows of a lane, locked until the transaction ends. None of a sweep while enough others sweep."""
    with connection.cursor() as cursor:
        if bulk:
            cursor.execute(_SWEEP, [_SWEEPER, _SWEEPER])
            if not cursor.fetchone()[0]:
                return []
        cursor.execute(_TAKE, [bulk, limit])
        return [Taken(due, (kind, entity_id), quiet) for due, kind, entity_id, quiet in cursor.fetchall()]


def done(taken: Sequence[Taken]) -> None:
    """These have been calculated."""
    with connection.cursor() as cursor:
        cursor.execute(_DONE, [[each.id for each in taken]])


def as_json(entities: Collection[Entity]) -> str:
    """Entities as the statements take them."""
    return json.dumps([{"kind": kind, "entity_id": str(entity_id)} for kind, entity_id in entities])
