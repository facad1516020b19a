"""Taking the words, and the person, out of what was sent. The rows stay: counts keep adding up, and no fact is told again.

All of it goes by portions, each a short transaction of its own, and looks for what is still there: whoever is stopped in
the middle goes on later.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from bh_sdk.server.ops import clock
from bh_sdk.server.ops.logs import log
from notify_svc.audience import rules as people
from notify_svc.delivery import recall, rules
from notify_svc.delivery.models import Delivery, Mailing, Notification
from notify_svc.wording.errors import TemplateInvalid
from notify_svc.wording.rendering import Rendered, render

# What a message about somebody calls them, and what it quotes of them.
_NAMED, _QUOTED = "_name", "message"
_OPEN = sorted(set(rules.STATES) - rules.FINAL)

# Two indexes, one for the feed and one for the rest, hold all that a person was told.
_OF_PERSON = """
    (SELECT id FROM notify_delivery_notification WHERE recipient_id = %(person)s AND shown_at IS NOT NULL LIMIT %(limit)s)
    UNION ALL
    (SELECT id FROM notify_delivery_notification WHERE recipient_id = %(person)s AND shown_at IS NULL LIMIT %(limit)s)
    LIMIT %(limit)s
"""
# Whoever keeps a page of the feed is told of this one; of the next statement only the new person would be.
_OUT_OF_FEED = """
    UPDATE notify_delivery_notification SET deleted_at = coalesce(deleted_at, %s) WHERE id = ANY(%s) AND shown_at IS NOT NULL
"""
# Each row gets a person of its own that never was: nothing says any more that two of them went to the same one.
_UNLINK = """
    UPDATE notify_delivery_notification
    SET recipient_id = gen_random_uuid(), dedupe = 'erased:' || id, data = '{}', "group" = '', mentions = NULL, title = '',
        body = '', action_url = '', shown_at = NULL, revision = NULL, pruned_at = coalesce(pruned_at, %s)
    WHERE id = ANY(%s)
"""
_UNLINK_DELIVERIES = """
    UPDATE notify_delivery_delivery AS delivery SET recipient_id = notification.recipient_id,
        device_id = CASE WHEN device_id IS NULL THEN NULL ELSE gen_random_uuid() END
    FROM notify_delivery_notification AS notification
    WHERE notification.id = delivery.notification_id AND notification.id = ANY(%s)
"""
# Who is not told: somebody who is in no audience any more need not be left out of one.
_WITHOUT = """
    UPDATE notify_delivery_mailing SET "order" = jsonb_set("order", '{without}', ("order" -> 'without') - %s)
    WHERE "order" -> 'without' ? %s
"""
# What is still to be sent, or in the feed only later, keeps its words.
_PRUNE = """
    WITH old AS (
        SELECT id FROM notify_delivery_notification AS notification
        WHERE category = %(category)s AND created_at < %(before)s AND pruned_at IS NULL
            AND (schedule_at IS NULL OR schedule_at < %(before)s)
            AND NOT EXISTS (
                SELECT FROM notify_delivery_delivery AS delivery
                WHERE delivery.notification_id = notification.id AND delivery.status = ANY(%(open)s)
            )
        ORDER BY created_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
    )
    UPDATE notify_delivery_notification AS notification
    SET data = '{}', title = '', body = '', action_url = '', mentions = NULL, pruned_at = %(now)s,
        deleted_at = CASE WHEN shown_at IS NULL THEN deleted_at ELSE coalesce(deleted_at, %(now)s) END
    FROM old WHERE notification.id = old.id
"""


@transaction.atomic
def forget_recipient(*, user_id: UUID, limit: int) -> int:
    """Strip up to `limit` of the notifications that a person was told; returns how many. What has not left is canceled."""
    with connection.cursor() as cursor:
        cursor.execute(_OF_PERSON, {"person": user_id, "limit": limit})
        found = [row[0] for row in cursor.fetchall()]
        ids = list(
            Notification.objects.select_for_update().filter(id__in=found).order_by("id").values_list("id", flat=True)
        )
        under_way = Delivery.objects.filter(notification_id__in=ids, status__in=_OPEN)
        recall.take_back(list(under_way.values_list("notification_id", flat=True).distinct()))
        cursor.execute(_OUT_OF_FEED, [clock.now(), ids])
        cursor.execute(_UNLINK, [clock.now(), ids])
        cursor.execute(_UNLINK_DELIVERIES, [ids])
    return len(ids)


def forget_in_mailings(*, user_id: UUID) -> int:
    """Take a person out of the places of mailings, in the caller's transaction; returns in how many they stood.

    One that is under way keeps its place until it is over: it begins behind that id, whoever's it was.
    """
    with connection.cursor() as cursor:
        cursor.execute(_WITHOUT, [str(user_id), str(user_id)])
        left_out = int(cursor.rowcount)
    return left_out + Mailing.objects.filter(after=user_id).exclude(status__in=rules.MAILING_OPEN).update(after=None)


@transaction.atomic
def forget_mentions(*, user_id: UUID, limit: int) -> int:
    """Take a person's name out of up to `limit` of the notifications that others were told; returns how many."""
    rows = list(Notification.objects.select_for_update().filter(mentions=user_id).order_by("id")[:limit])
    entries = {
        row.notification_id: row
        for row in Delivery.objects.filter(notification__in=rows, channel="in_app").select_related("version")
    }
    for row in rows:
        row.mentions = None
        if row.pruned_at is None:
            row.data = {key: _unnamed(key, value) for key, value in row.data.items()}
            told = entries.get(row.id)
            words = _again(row, told) if row.title or row.body else Rendered()
            row.title, row.body, row.action_url = words.title, words.body, words.action_url
    Notification.objects.bulk_update(rows, ["mentions", "data", "title", "body", "action_url"])
    return len(rows)


def _unnamed(key: str, value: object) -> object:
    if key.endswith(_NAMED):
        return people.UNNAMED
    return "" if key.endswith(_QUOTED) and isinstance(value, str) else value


def _again(row: Notification, told: Delivery | None) -> Rendered:
    """The words of the feed without the name. Where they cannot be written again none are left."""
    try:
        return render(told.version.source, row.data) if told else Rendered()
    except TemplateInvalid as error:
        log().error("words_not_written", notification_id=str(row.id), exc_info=error)
        return Rendered()


@transaction.atomic
def prune_words(*, category: str, before: datetime, limit: int) -> int:
    """Remove the words of up to `limit` notifications of a category that were accepted before; returns how many.

    Their entries leave the feed. Of what has not left yet nothing is removed.
    """
    asked: dict[str, Any] = {"category": category, "before": before, "limit": limit, "now": clock.now(), "open": _OPEN}
    with connection.cursor() as cursor:
        cursor.execute(_PRUNE, asked)
        return int(cursor.rowcount)


def oldest_words(category: str) -> datetime | None:
    """When the oldest notification of a category that still has its words was accepted."""
    rows = Notification.objects.filter(category=category, pruned_at__isnull=True).order_by("created_at")
    return rows.values_list("created_at", flat=True).first()


def told_since(people_ids: Collection[UUID], moment: datetime) -> set[UUID]:
    """Of these people, those who were told something since then."""
    rows = Notification.objects.filter(recipient_id__in=people_ids, created_at__gte=moment)
    shown = rows.filter(shown_at__isnull=False).values_list("recipient_id", flat=True)
    return {*shown, *rows.filter(shown_at__isnull=True).values_list("recipient_id", flat=True)}
