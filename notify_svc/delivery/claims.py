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

from bh_sdk.events import DeliveryFailed, DeliverySent, Fact
from bh_sdk.server.events import record_all
from bh_sdk.server.ops import clock
from notify_svc.delivery import rules
from notify_svc.delivery.channels.base import Outcome
from notify_svc.delivery.commands import failed
from notify_svc.delivery.models import Attempt, Delivery

# What may be at a provider already and must not go twice is left to `give_up_unknown`.
_CLAIM = f"""
    WITH picked AS (
        SELECT id FROM notify_delivery_delivery
        WHERE channel = %s AND lane = %s AND status IN ('queued', 'retrying', 'unknown') AND due_at <= %s
            AND NOT (status = 'unknown' AND reason = '{rules.FATE_UNKNOWN}')
        ORDER BY priority DESC, due_at LIMIT %s FOR UPDATE SKIP LOCKED
    )
    UPDATE notify_delivery_delivery AS delivery
    SET status = 'sending', claim = %s, claimed_at = clock_timestamp(), tries = tries + 1
    FROM picked WHERE delivery.id = picked.id
"""  # noqa: S608 - words of ours
# Seen by everybody at once, but on the disk only with the next commit: a worker that dies loses none of it, and a
# database that dies leaves a mail whose fate is unknown.
_HANDED_OVER = """
    WITH quick AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true))
    UPDATE notify_delivery_delivery SET handed_over_at = %s, provider = %s, provider_ref = %s FROM quick
    WHERE id = %s AND claim = %s AND status = 'sending' AND handed_over_at IS NULL
"""
_BEGIN = """
    UPDATE notify_delivery_delivery AS delivery
    SET provider = %s, handed_over_at = coalesce(delivery.handed_over_at, new.handed_over_at),
        provider_ref = coalesce(new.provider_ref, delivery.provider_ref)
    FROM unnest(%s::uuid[], %s::timestamptz[], %s::text[]) AS new(id, handed_over_at, provider_ref)
    WHERE delivery.id = new.id AND claim = %s AND status = 'sending'
"""
_HELD = """
    SELECT delivery.id, delivery.notification_id, delivery.recipient_id, delivery.channel, notification.type,
        notification.category, delivery.tries, delivery.due_at, delivery.handed_over_at, delivery.claimed_at,
        delivery.provider, delivery.provider_ref
    FROM notify_delivery_delivery AS delivery JOIN notify_delivery_notification AS notification
        ON notification.id = delivery.notification_id
    WHERE delivery.id = ANY(%s) AND delivery.status = 'sending' AND (%s::uuid IS NULL OR delivery.claim = %s)
    ORDER BY delivery.id FOR UPDATE OF delivery
"""
_WRITE = """
    UPDATE notify_delivery_delivery AS delivery
    SET status = new.status, reason = new.reason, due_at = new.due_at, tries = new.tries,
        handed_over_at = new.handed_over_at, finished_at = new.finished_at, provider = new.provider,
        provider_ref = new.provider_ref,
        claim = CASE WHEN new.finished_at IS NULL THEN NULL ELSE claim END,
        claimed_at = CASE WHEN new.finished_at IS NULL THEN NULL ELSE claimed_at END
    FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::timestamptz[], %s::int[], %s::timestamptz[], %s::timestamptz[],
        %s::text[], %s::text[])
        AS new(id, status, reason, due_at, tries, handed_over_at, finished_at, provider, provider_ref)
    WHERE delivery.id = new.id
"""
_EXPIRED = "status = 'sending' AND claimed_at < clock_timestamp() - make_interval(secs => %s)"
_GIVE_UP = f"""
    SELECT id FROM notify_delivery_delivery
    WHERE status = 'unknown' AND reason = '{rules.FATE_UNKNOWN}' AND due_at <= %s
    ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED
"""  # noqa: S608 - words of ours


@dataclass(frozen=True, slots=True)
class Result:
    """One try of one delivery at `provider`. Without an outcome it was not tried, and `why` says why: it is canceled, or
    it waits until `later`."""

    delivery_id: UUID
    started_at: datetime
    ended_at: datetime
    outcome: Outcome | None = None
    why: str = ""
    later: datetime | None = None
    provider: str = ""


@dataclass(slots=True)
class _Held:
    """A claimed delivery as it is, and then as it becomes."""

    id: UUID
    notification_id: UUID
    recipient_id: UUID
    channel: str
    type: str
    category: str
    tries: int
    due_at: datetime
    handed_over_at: datetime | None
    claimed_at: datetime | None
    provider: str
    provider_ref: str
    status: str = "sending"
    reason: str = ""
    finished_at: datetime | None = None


def claim(channel: str, *, lane: str = "", limit: int) -> tuple[UUID, list[Delivery]]:
    """Take up to `limit` due deliveries of a channel, or of one lane of it, for this worker alone: the urgent and the
    oldest first."""
    token = uuid4()
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, [channel, lane, clock.now(), limit, token])
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


@dataclass(frozen=True, slots=True)
class HandedOver:
    """A provider took this delivery, and knows it by that name."""

    delivery_id: UUID
    at: datetime
    provider_ref: str


def begin(delivery_ids: Sequence[UUID], token: UUID, *, provider: str, before: Sequence[HandedOver] = ()) -> None:
    """These are given to a provider now. Should the worker die, only of them nobody knows whether they left.

    What it took `before` them is written down with them.
    """
    rows: list[tuple[UUID, datetime | None, str | None]] = [(one, None, None) for one in delivery_ids]
    rows += [(one.delivery_id, one.at, one.provider_ref) for one in before]
    with connection.cursor() as cursor:
        cursor.execute(_BEGIN, [provider, *(list(column) for column in zip(*rows, strict=True)), token])


