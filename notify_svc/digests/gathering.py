"""Gathering: what is put into a person's window, and who is in one already. It knows nobody above it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from bh_sdk.server.ops import clock
from notify_svc.digests.models import Item, Window

_Key = tuple[UUID, str, str]


@dataclass(frozen=True, slots=True)
class Gathered:
    """One notification for one window, and when that closes as far as the person's wishes of now say."""

    user_id: UUID
    category: str
    channel: str
    notification_id: UUID
    version_id: UUID
    frequency: str
    closes_at: datetime

    @property
    def key(self) -> _Key:
        return self.user_id, self.category, self.channel


@transaction.atomic
def gather(gathered: Sequence[Gathered]) -> None:
    """Put these into the open windows of their people, which are opened if need be. Doing it again changes nothing.

    Windows are locked in the order of their keys, so that two calls never wait for each other.
    """
    if not gathered:
        return
    newest = {one.key: one for one in gathered}
    windows = _open_windows(newest)
    for key, window in windows.items():
        _retime(window, newest[key].frequency, newest[key].closes_at)
    now = clock.now()
    items = [
        Item(
            window=windows[one.key],
            notification_id=one.notification_id,
            channel=one.channel,
            version_id=one.version_id,
            gathered_at=now,
        )
        for one in gathered
    ]
    Item.objects.bulk_create(items, ignore_conflicts=True)


def _open_windows(wanted: dict[_Key, Gathered]) -> dict[_Key, Window]:
    """The open window of each, locked. One that is being closed is waited for, and then a new one is opened."""
    found: dict[_Key, Window] = {}
    while missing := sorted(wanted.keys() - found.keys()):
        now = clock.now()
        Window.objects.bulk_create(
            [
                Window(
                    user_id=key[0],
                    category=key[1],
                    channel=key[2],
                    frequency=wanted[key].frequency,
                    opened_at=now,
                    closes_at=wanted[key].closes_at,
                )
                for key in missing
            ],
            ignore_conflicts=True,
        )
        which = Q()
        for user_id, category, channel in missing:
            which |= Q(user_id=user_id, category=category, channel=channel)
        locked = Window.objects.select_for_update().filter(which, closed_at__isnull=True)
        found |= {
            (row.user_id, row.category, row.channel): row for row in locked.order_by("user_id", "category", "channel")
        }
    return found


def _retime(window: Window, frequency: str, closes_at: datetime) -> None:
    """Another rhythm or zone than when the window was opened counts from now on. What is due stays due."""
    if window.closes_at <= clock.now() or (window.frequency, window.closes_at) == (frequency, closes_at):
        return
    window.frequency, window.closes_at = frequency, closes_at
    window.save(update_fields=["frequency", "closes_at"])


def kept(notification_ids: Collection[UUID]) -> set[tuple[UUID, str]]:
    """Which of these are in a digest, by which channel."""
    if not notification_ids:
        return set()
    rows = Item.objects.filter(notification_id__in=notification_ids)
    return set(rows.values_list("notification_id", "channel"))
