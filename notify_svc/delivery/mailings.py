"""Telling an audience: one row at once, its people page by page afterwards.

A page is one transaction: its notifications and the place where the next begins are written together, so a worker that
dies repeats nothing and leaves nobody out. Nobody is told twice: each notification's key holds the mailing and the person.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from django.db import transaction
from django.db.models import F

from bh_sdk.server.ops import clock, doorbell
from bh_sdk.server.ops.logs import log
from notify_svc.audience import queries as audience
from notify_svc.delivery import catalogue, recall, rules
from notify_svc.delivery.commands import accept, spoken, timed
from notify_svc.delivery.errors import MailingNotFound
from notify_svc.delivery.models import Mailing, Notification
from notify_svc.delivery.orders import Order
from notify_svc.preferences import queries as preferences
from notify_svc.wording.queries import Wordings

EXPAND = "notify.delivery.expand"
PAGE = 500


@transaction.atomic
def send_to_audience(
    *,
    audience_kind: Literal["donors", "followers"],
    campaign_id: UUID,
    type: str | None = None,
    template_id: UUID | None = None,
    data: dict[str, Any],
    channels: list[str] | None = None,
    priority: str | None = None,
    group: str | None = None,
    schedule_at: datetime | None = None,
    expires_at: datetime | None = None,
    test: bool = False,
    fact: str | None = None,
    key: str,
    by: str,
) -> Mailing:
    """Accept a message to everybody who gave to a campaign, or follows it. Repeating the call finds the same mailing.

    Raises TypeUnknown, DataInvalid, ScheduleInvalid, ExpiryInvalid.
    """
    type, wanted = spoken(type, template_id, channels)
    start = timed(schedule_at, expires_at)
    wordings = Wordings(type)
    wordings.check(data, channels=set(wanted or catalogue.channels(type)) & set(wordings.channels))
    order = {
        "type": type,
        "data": data,
        "channels": None if wanted is None else list(wanted),
        "priority": priority,
        "group": group or "",
        "schedule_at": start.isoformat() if start else None,
        "expires_at": expires_at.isoformat() if expires_at else None,
        "test": test,
    }
    now = clock.now()
    mailing, _ = Mailing.objects.get_or_create(
        dedupe=f"fact:{by}:{fact}" if fact else f"send:{key}",
        defaults={
            "audience": audience_kind,
            "campaign_id": campaign_id,
            "order": order,
            "status": "open",
            "expected": _count(audience_kind, campaign_id),
            "due_at": now,
            "accepted_by": by,
            "created_at": now,
        },
    )
    doorbell.ring(EXPAND)
    return mailing


def expand(*, pages: int = 40) -> int:
    """Work off the mailings that are due, a page at a time; returns how many people were told or taken back."""
    done = 0
    for _ in range(pages):
        told = _one_page()
        if told is None:
            return done
        done += told
    doorbell.ring(EXPAND)
    return done


def _one_page() -> int | None:
    """One page of the mailing that has waited longest; None when none is due."""
    with transaction.atomic():
        due = Mailing.objects.select_for_update(skip_locked=True)
        mailing = due.filter(status__in=rules.MAILING_OPEN, due_at__lte=clock.now()).order_by("due_at", "id").first()
        if mailing is None:
            return None
        try:
            with transaction.atomic():
                told = _tell_page(mailing) if mailing.status == "open" else _take_back_page(mailing)
        except Exception as error:
            # Whatever is wrong with one mailing, the others are told; this one is tried again.
            log().error("mailing_stuck", mailing_id=str(mailing.id), tries=mailing.tries + 1, exc_info=error)
            again = rules.next_page(mailing.tries + 1, now=clock.now())
            Mailing.objects.filter(id=mailing.id).update(tries=F("tries") + 1, due_at=again)
            return 0
        return told


def _tell_page(mailing: Mailing) -> int:
    people, follow = _page(mailing)
    about = mailing.order
    orders = [
        Order(
            recipient_id=person,
            type=about["type"],
            data=about["data"],
            dedupe=f"mailing:{mailing.id}:{person}",
            channels=None if about["channels"] is None else tuple(about["channels"]),
            priority=about["priority"],
            group=about["group"],
            schedule_at=_moment(about["schedule_at"]),
            expires_at=_moment(about["expires_at"]),
            test=about["test"],
        )
        for person in people
    ]
    if orders:
        accept(orders, by=mailing.accepted_by)
    mailing.after, mailing.reached = follow or mailing.after, mailing.reached + len(people)
    if follow is None:
        mailing.status, mailing.finished_at = "done", clock.now()
    # To the end of the queue: a small mailing does not wait for a large one.
    mailing.tries, mailing.due_at = 0, clock.now()
    mailing.save(update_fields=["after", "reached", "status", "finished_at", "tries", "due_at"])
    return len(people)


def _take_back_page(mailing: Mailing) -> int:
    # `startswith` has an index of its own beside the unique one.
    mine = Notification.objects.filter(dedupe__startswith=f"mailing:{mailing.id}:", canceled_at=None)
    ids = list(mine.values_list("id", flat=True)[:PAGE])
    recall.take_back(ids)
    mailing.tries, mailing.due_at = 0, clock.now()
    if len(ids) < PAGE:
        mailing.status, mailing.finished_at = "canceled", clock.now()
    mailing.save(update_fields=["status", "finished_at", "tries", "due_at"])
    return len(ids)


@transaction.atomic
def cancel_mailing(*, mailing_id: UUID, by: str) -> Mailing:
    """Tell nobody else, and take back what has not left; again changes nothing. Raises MailingNotFound."""
    mailing = Mailing.objects.select_for_update().filter(id=mailing_id, accepted_by=by).first()
    if mailing is None:
        raise MailingNotFound
    if mailing.status in ("open", "done"):
        mailing.status, mailing.finished_at, mailing.due_at = "canceling", None, clock.now()
        mailing.save(update_fields=["status", "finished_at", "due_at"])
        doorbell.ring(EXPAND)
    return mailing


def mailing(*, mailing_id: UUID, by: str) -> Mailing:
    """A mailing of this caller. Raises MailingNotFound, also for another's."""
    found = Mailing.objects.filter(id=mailing_id, accepted_by=by).first()
    if found is None:
        raise MailingNotFound
    return found


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _count(kind: str, campaign_id: UUID) -> int:
    return (preferences.count_followers if kind == "followers" else audience.count_supporters)(campaign_id)


def _page(mailing: Mailing) -> tuple[list[UUID], UUID | None]:
    """The people of the next page, and where the one after it begins; None when it is the last."""
    if mailing.audience == "followers":
        return preferences.page_of_followers(mailing.campaign_id, after=mailing.after, limit=PAGE)
    people = audience.page_of_supporters(mailing.campaign_id, after=mailing.after, limit=PAGE)
    return people, people[-1] if len(people) == PAGE else None
