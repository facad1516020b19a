"""Telling of verifications that end: once 30 days before they run out, once when they have, and once when the platform took
one back. What staff take back here is told at once by `commands.revoke`."""

from __future__ import annotations

from collections.abc import Iterable
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
def tell_taken_back(limit: int = BATCH) -> int:
    """Tell of those that the platform took back; returns how many."""
    now = clock.now()
    found = {row[0]: row for row in queries.taken_back(after=now - NEWS, until=now, limit=limit)}
    mine = _note("ended", found.keys())
    for fact_id in mine:
        _, kind, entity_id, item, granted = found[fact_id]
        subject, about = _about(granted, kind, entity_id, item)
        record(VerificationEnded.model_validate(about | {"revoked": True}), subject=subject)
    return len(mine)


@transaction.atomic
def _tell(what: str, *, after: datetime, until: datetime, limit: int) -> int:
    found = {row[0]: row for row in queries.running_out(after=after, until=until, untold=what, limit=limit)}
    mine = _note(what, found.keys())
    for fact_id in mine:
        _record(what, found[fact_id])
    return len(mine)


def _note(what: str, facts: Iterable[UUID]) -> list[UUID]:
    """Whoever writes the row tells; another worker with the same list waits here and then has nothing left to write."""
    with connection.cursor() as cursor:
        cursor.execute(_NOTE, [what, clock.now(), sorted(facts)])
        return sorted(fact_id for (fact_id,) in cursor.fetchall())


def _record(what: str, row: tuple[UUID, str, UUID, str, Any]) -> None:
    fact_id, kind, entity_id, item, expires_at = row
    subject, about = _about(fact_id, kind, entity_id, item)
    if what == "ending":
        record(VerificationEnding.model_validate(about | {"expires_at": expires_at}), subject=subject)
    else:
        record(VerificationEnded.model_validate(about | {"revoked": False}), subject=subject)


def _about(granted: UUID, kind: str, entity_id: UUID, item: str) -> tuple[UUID, dict[str, object]]:
    """The subject of the fact, and what it says of a verification that this evidence had granted."""
    request = queries.request_of_fact(granted)
    about: dict[str, object] = {
        "request_id": request.id if request else None,
        "entity_kind": kind,
        "entity_id": entity_id,
        "owner_id": known.owner_of(kind, entity_id),
        "item": item,
    }
    return request.id if request else granted, about
