"""Taking Stripe's events in, and working them off."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F

from bh_sdk.errors import BadRequest, Conflict, NotFound
from bh_sdk.server.ops import cause, clock
from bh_sdk.server.ops.doorbell import ring
from payments_svc.gateway import routes, signatures
from payments_svc.gateway.errors import GatewayError
from payments_svc.gateway.models import StripeEvent
from payments_svc.gateway.told import NAME, NotOurs, Parked, Told, intent_of, object_of

_LEASE = timedelta(seconds=60)
_LONGEST_PAUSE = timedelta(minutes=30)
# As long as Stripe itself would go on telling us.
_PARKED_AT_MOST = timedelta(days=3)
# What the mirror copies: the objects whose personal data it knows how to mask.
_MIRRORED = ("payment_intent.", "charge.", "refund.", "customer.deleted")


def accept_event(*, body: bytes, signature: str) -> bool:
    """Verify and store one event; True when it was new. Nothing else happens before Stripe has its answer.

    Every type is taken: one that nobody works is stored as ignored. Raises SignatureInvalid for a body that Stripe did not
    sign just now, BadRequest for one that is no event or belongs to the other mode of the account.
    """
    now = clock.now()
    # Stripe signs with the time of the world, which does not move with ours.
    signatures.verify(body, signature, secrets=settings.STRIPE_WEBHOOK_SECRETS, now=datetime.now(UTC))
    row = _row(body, at=now)
    with transaction.atomic():
        if StripeEvent.objects.filter(id=row.id).exists():
            return False
        StripeEvent.objects.bulk_create([row], ignore_conflicts=True)
        ring("payments.gateway.work_events")
    return True


def _row(body: bytes, *, at: datetime) -> StripeEvent:
    """The event as it is kept. Raises BadRequest for a body that is none, however well it is signed."""
    try:
        event = json.loads(body.decode("utf-8"))
        event_id, kind, obj, livemode = event["id"], event["type"], event["data"]["object"], event["livemode"]
        account = event.get("account")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise BadRequest("The body is not a Stripe event") from None
    words = (event_id, kind) if account is None else (event_id, kind, account)
    named = all(isinstance(word, str) and NAME.fullmatch(word) for word in words)
    if not named or not isinstance(obj, dict) or not isinstance(livemode, bool):
        raise BadRequest("The body is not a Stripe event")
    if livemode != settings.STRIPE_LIVE_MODE:
        raise BadRequest("The event belongs to the other mode of the account")
    connected = account if account != settings.STRIPE_ACCOUNT_ID else None
    ours = bool(routes.of(kind, connected))
    mirrored = kind.startswith(_MIRRORED) and connected is None
    return StripeEvent(
        id=event_id,
        type=kind,
        account=connected,
        object_id=object_of(obj),
        intent_id=intent_of(kind, obj),
        body=body.decode("utf-8"),
        state="pending" if ours else "ignored",
        note=None if ours else _why_ignored(kind, connected),
        received_at=at,
        due_at=at if ours else None,
        mirror_due_at=at if mirrored else None,
    )


def _why_ignored(kind: str, connected: str | None) -> str:
    if connected is not None and routes.of(kind, None):
        return f"belongs to the connected account {connected}, not to ours"
    return "nobody works events of this type"


@transaction.atomic
def claim_events(limit: int) -> list[StripeEvent]:
    """Due events, ours for a minute: a killed worker's are due again after it."""
    now = clock.now()
    rows = list(
        StripeEvent.objects.select_for_update(skip_locked=True).filter(due_at__lte=now).order_by("due_at", "id")[:limit]
    )
    StripeEvent.objects.filter(id__in=[row.id for row in rows]).update(due_at=now + _LEASE, attempts=F("attempts") + 1)
    return rows


def work_event(row: StripeEvent) -> None:
    """Have everybody who works this type look. What the event says of the object's state does not matter, so neither do its
    order, its age or how often it comes. What nobody knows yet is parked: our own call may not have come back."""
    told = _told(row)
    found: UUID | None = None
    try:
        with cause.caused(door="webhook", actor="stripe", reason=f"{row.type} {row.id}"):
            for route in routes.of(row.type, row.account):
                found = route.work(told) or found
    except NotOurs as stranger:
        _close(row, "ignored", note=str(stranger))
    except Parked as parked:
        if clock.now() - row.received_at > _PARKED_AT_MOST:
            _close(row, "ignored", note=f"given up: {parked}")
        else:
            _again(row, f"parked: {parked}")
    except (GatewayError, Conflict) as error:
        _again(row, f"{type(error).__name__}: {error}")
    else:
        _close(row, "done", payment_id=found)


def _told(row: StripeEvent) -> Told:
    body: dict[str, Any] = json.loads(row.body.open())["data"]["object"]
    return Told(
        type=row.type,
        object_id=row.object_id or object_of(body),
        intent_id=row.intent_id,
        account=row.account,
        body=body,
        at=row.received_at,
    )


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
    """Work an event once more, as if it had come just now; staff asked for it. Raises NotFound and, for a type that nobody
    works, Conflict."""
    row = StripeEvent.objects.select_for_update().filter(id=event_id).first()
    if row is None:
        raise NotFound("There is no such event")
    if not routes.of(row.type, row.account):
        raise Conflict(f"Nothing can be done with it: {_why_ignored(row.type, row.account)}")
    row.state, row.due_at, row.note, row.attempts = "pending", clock.now(), "replay asked for", 0
    row.save(update_fields=["state", "due_at", "note", "attempts"])
    ring("payments.gateway.work_events")
