"""Closing: what was gathered goes out as one mail, at its time, once. And minds that change while a window is open."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from bh_sdk.server.ops import clock
from notify_svc.delivery import commands as delivery
from notify_svc.delivery import news as told
from notify_svc.delivery.orders import Order
from notify_svc.digests import rules
from notify_svc.digests.models import Item, Window
from notify_svc.preferences import queries as preferences
from notify_svc.preferences.queries import Ask
from notify_svc.preferences.rules import Digest, Never, Verdict

# How far back changes of mind are looked for again: a bell that was not heard is made up for by one of many sweeps.
LOOK_BACK = timedelta(minutes=10)
NOT_NEWS, UNWANTED = "read", "unwanted"


def close_due(*, limit: int = 200) -> int:
    """Send the digests whose time has come; returns how many windows were closed. Each in a transaction of its own."""
    due = Window.objects.filter(closed_at__isnull=True, closes_at__lte=clock.now()).order_by("closes_at", "id")
    return sum(close(window_id=window_id) for window_id in list(due.values_list("id", flat=True)[:limit]))


@transaction.atomic
def close(*, window_id: UUID) -> bool:
    """Close one window that is due: its mail is accepted in the same transaction, or there is nothing to say in one.

    Answers False when another worker has it, or it was put off meanwhile.
    """
    now = clock.now()
    open_ones = Window.objects.select_for_update(skip_locked=True)
    window = open_ones.filter(id=window_id, closed_at__isnull=True, closes_at__lte=now).first()
    if window is None:
        return False
    items = list(window.items.order_by("id"))
    verdict = _verdict(window)
    if isinstance(verdict, Never):
        _leave_out(items, verdict.reason)
        _end(window, "dropped")
        return True
    left = _sorted_out(window, items)
    if not left:
        _end(window, "empty")
        return True
    (accepted,) = delivery.accept(
        [
            Order(
                recipient_id=window.user_id,
                type=rules.type_of(window.category),
                dedupe=f"digest:{window.id}",
                channels=(window.channel,),
                data={"window_id": str(window.id), "rhythm": window.frequency, "count": left},
            )
        ],
        by="system",
    )
    _end(window, "sent", accepted.notification_id)
    return True


@transaction.atomic
def review(*, user_id: UUID) -> int:
    """Follow a change of mind with what is being gathered: it is dropped, goes at once, or at another time.

    Returns how many windows were touched.
    """
    windows = Window.objects.select_for_update().filter(user_id=user_id, closed_at__isnull=True)
    return sum(_follow(window) for window in windows.order_by("category", "channel"))


def review_changed() -> int:
    """The same for everybody whose wishes changed of late, in case a bell was not heard."""
    changed = preferences.changed_since(clock.now() - LOOK_BACK)
    gathering = Window.objects.filter(closed_at__isnull=True, user_id__in=changed)
    return sum(review(user_id=user_id) for user_id in sorted(set(gathering.values_list("user_id", flat=True))))


def forget(*, user_id: UUID) -> int:
    """Erase what was gathered for a person; returns how many windows went."""
    windows = Window.objects.filter(user_id=user_id)
    count = windows.count()
    windows.delete()
    return count


def prune(*, before: datetime, limit: int) -> int:
    """Remove up to `limit` windows that were closed before, with what was in them; returns how many."""
    old = Window.objects.select_for_update(skip_locked=True).filter(closed_at__lt=before).order_by("closed_at")
    ids = list(old.values_list("id", flat=True)[:limit])
    Window.objects.filter(id__in=ids).delete()
    return len(ids)


def _verdict(window: Window) -> Verdict:
    ask = Ask(window.user_id, window.category, window.channel)
    return preferences.verdicts([ask], clock.now())[0]


def _follow(window: Window) -> bool:
    verdict, now = _verdict(window), clock.now()
    if isinstance(verdict, Never):
        _leave_out(list(window.items.all()), verdict.reason)
        _end(window, "dropped")
        return True
    frequency, closes_at = (
        (verdict.frequency, verdict.closes_at) if isinstance(verdict, Digest) else (window.frequency, now)
    )
    # What is due is not put off any more.
    if window.closes_at <= now or (frequency, closes_at) == (window.frequency, window.closes_at):
        return False
    window.frequency, window.closes_at = frequency, closes_at
    window.save(update_fields=["frequency", "closes_at"])
    return True


def _sorted_out(window: Window, items: Sequence[Item]) -> int:
    """Leave out what was read in the app or is no news any more, and campaigns the person left; returns how many stay."""
    news = told.still_news([item.notification_id for item in items], clock.now())
    _leave_out([item for item in items if item.notification_id not in news], NOT_NEWS)
    there = [item for item in items if item.notification_id in news]
    asks = [
        Ask(
            window.user_id,
            window.category,
            window.channel,
            digest=True,
            campaign_id=news[item.notification_id].campaign_id,
        )
        for item in there
    ]
    verdicts = preferences.verdicts(asks, clock.now())
    unwanted = [item for item, verdict in zip(there, verdicts, strict=True) if isinstance(verdict, Never)]
    _leave_out(unwanted, UNWANTED)
    return len(there) - len(unwanted)


def _leave_out(items: Sequence[Item], why: str) -> None:
    Item.objects.filter(id__in=[item.id for item in items]).update(left_out=why)


def _end(window: Window, outcome: str, notification_id: UUID | None = None) -> None:
    window.closed_at, window.outcome, window.notification_id = clock.now(), outcome, notification_id
    window.save(update_fields=["closed_at", "outcome", "notification_id"])
