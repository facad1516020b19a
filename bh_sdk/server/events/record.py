"""The only ways a fact enters the log."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from bh_sdk.events import Fact
from bh_sdk.server.events.canonical import UnfitPayload, canonical, digest_of
from bh_sdk.server.ops import cause, clock, trace

__all__ = ["OutsideTransaction", "UnfitPayload", "record", "record_all"]

_RECORD = "SELECT record_event(%s, %s, %s, %s, %s::jsonb, %s, %s, %s, %s, %s)"
# The same for many. The last sequences are read by a statement of its own, because only a new snapshot sees what the holder
# of a lock committed.
_LOCK = """
SELECT pg_advisory_xact_lock(hashtextextended(subject, 0)) FROM jsonb_array_elements_text(%s::jsonb) AS asked (subject)
"""
_RECORD_ALL = """
WITH fact AS MATERIALIZED (
    SELECT *, row_number() OVER (PARTITION BY kind, subject ORDER BY place) AS turn
      FROM jsonb_to_recordset(%s::jsonb) AS told
           (place integer, id uuid, kind text, subject uuid, type text, payload jsonb, digest text)
), kept AS (
    INSERT INTO event (id, aggregatetype, aggregateid, sequence, type, payload, digest, traceparent, actor, created_at)
    SELECT id, kind, subject, turn + coalesce((SELECT max(sequence) FROM event
             WHERE aggregatetype = kind AND aggregateid = subject), 0),
           type, payload, decode(digest, 'hex'), %s, %s, %s
      FROM fact ORDER BY place
    RETURNING position
)
INSERT INTO outbox (position) SELECT position FROM kept ORDER BY position
"""


class OutsideTransaction(RuntimeError):
    """A fact was recorded outside a transaction: it could outlive the change that it tells of."""


def record(fact: Fact, *, subject: UUID, actor: str | None = None) -> UUID:
    """Record that something happened, in the transaction of the command that made it happen; returns the event's id.

    Facts of one `subject` (a payment, a report; never a campaign: a hot one would queue everybody) are numbered
    1, 2, 3… and stay in that order everywhere. The subject stays locked until the transaction ends, so a command
    that records for several subjects does so in sorted order, or is repeated after a deadlock. `actor` is an id,
    never a name; without one it is whoever caused the work at hand (`ops.cause`).

    Raises OutsideTransaction, and UnfitPayload for a payload with a float or with text that JSON cannot keep.
    """
    connection = _connection(fact.type)
    event_id, created_at = uuid.uuid4(), clock.now()
    traceparent, actor = trace.traceparent(), actor or cause.current().actor
    payload = canonical(fact.payload())
    digest = _digest(event_id, fact, subject, payload, traceparent, actor, created_at)
    told: list[Any] = [
        event_id,
        fact.aggregate,
        subject,
        fact.type,
        payload,
        digest,
        traceparent,
        actor,
        created_at,
        _rings(),
    ]
    with connection.cursor() as cursor:
        cursor.execute(_RECORD, told)
    return event_id


def record_all(facts: Sequence[tuple[Fact, UUID]], *, actor: str | None = None) -> list[UUID]:
    """Record many facts, each with its subject, in three statements: as if each had been recorded in turn, but that subjects
    are locked in an order of their own. Each keeps a lock until the transaction ends, so thousands and not more.

    Raises like `record`.
    """
    if not facts:
        return []
    connection = _connection(facts[0][0].type)
    created_at, traceparent, actor = clock.now(), trace.traceparent(), actor or cause.current().actor
    told: list[dict[str, object]] = []
    for place, (fact, subject) in enumerate(facts):
        event_id, payload = uuid.uuid4(), fact.payload()
        digest = _digest(event_id, fact, subject, canonical(payload), traceparent, actor, created_at)
        told.append(
            {
                "place": place,
                "id": str(event_id),
                "kind": fact.aggregate,
                "subject": str(subject),
                "type": fact.type,
                "payload": payload,
                "digest": digest.hex(),
            }
        )
    subjects = sorted({f"{fact.aggregate}/{subject}" for fact, subject in facts})
    with connection.cursor() as cursor:
        cursor.execute(_LOCK, [json.dumps(subjects)])
        cursor.execute(_RECORD_ALL, [json.dumps(told), traceparent, actor, created_at])
        if _rings():
            cursor.execute("SELECT pg_notify('bh_events', '')")
    return [UUID(str(each["id"])) for each in told]


def _connection(type: str) -> BaseDatabaseWrapper:
    connection: BaseDatabaseWrapper = transaction.get_connection()
    if not connection.in_atomic_block:
        raise OutsideTransaction(f"{type} must be recorded in the transaction of its command")
    return connection


def _digest(
    event_id: UUID,
    fact: Fact,
    subject: UUID,
    payload: str,
    traceparent: str | None,
    actor: str,
    created_at: datetime,
) -> bytes:
    return digest_of(
        id=event_id,
        aggregatetype=fact.aggregate,
        aggregateid=subject,
        type=fact.type,
        payload=payload,
        traceparent=traceparent,
        actor=actor,
        created_at=created_at,
    )


def _rings() -> bool:
    """NOTIFY takes one lock of the whole cluster at commit: many writers may prefer the relay's poll."""
    return bool(getattr(settings, "BH_EVENTS_NOTIFY", True))
