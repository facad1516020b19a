"""What became of a delivery after it left, as its provider says. Words come late, twice, in any order, and before our commit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from bh_sdk.events import DeliveryBounced, DeliveryComplained, DeliveryDelivered
from bh_sdk.server.events import record
from bh_sdk.server.ops import clock
from notify_svc.delivery import rules
from notify_svc.delivery.models import Delivery

# noted: written down, or known before. early: a worker still holds the delivery. nobody: no delivery of ours is meant.
Learned = Literal["noted", "early", "nobody"]


@dataclass(frozen=True, slots=True)
class Word:
    """One thing that a provider says of a delivery, named by our id or by the provider's own."""

    provider: str
    kind: str
    at: datetime
    delivery_id: UUID | None = None
    provider_ref: str = ""
    lasting: bool = False


def learn(word: Word) -> tuple[Learned, Delivery | None]:
    """Write down a provider's word, in the caller's transaction. Whatever the order, a delivery goes forward only."""
    delivery = _meant(word)
    if delivery is None:
        return "nobody", None
    if delivery.status == "sending":
        return "early", delivery
    if word.kind == "delivered":
        _delivered(delivery, word.at)
    elif word.kind in ("bounced", "dropped"):
        _bounced(delivery, word)
    elif word.kind == "complained":
        _complained(delivery, word.at)
    elif word.kind == "opened":
        _first(delivery, "opened_at", word.at)
    elif word.kind == "clicked":
        _first(delivery, "clicked_at", word.at)
    return "noted", delivery


def _meant(word: Word) -> Delivery | None:
    """The delivery, locked. Our own id goes before the provider's."""
    rows = Delivery.objects.select_for_update(of=("self",)).select_related("notification")
    found = rows.filter(id=word.delivery_id).first() if word.delivery_id else None
    if found is None and word.provider_ref:
        found = rows.filter(provider=word.provider, provider_ref=word.provider_ref).order_by("created_at").first()
    return found


def _delivered(delivery: Delivery, at: datetime) -> None:
    news = _first(delivery, "delivered_at", at)
    if _move(delivery, "delivered", reason="") and news:
        record(DeliveryDelivered(**_facts(delivery)), subject=delivery.id)


def _bounced(delivery: Delivery, word: Word) -> None:
    news = _first(delivery, "bounced_at", word.at)
    if _move(delivery, "bounced", reason=word.kind) and news:
        record(DeliveryBounced(**_facts(delivery), lasting=word.lasting), subject=delivery.id)


def _complained(delivery: Delivery, at: datetime) -> None:
    if _first(delivery, "complained_at", at):
        record(DeliveryComplained(**_facts(delivery)), subject=delivery.id)


def _first(delivery: Delivery, column: str, at: datetime) -> bool:
    """Keep the first time; says whether this was it."""
    if getattr(delivery, column) is not None:
        return False
    setattr(delivery, column, at)
    delivery.save(update_fields=[column])
    return True


def _move(delivery: Delivery, status: str, *, reason: str) -> bool:
    """Move on, if that is forward. What we gave up or were to try again had arrived after all."""
    if (delivery.status, status) not in rules.MOVES:
        return False
    now = clock.now()
    delivery.status, delivery.reason = status, reason
    delivery.handed_over_at = delivery.handed_over_at or now
    delivery.finished_at = delivery.finished_at or now
    delivery.save(update_fields=["status", "reason", "handed_over_at", "finished_at"])
    return True


def _facts(delivery: Delivery) -> dict[str, object]:
    return {
        "delivery_id": delivery.id,
        "notification_id": delivery.notification_id,
        "recipient_id": delivery.recipient_id,
        "channel": delivery.channel,
        "notification_type": delivery.notification.type,
    }
