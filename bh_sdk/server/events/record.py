"""The only way facts enter the log."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction

from bh_sdk.events import Fact
from bh_sdk.server.events.canonical import UnfitPayload, canonical, digest_of
from bh_sdk.server.ops import cause, clock, trace

__all__ = ["OutsideTransaction", "UnfitPayload", "record", "record_many"]


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
    (event_id,) = record_many([(fact, subject)], actor=actor)
    return event_id


def record_many(facts: Iterable[tuple[Fact, UUID]], *, actor: str | None = None) -> list[UUID]:
    """`record` for many facts with their subjects, in one go to the database and in the order of the subjects' ids."""
    ordered = sorted(facts, key=lambda one: one[1])
    if not ordered:
        return []
    connection = transaction.get_connection()
    if not connection.in_atomic_block:
        raise OutsideTransaction(f"{ordered[0][0].type} must be recorded in the transaction of its command")
    actor = actor or cause.current().actor
    rows = [_row(fact, subject, actor) for fact, subject in ordered]
    with connection.cursor() as cursor:
        cursor.executemany("SELECT record_event(%s, %s, %s, %s, %s::jsonb, %s, %s, %s, %s, %s)", rows)
    return [row[0] for row in rows]


def _row(fact: Fact, subject: UUID, actor: str) -> list[Any]:
    event_id, payload, created_at = uuid.uuid4(), canonical(fact.payload()), clock.now()
    traceparent = trace.traceparent()
    digest = digest_of(
        id=event_id,
        aggregatetype=fact.aggregate,
        aggregateid=subject,
        type=fact.type,
        payload=payload,
        traceparent=traceparent,
        actor=actor,
        created_at=created_at,
    )
    return [
        event_id,
        fact.aggregate,
        subject,
        fact.type,
        payload,
        digest,
        traceparent,
        actor,
        created_at,
        # NOTIFY takes one lock of the whole cluster at commit: many writers may prefer the relay's poll.
        getattr(settings, "BH_EVENTS_NOTIFY", True),
    ]
