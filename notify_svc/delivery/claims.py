"""Who may send what: claims, their leases, and what is written when a batch is done.

The claim precedes the sending, so two workers never hold the same delivery. Leases run on the database's own clock.
Each function is one short transaction; none is open while a provider is spoken to.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from django.conf import settings
from django.db import connection, transaction

from bh_sdk.events import DeliverySent
from bh_sdk.server.events import record
from bh_sdk.server.ops import clock
from notify_svc.delivery import rules
from notify_svc.delivery.channels.base import Outcome
from notify_svc.delivery.commands import failed
from notify_svc.delivery.models import Attempt, Delivery

_CLAIM = """
    WITH picked AS (
        SELECT id FROM notify_delivery_delivery
        WHERE channel = %s AND status IN ('queued', 'retrying', 'unknown') AND due_at <= %s
        ORDER BY priority DESC, due_at LIMIT %s FOR UPDATE SKIP LOCKED
    )
    UPDATE notify_delivery_delivery AS delivery
    SET status = 'sending', claim = %s, claimed_at = clock_timestamp(), tries = tries + 1
    FROM picked WHERE delivery.id = picked.id
"""
_EXPIRED = "status = 'sending' AND claimed_at < clock_timestamp() - make_interval(secs => %s)"


@dataclass(frozen=True, slots=True)
class Result:
    """One try of one delivery. `canceled` says why it was not even tried."""

    delivery_id: UUID
    started_at: datetime
    ended_at: datetime
    outcome: Outcome | None = None
    canceled: str = ""


def claim(channel: str, *, limit: int) -> tuple[UUID, list[Delivery]]:
    """Take up to `limit` due deliveries of a channel, the urgent and the oldest first, for this worker alone."""
    token = uuid4()
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, [channel, clock.now(), limit, token])
        if not cursor.rowcount:
            return token, []
    rows = Delivery.objects.filter(claim=token, status="sending").select_related("notification")
    return token, list(rows.order_by("-priority", "due_at"))


def keep(token: UUID) -> int:
    """A sign of life: the claim stands for another lease. Returns how many deliveries it still covers."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE notify_delivery_delivery SET claimed_at = clock_timestamp() WHERE claim = %s AND status = 'sending'",
            [token],
        )
        return int(cursor.rowcount)


def mark_handed_over(delivery_id: UUID, token: UUID) -> bool:
    """The provider has it. Committed before anything else happens: a crash from here on sends nothing twice."""
    mine = Delivery.objects.filter(id=delivery_id, claim=token, status="sending", handed_over_at__isnull=True)
    return mine.update(handed_over_at=clock.now()) == 1


@transaction.atomic
def settle(token: UUID, results: Sequence[Result]) -> None:
    """Write what became of these deliveries: state, attempt and, when it is over, the fact. Lost claims are left alone."""
    by_id = {result.delivery_id: result for result in results}
    held = list(
        Delivery.objects.select_for_update(of=("self",))
        .filter(id__in=by_id, claim=token, status="sending")
        .select_related("notification")
        .order_by("id")
    )
    for delivery in held:
        _conclude(delivery, by_id[delivery.id])
    _write(held)
    tried = [(delivery, by_id[delivery.id]) for delivery in held]
    Attempt.objects.bulk_create(
        [_attempt(delivery, result, result.outcome) for delivery, result in tried if result.outcome is not None]
    )


def _conclude(delivery: Delivery, result: Result) -> None:
    """Move one delivery by the result of its try."""
    outcome, now = result.outcome, result.ended_at
    if outcome is None:
        delivery.status, delivery.reason = "canceled", result.canceled
    elif outcome.fate == "accepted":
        delivery.status, delivery.reason, delivery.handed_over_at = "sent", "", delivery.handed_over_at or now
    else:
        delivery.reason = outcome.reason
        again = rules.next_try(delivery.tries, now=now, roll=random.random(), wait=outcome.wait)  # noqa: S311 - no secret
        if outcome.fate == "permanent" or again is None:
            delivery.status = "failed"
        else:
            delivery.status = "unknown" if outcome.fate == "unknown" else "retrying"
            delivery.due_at = again
    if delivery.status in rules.FINAL:
        delivery.finished_at = now
    else:
        delivery.claim = delivery.claimed_at = None


def _write(held: Sequence[Delivery]) -> None:
    Delivery.objects.bulk_update(
        held, ["status", "reason", "due_at", "handed_over_at", "finished_at", "claim", "claimed_at"]
    )
    for delivery in held:
        kind = delivery.notification.type
        if delivery.status == "sent":
            sent = DeliverySent(
                delivery_id=delivery.id,
                notification_id=delivery.notification_id,
                recipient_id=delivery.recipient_id,
                channel=delivery.channel,
                notification_type=kind,
            )
            record(sent, subject=delivery.id)
        elif delivery.status == "failed":
            record(failed(delivery, kind), subject=delivery.id)


def _attempt(delivery: Delivery, result: Result, outcome: Outcome) -> Attempt:
    return Attempt(
        delivery=delivery,
        number=delivery.tries,
        started_at=result.started_at,
        ended_at=result.ended_at,
        outcome=outcome.fate,
        reason=outcome.reason,
        code=outcome.code,
    )


@transaction.atomic
def reclaim(*, limit: int = 1_000) -> int:
    """Take over what a worker that fell silent had claimed; returns how many.

    What it had handed over is sent and is only written down. Of the rest nobody knows: it goes again, under the same id.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id FROM notify_delivery_delivery WHERE {_EXPIRED} ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED",  # noqa: S608
            [settings.NOTIFY_LEASE, limit],
        )
        ids = [row[0] for row in cursor.fetchall()]
    lost = list(Delivery.objects.filter(id__in=ids).select_related("notification").order_by("id"))
    now = clock.now()
    attempts = []
    for delivery in lost:
        handed_over = delivery.handed_over_at is not None
        outcome = Outcome("accepted") if handed_over else Outcome("unknown", "worker_lost")
        result = Result(delivery.id, delivery.claimed_at or now, now, outcome)
        _conclude(delivery, result)
        if delivery.status == "unknown":
            delivery.due_at = now
        attempts.append(_attempt(delivery, result, outcome))
    _write(lost)
    Attempt.objects.bulk_create(attempts)
    return len(lost)
