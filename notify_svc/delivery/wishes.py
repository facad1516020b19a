"""What people want, asked twice: when a message is accepted, to plan it, and when it leaves, because minds change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from notify_svc.delivery import catalogue, rules
from notify_svc.delivery.models import Delivery
from notify_svc.delivery.news import campaign_of
from notify_svc.delivery.orders import Order
from notify_svc.digests import gathering
from notify_svc.digests.gathering import Gathered
from notify_svc.preferences import queries as preferences
from notify_svc.preferences.queries import Ask
from notify_svc.preferences.rules import NOW, Digest, Verdict, is_digest

# Why a delivery ends before it was sent: it lives on in a digest.
DIGESTED = "digested"


class Planned:
    """The verdicts on new messages: one per order and channel, all asked at once."""

    def __init__(self, orders: Iterable[tuple[Order, Sequence[str]]], *, category: str, now: datetime) -> None:
        self._category = category
        wanted = [(order, channel) for order, channels in orders for channel in channels]
        asks = [
            _ask(
                order.recipient_id,
                order.type,
                category,
                channel,
                catalogue.priority(order.type, order.priority),
                order.data,
            )
            for order, channel in wanted
        ]
        told = preferences.verdicts(asks, now)
        self._told = {(order.dedupe, channel): one for (order, channel), one in zip(wanted, told, strict=True)}

    def of(self, order: Order, channel: str) -> Verdict:
        """The verdict. What is scheduled is asked about again when its time comes, so that only a no counts before."""
        if order.test:
            # It never leaves the house, so nobody's wishes are about it.
            return NOW
        verdict = self._told[order.dedupe, channel]
        return NOW if order.schedule_at is not None and not preferences.is_no(verdict) else verdict


def recheck(deliveries: Sequence[Delivery], now: datetime) -> dict[UUID, Verdict]:
    """What becomes of these deliveries, now that they are about to leave. An entry of the feed is there already.

    What belongs into a digest is put into it before this answers, and what is in one says so for good.
    """
    leaving = [one for one in deliveries if one.channel != "in_app" and not one.notification.test]
    asks = [
        _ask(
            one.recipient_id,
            one.notification.type,
            one.notification.category,
            one.channel,
            one.priority,
            one.notification.data,
        )
        for one in leaving
    ]
    told = {one.id: verdict for one, verdict in zip(leaving, preferences.verdicts(asks, now), strict=True)}
    gather((one, told[one.id]) for one in leaving)
    return told


def in_digests(deliveries: Sequence[Delivery]) -> set[UUID]:
    """Which of these deliveries a digest holds, or held: a worker may have died between gathering and writing that down."""
    optional = [one for one in deliveries if one.channel != "in_app" and one.tries > 1]
    kept = gathering.kept({one.notification_id for one in optional})
    return {one.id for one in optional if (one.notification_id, one.channel) in kept}


def gather(told: Iterable[tuple[Delivery, Verdict]]) -> None:
    """Put what is to be gathered into the windows of its recipients."""
    gathering.gather(
        [
            Gathered(
                user_id=one.recipient_id,
                category=one.notification.category,
                channel=one.channel,
                notification_id=one.notification_id,
                version_id=one.version_id,
                frequency=verdict.frequency,
                closes_at=verdict.closes_at,
            )
            for one, verdict in told
            if isinstance(verdict, Digest)
        ]
    )


def _ask(user_id: UUID, type: str, category: str, channel: str, priority: int, data: Mapping[str, Any]) -> Ask:
    return Ask(
        user_id=user_id,
        category=category,
        channel=channel,
        urgent=priority >= rules.PRIORITIES["urgent"],
        digest=is_digest(type),
        campaign_id=campaign_of(data) if category == "subscription" else None,
    )
