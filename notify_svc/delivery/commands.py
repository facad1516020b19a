"""Accepting notifications. Sending is in `claims` and `sending`; what their readers do with them, in the feed's room."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_OID, UUID, uuid5

from django.db import transaction

from bh_sdk.events import DeliveryFailed
from bh_sdk.server.events import record
from bh_sdk.server.ops import clock, doorbell
from notify_svc.audience import queries as audience
from notify_svc.delivery import catalogue, rules
from notify_svc.delivery.channels import offered
from notify_svc.delivery.errors import ExpiryInvalid, ScheduleInvalid
from notify_svc.delivery.models import Delivery, Mailing, Notification
from notify_svc.delivery.orders import Accepted, Order
from notify_svc.delivery.reachable import Reachable
from notify_svc.delivery.wishes import DIGESTED, Planned, gather
from notify_svc.preferences.queries import is_no
from notify_svc.preferences.rules import Digest, Later, Verdict
from notify_svc.wording import queries as wording
from notify_svc.wording.queries import Wordings
from notify_svc.wording.rendering import Rendered, render

if TYPE_CHECKING:
    from notify_svc.wording.models import TemplateVersion

SEND = "notify.delivery.send"


@transaction.atomic
def accept(orders: Sequence[Order], *, by: str) -> list[Accepted]:
    """Accept notifications of one type: all are written, with a delivery per channel, or none. Sending comes later.

    An order whose key was accepted before writes nothing and gets the first answer. Nor is anything written for somebody
    who was erased: the answer names no channel. Raises TypeUnknown, DataInvalid.
    """
    gone = audience.erased({order.recipient_id for order in orders})
    here = [order for order in orders if order.recipient_id not in gone]
    told = iter(_accept(here, by=by) if here else ())
    return [_of_nobody(order) if order.recipient_id in gone else next(told) for order in orders]


def _of_nobody(order: Order) -> Accepted:
    """The answer for somebody who was erased; the same each time, though nothing of it is stored."""
    return Accepted(order.recipient_id, uuid5(NAMESPACE_OID, order.dedupe))


def _accept(orders: Sequence[Order], *, by: str) -> list[Accepted]:
    wordings, ways, now = Wordings(orders[0].type, orders[0].versions), offered(), clock.now()
    for data, channels in {id(order.data): (order.data, _channels(order, wordings, ways)) for order in orders}.values():
        wordings.check(data, channels=channels)
    reach = audience.reach({order.recipient_id for order in orders})
    told = Planned(
        ((order, _channels(order, wordings, ways)) for order in orders),
        category=wordings.category,
        now=now,
    )
    words: dict[tuple[UUID, int], Rendered] = {}
    rows = []
    for order in orders:
        in_app = "in_app" in _channels(order, wordings, ways)
        shown = wordings.pick("in_app", _locale(reach, order)) if in_app else None
        if shown and (shown.id, id(order.data)) not in words:
            words[shown.id, id(order.data)] = render(shown.source, order.data)
        text = words[shown.id, id(order.data)] if shown else Rendered()
        in_feed = shown is not None and not is_no(told.of(order, "in_app"))
        rows.append(_notification(order, wordings.category, text, now=now, by=by, in_feed=in_feed))
    Notification.objects.bulk_create(rows, ignore_conflicts=True)
    kept = {row.dedupe: row for row in Notification.objects.filter(dedupe__in=[row.dedupe for row in rows])}
    fresh = [(order, row) for order, row in zip(orders, rows, strict=True) if kept[row.dedupe].id == row.id]
    planned = _plan(fresh, wordings, ways, reach, told)
    if len(fresh) < len(rows):
        planned += Delivery.objects.filter(notification__in=list(kept.values())).exclude(
            id__in=[one.id for one in planned]
        )
    # A push goes to several devices; it is one way all the same.
    used: dict[UUID, set[str]] = {}
    refused: dict[UUID, set[str]] = {}
    for delivery in planned:
        suppressed = delivery.reason == rules.SUPPRESSED and delivery.tries == 0
        (refused if suppressed else used).setdefault(delivery.notification_id, set()).add(delivery.channel)
    if fresh:
        doorbell.ring(SEND)
    return [
        Accepted(
            recipient_id=order.recipient_id,
            notification_id=kept[row.dedupe].id,
            channels=sorted(used.get(kept[row.dedupe].id, ())),
            suppressed=sorted(refused.get(kept[row.dedupe].id, ())),
            scheduled=kept[row.dedupe].schedule_at is not None,
        )
        for order, row in zip(orders, rows, strict=True)
    ]


def _locale(reach: Mapping[UUID, audience.Reach], order: Order) -> str | None:
    known = reach.get(order.recipient_id)
    return known.locale if known else None


def _channels(order: Order, wordings: Wordings, ways: Collection[str]) -> tuple[str, ...]:
    wanted = order.channels if order.channels is not None else catalogue.channels(order.type)
    return tuple(
        channel
        for channel in ways
        if channel in wanted and channel in wordings.channels and not (order.guest and channel == "in_app")
    )


def _notification(order: Order, category: str, text: Rendered, *, now: Any, by: str, in_feed: bool) -> Notification:
    return Notification(
        dedupe=order.dedupe,
        recipient_id=order.recipient_id,
        guest=order.guest,
        type=order.type,
        category=category,
        data=order.data,
        group=order.group or rules.usual_group(order.type, order.data),
        priority=catalogue.priority(order.type, order.priority),
        mentions=order.mentions,
        accepted_by=by,
        schedule_at=order.schedule_at,
        expires_at=order.expires_at or catalogue.expiry(order.type, order.schedule_at or now),
        test=order.test,
        created_at=now,
        title=text.title,
        body=text.body,
        action_url=text.action_url,
        shown_at=(order.schedule_at or now) if in_feed and not order.test else None,
    )


def _plan(
    fresh: Sequence[tuple[Order, Notification]],
    wordings: Wordings,
    ways: Collection[str],
    reach: Mapping[UUID, audience.Reach],
    told: Planned,
) -> list[Delivery]:
    """One delivery per new notification and channel that its recipient wants. A mail without an address waits for it; a
    push or a text message without one is none; the feed needs nothing. What goes into a digest ends here as a delivery of
    its own."""
    planned = []
    refused: list[Delivery] = []
    reachable = Reachable({order.recipient_id for order, _ in fresh}, reach, wordings.channels)
    for order, row in fresh:
        for channel in _channels(order, wordings, ways):
            version, verdict = wordings.pick(channel, _locale(reach, order)), told.of(order, channel)
            if version is None or is_no(verdict):
                continue
            lacking = not order.test and not reachable.by(order.recipient_id, channel)
            if lacking and channel not in rules.AWAITED:
                continue
            delivery = _delivery(row, channel, version, verdict, waits=lacking)
            if not order.test and reachable.refuses(order.recipient_id, channel):
                delivery.status, delivery.reason, delivery.finished_at = "failed", rules.SUPPRESSED, row.created_at
                refused.append(delivery)
            else:
                planned.append((delivery, verdict))
    deliveries = Delivery.objects.bulk_create([*(delivery for delivery, _ in planned), *refused])
    gather(planned)
    for delivery in refused:
        record(failed(delivery, delivery.notification.type), subject=delivery.id)
    return deliveries


def _delivery(row: Notification, channel: str, version: TemplateVersion, verdict: Verdict, *, waits: bool) -> Delivery:
    delivery = Delivery(
        notification=row,
        recipient_id=row.recipient_id,
        channel=channel,
        version=version,
        status="waiting" if waits else "queued",
        priority=row.priority,
        due_at=row.schedule_at or row.created_at,
        created_at=row.created_at,
        # Said, so that thousands of rows go as columns: a default of the database's would be an expression in each.
        provider="",
        provider_ref="",
    )
    if isinstance(verdict, Digest):
        delivery.status, delivery.reason, delivery.finished_at = "canceled", DIGESTED, row.created_at
    elif waits:
        delivery.due_at = rules.next_look(timedelta(), now=row.created_at)
    elif isinstance(verdict, Later):
        delivery.due_at = verdict.at
    return delivery


@transaction.atomic
def send(
    *,
    recipient_ids: Sequence[UUID],
    type: str | None = None,
    template_id: UUID | None = None,
    data: dict[str, Any],
    channels: Sequence[str] | None = None,
    priority: str | None = None,
    group: str | None = None,
    schedule_at: datetime | None = None,
    expires_at: datetime | None = None,
    test: bool = False,
    fact: str | None = None,
    key: str,
    by: str,
) -> list[Accepted]:
    """Tell people something, by its type or by one of its templates. `key` names this call: repeating it answers the
    same notifications. With `fact`, so does every call of this caller about the same fact.

    Raises TypeUnknown, DataInvalid, ScheduleInvalid, ExpiryInvalid.
    """
    type, channels = spoken(type, template_id, channels)
    about = f"fact:{by}:{fact}" if fact else f"send:{key}"
    schedule_at = timed(schedule_at, expires_at)
    orders = [
        Order(
            recipient_id=recipient,
            type=type,
            data=data,
            dedupe=f"{about}:{recipient}",
            channels=None if channels is None else tuple(channels),
            priority=priority,
            group=group or "",
            schedule_at=schedule_at,
            expires_at=expires_at,
            test=test,
        )
        for recipient in dict.fromkeys(recipient_ids)
    ]
    accepted = accept(orders, by=by)
    if len(orders) > 1:
        _note_call(orders, about, by=by)
    return accepted


def _note_call(orders: Sequence[Order], about: str, *, by: str) -> None:
    """Keep that many were told in one call, so that staff see it as one thing and can take it back."""
    now, first = clock.now(), orders[0]
    Mailing.objects.get_or_create(
        dedupe=about,
        defaults={
            "audience": "named",
            "order": {
                "type": first.type,
                "data": first.data,
                "channels": None if first.channels is None else list(first.channels),
                "priority": first.priority,
                "group": first.group,
                "schedule_at": first.schedule_at.isoformat() if first.schedule_at else None,
                "expires_at": first.expires_at.isoformat() if first.expires_at else None,
                "test": first.test,
            },
            "status": "done",
            "expected": len(orders),
            "reached": len(orders),
            "due_at": now,
            "accepted_by": by,
            "created_at": now,
            "finished_at": now,
        },
    )


def spoken(
    type: str | None, template_id: UUID | None, channels: Sequence[str] | None
) -> tuple[str, Sequence[str] | None]:
    """The type and the channels that a call means: a template stands for its type and its channel. Raises TypeUnknown."""
    if template_id is None:
        return type or "", channels
    type, channel = wording.named(template_id)
    return type, channels or (channel,)


def timed(schedule_at: datetime | None, expires_at: datetime | None) -> datetime | None:
    """When to send, None for at once. Raises ScheduleInvalid, ExpiryInvalid."""
    now = clock.now()
    if schedule_at is not None and schedule_at > now + timedelta(days=366):
        raise ScheduleInvalid(errors=[{"pointer": "#/schedule_at", "message": "lies more than a year ahead"}])
    start = schedule_at if schedule_at is not None and schedule_at > now else None
    if expires_at is not None and expires_at <= (start or now):
        raise ExpiryInvalid(errors=[{"pointer": "#/expires_at", "message": "is not after the time of sending"}])
    return start


@transaction.atomic
def wake(*, recipient_id: UUID | None = None, limit: int = 500) -> int:
    """Release the mails whose recipient can be reached by now; returns how many.

    With `recipient_id` all of that person's, at once; without, those whose next look is due, so that none is forgotten.
    """
    now = clock.now()
    asleep = Delivery.objects.select_for_update(skip_locked=True, of=("self",)).filter(status="waiting")
    asleep = asleep.filter(recipient_id=recipient_id) if recipient_id else asleep.filter(due_at__lte=now)
    rows = list(asleep.select_related("notification").order_by("due_at")[:limit])
    reachable = audience.with_email({row.recipient_id for row in rows})
    wordings: dict[str, Wordings] = {}
    released, given_up = [], []
    for row in rows:
        waited = now - row.created_at
        if row.recipient_id in reachable:
            kind = row.notification.type
            if kind not in wordings:
                wordings[kind] = Wordings(kind)
            row.version = (
                wordings[kind].pick(row.channel, reachable[row.recipient_id], fitting=row.notification.data)
                or row.version
            )
            row.status, row.due_at = "queued", max(row.notification.schedule_at or now, now)
            released.append(row)
        elif waited > rules.WAIT_AT_MOST:
            row.status, row.reason, row.finished_at = "failed", "no_address", now
            given_up.append(row)
        else:
            row.due_at = rules.next_look(waited, now=now)
    Delivery.objects.bulk_update(rows, ["status", "due_at", "version", "reason", "finished_at"])
    for row in sorted(given_up, key=lambda row: row.id):
        record(failed(row, row.notification.type), subject=row.id)
    if released:
        doorbell.ring(SEND)
    return len(released)


def failed(delivery: Delivery, type: str) -> DeliveryFailed:
    """The fact that a delivery will not arrive."""
    return DeliveryFailed(
        delivery_id=delivery.id,
        notification_id=delivery.notification_id,
        recipient_id=delivery.recipient_id,
        channel=delivery.channel,
        notification_type=type,
        reason=delivery.reason,
    )
