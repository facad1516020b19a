"""Telling of verifications that run out: once 30 days before, once when they have."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from bh_sdk.events import VerificationEnded, VerificationEnding
from bh_sdk.server.events import record
from bh_sdk.server.ops import clock
from trust_svc.evidence import queries as known
from trust_svc.verification import queries, rules

BATCH = 200
# What ran out longer ago is old news, such as the history of an import.
NEWS = rules.NOTICE

_NOTE = """
INSERT INTO trust_verification_told (fact_id, what, told_at)
SELECT fact_id, %s, %s FROM unnest(%s::uuid[]) AS fact_id ORDER BY fact_id
ON CONFLICT (fact_id, what) DO NOTHING RETURNING fact_id
"""


def tell_ending(limit: int = BATCH) -> int:
    """Tell of those that run out within 30 days; returns how many."""
    now = clock.now()
    return _tell("ending", after=now, until=now + rules.NOTICE, limit=limit)


def tell_ended(limit: int = BATCH) -> int:
    """Tell of those that have run out; returns how many."""
    now = clock.now()
    return _tell("ended", after=now - NEWS, until=now, limit=limit)


@transaction.atomic
def _tell(what: str, *, after: datetime, until: datetime, limit: int) -> int:
    found = {row[0]: row for row in queries.running_out(after=after, until=until, untold=what, limit=limit)}
    # Whoever writes the row tells; another worker with the same list waits here and then has nothing left to write.
    with connection.cursor() as cursor:
        cursor.execute(_NOTE, [what, clock.now(), sorted(found)])
        mine = [fact_id for (fact_id,) in cursor.fetchall()]
    for fact_id in sorted(mine):
        _record(what, found[fact_id])
    return len(mine)


def _record(what: str, row: tuple[UUID, str, UUID, str, Any]) -> None:
    fact_id, kind, entity_id, item, expires_at = row
    request = queries.request_of_fact(fact_id)
    about = {
        "request_id": request.id if request else None,
        "entity_kind": kind,
        "entity_id": entity_id,
        "owner_id": known.owner_of(kind, entity_id),
        "item": item,
    }
    subject = request.id if request else fact_id
    if what == "ending":
        record(VerificationEnding.model_validate(about | {"expires_at": expires_at}), subject=subject)
    else:
        record(VerificationEnded.model_validate(about | {"revoked": False}), subject=subject)
