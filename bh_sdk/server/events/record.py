"""The only way a fact enters the log."""

from __future__ import annotations

import uuid
from uuid import UUID

from django.conf import settings
from django.db import transaction

from bh_sdk.events import Fact
from bh_sdk.server.events.canonical import UnfitPayload, canonical, digest_of
from bh_sdk.server.ops import cause, clock, trace

__all__ = ["OutsideTransaction", "UnfitPayload", "record"]


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
    connection = transaction.get_connection()
    if not connection.in_atomic_block:
        raise OutsideTransaction(f"{fact.type} must be recorded in the transaction of its command")
    event_id = uuid.uuid4()
    payload = canonical(fact.payload())
    created_at = clock.now()
    traceparent = trace.traceparent()
    actor = actor or cause.current().actor
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
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT record_event(%s, %s, %s, %s, %s::jsonb, %s, %s, %s, %s, %s)",
            [
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
            ],
        )
    return event_id