def mark_handed_over(delivery_id: UUID, token: UUID, *, provider: str = "", provider_ref: str = "") -> bool:
    """The provider has it. Committed before anything else happens: a crash from here on sends nothing twice."""
    with connection.cursor() as cursor:
        cursor.execute(_HANDED_OVER, [clock.now(), provider, provider_ref, delivery_id, token])
        return int(cursor.rowcount) == 1


@transaction.atomic
def settle(token: UUID, results: Sequence[Result]) -> None:
    """Write what became of these deliveries: state, attempt and, when it is over, the fact. Lost claims are left alone."""
    by_id = {result.delivery_id: result for result in results}
    _settle([(held, by_id[held.id]) for held in _held(list(by_id), token)])


def _held(ids: list[UUID], token: UUID | None = None) -> list[_Held]:
    with connection.cursor() as cursor:
        cursor.execute(_HELD, [ids, token, token])
        return [_Held(*row) for row in cursor.fetchall()]


def _settle(tried: Sequence[tuple[_Held, Result]]) -> None:
    attempts = []
    for held, result in tried:
        _conclude(held, result)
        if result.outcome is not None:
            attempts.append(_attempt(held, result, result.outcome))
    _write([held for held, _ in tried])
    Attempt.objects.bulk_create(attempts)


def _conclude(held: _Held, result: Result) -> None:
    """Move one delivery by the result of its try."""
    outcome, now = result.outcome, result.ended_at
    if result.provider:
        held.provider = result.provider
    if outcome is None:
        held.reason = result.why
        if result.later is None:
            held.status = "canceled"
        else:
            # It does not count as a try.
            held.status, held.due_at, held.tries = "retrying", result.later, held.tries - 1
    elif outcome.fate == "accepted":
        held.status, held.handed_over_at = "sent", held.handed_over_at or now
        held.provider_ref = outcome.provider_ref or held.provider_ref
    elif outcome.fate == "unknown" and held.category not in rules.RESENT:
        held.status, held.reason, held.due_at = "unknown", rules.FATE_UNKNOWN, now + rules.FATE_WAIT
    else:
        held.reason = outcome.reason
        again = rules.next_try(held.tries, now=now, roll=random.random(), wait=outcome.wait)  # noqa: S311 - no secret
        if outcome.fate == "permanent" or again is None:
            held.status = "failed"
        else:
            held.status = "unknown" if outcome.fate == "unknown" else "retrying"
            held.due_at = again
    if held.status in rules.FINAL:
        held.finished_at = now


def _write(rows: Sequence[_Held]) -> None:
    if not rows:
        return
    columns = zip(
        *(
            (
                row.id,
                row.status,
                row.reason,
                row.due_at,
                row.tries,
                row.handed_over_at,
                row.finished_at,
                row.provider,
                row.provider_ref,
            )
            for row in rows
        ),
        strict=True,
    )
    with connection.cursor() as cursor:
        cursor.execute(_WRITE, [list(column) for column in columns])
    record_all([(fact, row.id) for row in rows if (fact := _fact(row)) is not None])


def _fact(row: _Held) -> Fact | None:
    told = {
        "delivery_id": row.id,
        "notification_id": row.notification_id,
        "recipient_id": row.recipient_id,
        "channel": row.channel,
        "notification_type": row.type,
    }
    if row.status == "sent":
        return DeliverySent.model_validate(told)
    return DeliveryFailed.model_validate(told | {"reason": row.reason}) if row.status == "failed" else None


def _attempt(held: _Held, result: Result, outcome: Outcome) -> Attempt:
    return Attempt(
        delivery_id=held.id,
        number=held.tries,
        started_at=result.started_at,
        ended_at=result.ended_at,
        outcome=outcome.fate,
        reason=outcome.reason,
        code=outcome.code,
        provider=result.provider,
        segments=outcome.segments,
    )


@transaction.atomic
def reclaim(*, limit: int = 1_000) -> int:
    """Take over what a worker that fell silent had claimed; returns how many.

    What it had handed over is sent and is only written down. What it had not begun goes again. Of the few between nobody
    knows: what its category allows goes again, under the same id; of the other we wait to hear.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id FROM notify_delivery_delivery WHERE {_EXPIRED} ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED",  # noqa: S608
            [settings.NOTIFY_LEASE, limit],
        )
        ids = [row[0] for row in cursor.fetchall()]
    now, tried = clock.now(), []
    for held in _held(ids):
        if held.handed_over_at is not None:
            outcome = Outcome("accepted")
        else:
            outcome = Outcome("unknown" if held.provider else "transient", "worker_lost")
        tried.append((held, Result(held.id, held.claimed_at or now, now, outcome, provider=held.provider)))
    _settle(tried)
    # What goes again goes at once: the worker is lost, not the provider.
    again = Delivery.objects.filter(id__in=[held.id for held, _ in tried], status__in=("unknown", "retrying"))
    again.filter(reason="worker_lost").update(due_at=now)
    return len(tried)


@transaction.atomic
def give_up_unknown(*, limit: int = 1_000) -> int:
    """Close what may have left, must not go twice, and of which nobody spoke in time; returns how many."""
    with connection.cursor() as cursor:
        cursor.execute(_GIVE_UP, [clock.now(), limit])
        ids = [row[0] for row in cursor.fetchall()]
    rows = list(Delivery.objects.filter(id__in=ids).select_related("notification"))
    Delivery.objects.filter(id__in=ids).update(status="failed", finished_at=clock.now())
    record_all([(failed(row, row.notification.type), row.id) for row in rows])
    return len(rows)
