"""Telling many: one row at once, its people page by page afterwards.

A page is one transaction: its notifications and the place where the next begins are written together, so a worker that
dies repeats nothing and leaves nobody out. Nobody is told twice: each notification's key holds the mailing and the person.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q

from bh_sdk.server.ops import clock, doorbell
from bh_sdk.server.ops.logs import log
from notify_svc.delivery import catalogue, recall, rules
from notify_svc.delivery.audiences import Audience
from notify_svc.delivery.commands import SEND, accept, spoken, timed
from notify_svc.delivery.errors import MailingNotFound, MailingOver
from notify_svc.delivery.models import Delivery, Mailing, Notification
from notify_svc.delivery.orders import Order
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
    audience = Audience(audience_kind, campaign_id)
    return begin(
        audience,
        {
            "type": type,
            "data": data,
            "channels": None if wanted is None else list(wanted),
            "priority": priority,
            "group": group or "",
            "schedule_at": start.isoformat() if start else None,
            "expires_at": expires_at.isoformat() if expires_at else None,
            "test": test,
        },
        expected=audience.count(),
        dedupe=f"fact:{by}:{fact}" if fact else f"send:{key}",
        by=by,
    )


@transaction.atomic
def begin(
    audience: Audience,
    order: dict[str, Any],
    *,
    expected: int,
    dedupe: str,
    by: str,
    start: datetime | None = None,
    per_minute: int | None = None,
) -> Mailing:
    """Tell an audience `order`, from `start` on, at most so many people a minute. With a known `dedupe` it finds the
    mailing that is there. `order` is what `Order` takes, as JSON, and `without`, people who are left out; the caller has
    seen to it that it fits its words."""
    now = clock.now()
    mailing, _ = Mailing.objects.get_or_create(
        dedupe=dedupe,
        defaults={
            "audience": audience.kind,
            "campaign_id": audience.campaign_id,
            "list_id": audience.list_id,
            "languages": list(audience.languages),
            "order": order,
            "status": "open",
            "expected": expected,
            "per_minute": per_minute,
            "due_at": start or now,
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
        due = Mailing.objects.select_for_update(skip_locked=True).filter(due_at__lte=clock.now())
        due = due.filter(Q(status="open", paused_at=None) | Q(status="canceling"))
        mailing = due.order_by("due_at", "id").first()
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


def audience_of(mailing: Mailing) -> Audience:
    return Audience(mailing.audience, mailing.campaign_id, mailing.list_id, tuple(mailing.languages))


def _tell_page(mailing: Mailing) -> int:
    expires_at = _moment(mailing.order["expires_at"])
    if expires_at is not None and expires_at <= clock.now():
        _end(mailing, "expired")
        return 0
    limit = rules.portion(PAGE, mailing.per_minute)
    people, follow = audience_of(mailing).page(after=mailing.after, limit=limit)
    without = set(mailing.order.get("without", ()))
    orders = [_order(mailing, person) for person in people if str(person) not in without]
    if orders:
        accept(orders, by=mailing.accepted_by)
    mailing.after, mailing.reached = follow, mailing.reached + len(people)
    # To the end of the queue: a small mailing does not wait for a large one.
    mailing.tries, mailing.due_at = 0, rules.next_portion(len(people), mailing.per_minute, now=clock.now())
    mailing.save(update_fields=["after", "reached", "tries", "due_at"])
    if follow is None:
        _end(mailing, "done")
    return len(people)


def _order(mailing: Mailing, person: UUID) -> Order:
    about = mailing.order
    return Order(
        recipient_id=person,
        type=about["type"],
        data=about["data"],
        dedupe=rules.key_of(mailing.id, person),
        channels=None if about["channels"] is None else tuple(about["channels"]),
        priority=about["priority"],
        group=about["group"],
        schedule_at=_moment(about["schedule_at"]),
        expires_at=_moment(about["expires_at"]),
        test=about["test"],
        versions=tuple(map(UUID, about.get("versions", ()))),
    )


def _take_back_page(mailing: Mailing) -> int:
    # `startswith` has an index of its own beside the unique one.
    mine = Notification.objects.filter(dedupe__startswith=keys(mailing), canceled_at=None)
    ids = list(mine.values_list("id", flat=True)[:PAGE])
    recall.take_back(ids)
    mailing.tries, mailing.due_at = 0, clock.now()
    mailing.save(update_fields=["tries", "due_at"])
    if len(ids) < PAGE:
        _end(mailing, "canceled")
    return len(ids)


def _end(mailing: Mailing, status: str) -> None:
    mailing.status, mailing.finished_at = status, clock.now()
    mailing.save(update_fields=["status", "finished_at"])


def keys(mailing: Mailing) -> str:
    """How the keys of its notifications begin. Who was named in a call was told under the call's own."""
    return f"{mailing.dedupe}:" if mailing.audience == "named" else rules.keys_of(mailing.id)


