"""Sending something again because a person asks for it: a notification of its own, with the words of today."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from bh_sdk.server.ops import clock
from notify_svc.delivery import commands, rules
from notify_svc.delivery.errors import AddressSuppressed, DeliveryNotFound, NotResendable, NotWanted
from notify_svc.delivery.models import Delivery, Notification
from notify_svc.delivery.orders import Order
from notify_svc.delivery.wishes import DIGESTED

# Nothing of these is under way any more; an entry of the feed is where it was.
_STATES = frozenset({"sent", "delivered", "bounced", "failed"})


def resendable(delivery: Delivery) -> bool:
    """Whether this delivery is over and can go again. What has become pointless, or is made up, cannot."""
    return not why_not(delivery)


def why_not(delivery: Delivery) -> str:
    """Why this delivery cannot go again; empty when it can."""
    notification = delivery.notification
    if delivery.channel == "in_app":
        return "in_feed"
    if delivery.channel == "push":
        # What rang yesterday is in the feed. Nobody wants it on every device once more.
        return "pushed"
    if notification.test:
        return "test"
    if notification.canceled_at is not None:
        return "canceled"
    if notification.pruned_at is not None:
        return "pruned"
    if notification.expires_at is not None and notification.expires_at <= clock.now():
        return "expired"
    return "" if delivery.status in _STATES else delivery.status


@transaction.atomic
def resend(*, delivery_id: UUID, by: str) -> UUID:
    """Send what this delivery said once more, by the same way, to the address known now; returns the new delivery.

    A delivery goes again once, whoever asks and however often: the one that came of it can go again in its turn. What its
    reader wants, and the list of suppressed addresses, are obeyed as ever.

    Raises DeliveryNotFound, NotResendable, AddressSuppressed, NotWanted, DataInvalid when today's words want other data.
    """
    delivery = Delivery.objects.select_for_update(of=("self",)).select_related("notification").filter(id=delivery_id)
    first = delivery.first()
    if first is None:
        raise DeliveryNotFound
    if reason := why_not(first):
        raise NotResendable(reason=reason)
    (accepted,) = commands.accept([_again(first)], by=by)
    again = Delivery.objects.filter(notification_id=accepted.notification_id, channel=first.channel).first()
    if again is None or (again.status, again.reason) == ("canceled", DIGESTED):
        raise NotWanted
    if accepted.suppressed and again.tries == 0:
        raise AddressSuppressed
    return again.id


def followed_by(delivery: Delivery) -> Delivery | None:
    """The delivery that came of sending this one again."""
    return Delivery.objects.filter(notification__dedupe=_key(delivery.id), channel=delivery.channel).first()


def came_of(notification: Notification) -> UUID | None:
    """The delivery that this notification is a repeat of."""
    kind, _, first = notification.dedupe.partition(":")
    return UUID(first) if kind == _AGAIN else None


_AGAIN = "again"


def _key(delivery_id: UUID) -> str:
    return f"{_AGAIN}:{delivery_id}"


def _again(delivery: Delivery) -> Order:
    told = delivery.notification
    return Order(
        recipient_id=told.recipient_id,
        type=told.type,
        data=told.data,
        dedupe=_key(delivery.id),
        channels=(delivery.channel,),
        guest=told.guest,
        priority=next(name for name, level in rules.PRIORITIES.items() if level == told.priority),
        group=told.group,
        mentions=told.mentions,
        expires_at=told.expires_at,
    )
