"""What a person does with the entries of the own feed, and the right to hear of them.

Each mark may be repeated; the first time is the one that is kept.
"""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from django.db import connection
from django.db.models import F, QuerySet
from django.db.models.functions import Coalesce

from bh_sdk.server.ops import clock
from notify_svc.delivery.errors import NotificationNotFound
from notify_svc.feed import rules
from notify_svc.feed.models import Entry, Reader, Ticket

# Locked in one order, so that two calls of one person never wait for each other.
_ALL = f"""
    WITH mine AS (
        SELECT id FROM notify_delivery_notification
        WHERE recipient_id = %(user)s AND archived_at IS NULL AND {rules.IN_FEED} AND {{unmarked}}
        ORDER BY id FOR UPDATE
    )
    UPDATE notify_delivery_notification AS entry SET {{marks}} FROM mine WHERE entry.id = mine.id
"""  # noqa: S608 - our own words
_SEE_ALL = _ALL.format(unmarked="seen_at IS NULL", marks="seen_at = %(now)s")
_READ_ALL = _ALL.format(
    unmarked="read_at IS NULL", marks="read_at = %(now)s, seen_at = coalesce(entry.seen_at, %(now)s)"
)

_ISSUE = """
    INSERT INTO notify_feed_ticket (digest, person_id, expires_at)
    VALUES (%s, %s, clock_timestamp() + make_interval(secs => %s)) RETURNING expires_at
"""


def see(*, notification_id: UUID, user_id: UUID) -> None:
    """The entry has been on the person's screen. Raises NotificationNotFound, also for another's."""
    _mark(notification_id, user_id, seen_at=_first("seen_at"))


def read(*, notification_id: UUID, user_id: UUID) -> None:
    """The person has read it, and so has seen it. Raises NotificationNotFound, also for another's."""
    _mark(notification_id, user_id, read_at=_first("read_at"), seen_at=_first("seen_at"))


def unread(*, notification_id: UUID, user_id: UUID) -> None:
    """The person wants to come back to it; it has been seen all the same. Raises NotificationNotFound."""
    _mark(notification_id, user_id, read_at=None, seen_at=_first("seen_at"))


def archive(*, notification_id: UUID, user_id: UUID) -> None:
    """Put it away: it counts no more and is listed among the archived. Raises NotificationNotFound, also for another's."""
    _mark(notification_id, user_id, archived_at=_first("archived_at"), seen_at=_first("seen_at"))


def unarchive(*, notification_id: UUID, user_id: UUID) -> None:
    """Take it back, read or unread as it was. Raises NotificationNotFound, also for another's."""
    _mark(notification_id, user_id, archived_at=None)


def delete(*, notification_id: UUID, user_id: UUID) -> None:
    """Take it out of the feed for good; the row stays, so that a repeat of its fact is not told again.

    Raises NotificationNotFound, also for another's; not for one that is deleted already.
    """
    mine = Entry.objects.filter(
        id=notification_id, recipient_id=user_id, shown_at__lte=clock.now(), canceled_at__isnull=True, test=False
    )
    if not mine.update(deleted_at=_first("deleted_at")):
        raise NotificationNotFound


def see_all(*, user_id: UUID) -> int:
    """Everything that is not archived has been on the screen; returns how many entries were unseen."""
    return _mark_all(_SEE_ALL, user_id)


def read_all(*, user_id: UUID) -> int:
    """Everything that is not archived has been read; returns how many entries were unread."""
    return _mark_all(_READ_ALL, user_id)


def issue_ticket(*, user_id: UUID) -> tuple[str, datetime]:
    """The right to open one stream once, and until when it holds."""
    ticket = secrets.token_urlsafe(32)
    with connection.cursor() as cursor:
        cursor.execute(_ISSUE, [rules.digest_of(ticket), user_id, rules.TICKET_SECONDS])
        (expires_at,) = cursor.fetchone() or (None,)
    return ticket, cast(datetime, expires_at)


def forget_tickets() -> int:
    """Remove the tickets that nobody used in time; returns how many."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM notify_feed_ticket WHERE expires_at < clock_timestamp()")
        return int(cursor.rowcount)


def forget(*, user_id: UUID) -> int:
    """Erase how far a person's feed was told, and their tickets; returns how many rows went."""
    rows = Reader.objects.filter(person_id=user_id).delete()[0] + Ticket.objects.filter(person_id=user_id).delete()[0]
    return int(rows)


def _first(name: str) -> Coalesce:
    return Coalesce(F(name), clock.now())


def _feed_of(user_id: UUID) -> QuerySet[Entry]:
    return Entry.objects.filter(
        recipient_id=user_id,
        shown_at__lte=clock.now(),
        deleted_at__isnull=True,
        canceled_at__isnull=True,
        test=False,
    )


def _mark(notification_id: UUID, user_id: UUID, **marks: Any) -> None:
    if not _feed_of(user_id).filter(id=notification_id).update(**marks):
        raise NotificationNotFound


def _mark_all(statement: str, user_id: UUID) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, {"user": user_id, "now": clock.now()})
        return int(cursor.rowcount)