@transaction.atomic
def cancel_mailing(*, mailing_id: UUID, by: str) -> Mailing:
    """Tell nobody else, and take back what has not left; again changes nothing. Raises MailingNotFound."""
    if not Mailing.objects.filter(id=mailing_id, accepted_by=by).exists():
        raise MailingNotFound
    return stop(mailing_id=mailing_id)


@transaction.atomic
def stop(*, mailing_id: UUID) -> Mailing:
    """The same for whoever may stop everybody's. From the commit on nothing of it leaves, but for what a worker has in its
    hands already. Raises MailingNotFound."""
    mailing = _locked(mailing_id)
    if (mailing.status, "canceling") in rules.MAILING_MOVES:
        mailing.status, mailing.finished_at, mailing.due_at = "canceling", None, clock.now()
        mailing.save(update_fields=["status", "finished_at", "due_at"])
        doorbell.ring(EXPAND)
    return mailing


@transaction.atomic
def pause(*, mailing_id: UUID) -> Mailing:
    """Tell nobody else for now, and hold what has not left. Raises MailingNotFound, MailingOver."""
    mailing = _locked(mailing_id)
    if mailing.status not in ("open", "done") or mailing.paused_at is not None:
        raise MailingOver
    mailing.paused_at = clock.now()
    mailing.save(update_fields=["paused_at"])
    return mailing


@transaction.atomic
def resume(*, mailing_id: UUID) -> Mailing:
    """Go on where it was paused. Raises MailingNotFound, MailingOver."""
    mailing = _locked(mailing_id)
    if mailing.status not in ("open", "done") or mailing.paused_at is None:
        raise MailingOver
    mailing.paused_at = None
    mailing.save(update_fields=["paused_at"])
    held = Delivery.objects.filter(notification__dedupe__startswith=keys(mailing), status="retrying")
    held.filter(reason=rules.PAUSED).update(due_at=clock.now())
    doorbell.ring(EXPAND)
    doorbell.ring(SEND)
    return mailing


def _locked(mailing_id: UUID) -> Mailing:
    mailing = Mailing.objects.select_for_update().filter(id=mailing_id).first()
    if mailing is None:
        raise MailingNotFound
    return mailing


def mailing(*, mailing_id: UUID, by: str) -> Mailing:
    """A mailing of this caller. Raises MailingNotFound, also for another's."""
    found = Mailing.objects.filter(id=mailing_id, accepted_by=by).first()
    if found is None:
        raise MailingNotFound
    return found


def standing(dedupes: Collection[str]) -> tuple[set[UUID], set[UUID]]:
    """Of the mailings that these keys belong to, those that are stopped and those that are paused."""
    ids = {found for key in dedupes if (found := rules.mailing_of(key)) is not None}
    if not ids:
        return set(), set()
    stopped, paused = set(), set()
    rows = Mailing.objects.filter(id__in=ids).values_list("id", "status", "paused_at")
    for mailing_id, status, paused_at in rows:
        if status in ("canceling", "canceled"):
            stopped.add(mailing_id)
        elif paused_at is not None:
            paused.add(mailing_id)
    return stopped, paused


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
