"""Taking Stripe's events in, and working them off."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F

from bh_sdk.errors import BadRequest, Conflict
from bh_sdk.server.ops import clock
from bh_sdk.server.ops.doorbell import ring
from payments_svc.donations import commands as donations
from payments_svc.donations import queries
from payments_svc.gateway import signatures
from payments_svc.gateway.errors import GatewayError
from payments_svc.gateway.models import StripeEvent

_LEASE = timedelta(seconds=30)
_LONGEST_PAUSE = timedelta(minutes=30)
# As long as Stripe itself would go on telling us.
_PARKED_AT_MOST = timedelta(days=3)
# Stripe's ids and types are plain words.
_NAME = re.compile(r"[A-Za-z0-9_.]{1,100}")
_OUR_TYPES = ("payment_intent.", "charge.", "refund.")


def accept_event(*, body: bytes, signature: str) -> bool:
    """Verify and store one event; True when it was new. Nothing else happens before Stripe has its answer.

    Raises SignatureInvalid for a body that Stripe did not sign just now, BadRequest for one that is not ours to take.
    """
    now = clock.now()
    # Stripe signs with the time of the world, which does not move with ours.
    signatures.verify(body, signature, secrets=settings.STRIPE_WEBHOOK_SECRETS, now=datetime.now(UTC))
    event_id, kind, obj, livemode = _read(body)
    if livemode != settings.STRIPE_LIVE_MODE:
        raise BadRequest("The event belongs to the other mode of the account")
    ours = kind.startswith(_OUR_TYPES)
    row = StripeEvent(
        id=event_id,
        type=kind,
        intent_id=_intent_of(kind, obj),
        body=body.decode("utf-8"),
        state="pending" if ours else "ignored",
        note=None if ours else "not about payments",
        received_at=now,
        due_at=now if ours else None,
        mirror_due_at=now if ours else None,
    )
    with transaction.atomic():
        if StripeEvent.objects.filter(id=row.id).exists():
            return False
        StripeEvent.objects.bulk_create([row], ignore_conflicts=True)
        ring("payments.gateway.work_events")
    return True


def _read(body: bytes) -> tuple[str, str, dict[str, Any], bool]:
    """Id, type, object and mode of an event. Raises BadRequest for a body that is none, however well it is signed."""
    try:
        event = json.loads(body.decode("utf-8"))
        event_id, kind, obj, livemode = event["id"], event["type"], event["data"]["object"], event["livemode"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise BadRequest("The body is not a Stripe event") from None
    named = isinstance(event_id, str) and isinstance(kind, str) and _NAME.fullmatch(event_id) and _NAME.fullmatch(kind)
    if not named or not isinstance(obj, dict) or not isinstance(livemode, bool):
        raise BadRequest("The body is not a Stripe event")
    return event_id, kind, obj, livemode


def _intent_of(kind: str, obj: dict[str, Any]) -> str | None:
    value = obj.get("id") if kind.startswith("payment_intent.") else obj.get("payment_intent")
    return value if isinstance(value, str) and _NAME.fullmatch(value) else None


@transaction.atomic
def claim_events(limit: int) -> list[StripeEvent]:
    """Due events, ours for half a minute: a killed worker's are due again after it."""
    now = clock.now()
    rows = list(
        StripeEvent.objects.select_for_update(skip_locked=True).filter(due_at__lte=now).order_by("due_at", "id")[:limit]
    )
    StripeEvent.objects.filter(id__in=[row.id for row in rows]).update(due_at=now + _LEASE, attempts=F("attempts") + 1)
    return rows


def work_event(row: StripeEvent) -> None:
    """Bring the event's payment to what Stripe says now. What the event itself says does not matter, so neither do its
    order, its age or how often it comes. Unknown intents are parked: our own call may not have come back yet."""
    if row.intent_id is None:
        _close(row, "ignored", note="names no payment intent")
        return
    metadata = json.loads(row.body.open())["data"]["object"].get("metadata")
    noted = metadata.get("payment_id") if isinstance(metadata, dict) else None
    payment_id = queries.payment_of_intent(row.intent_id, payment_id=str(noted) if noted else None)
    if payment_id is None and clock.now() - row.received_at > _PARKED_AT_MOST:
        _close(row, "ignored", note="no payment of ours has this intent")
    elif payment_id is None:
        _again(row, "parked: its payment is not known yet")
    else:
        _settle(row, payment_id)


def _settle(row: StripeEvent, payment_id: UUID) -> None:
    try:
        donations.settle(payment_id, intent_id=row.intent_id)
    except (GatewayError, Conflict) as error:
        _again(row, f"{type(error).__name__}: {error}")
    else:
        _close(row, "done", payment_id=payment_id)


def put_off(row: StripeEvent, error: Exception) -> None:
    """Something nobody foresaw: the event stays due for three days, and its note says what happened."""
    if clock.now() - row.received_at > _PARKED_AT_MOST:
        _close(row, "ignored", note=f"given up: {type(error).__name__}")
    else:
        _again(row, type(error).__name__)


def _close(row: StripeEvent, state: str, *, note: str | None = None, payment_id: UUID | None = None) -> None:
    StripeEvent.objects.filter(id=row.id).update(
        state=state, note=note, payment_id=payment_id, due_at=None, worked_at=clock.now()
    )


def _again(row: StripeEvent, note: str) -> None:
    pause = min(timedelta(seconds=1) * 2 ** min(row.attempts, 12), _LONGEST_PAUSE)
    StripeEvent.objects.filter(id=row.id).update(due_at=clock.now() + pause, note=note[:200])


@transaction.atomic
def replay_event(*, event_id: str) -> None:
    """Work an event once more; staff asked for it."""
    StripeEvent.objects.filter(id=event_id).update(state="pending", due_at=clock.now(), note="replay asked for")
    ring("payments.gateway.work_events")
