"""How far a mailing has come, channel by channel, as numbers and as bars."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Count, Q
from django.utils.html import format_html

from bh_sdk.server.admin import parts
from notify_svc.delivery import mailings, rules
from notify_svc.delivery.models import Delivery, Mailing
from notify_svc.delivery.wishes import DIGESTED

SHOWN = {"email": "Email", "in_app": "In the app", "push": "Devices", "sms": "SMS"}
_GOING = ("sending", *rules.DUE)
# Nothing was tried: the address was known to be dead.
_SKIPPED = Q(status="canceled") & ~Q(reason=DIGESTED) | Q(status="failed", reason=rules.SUPPRESSED)


@dataclass(frozen=True, slots=True)
class Progress:
    """What became of a mailing in one channel. `waiting`: for an address; `gathered`: it comes in a digest; `skipped`: not
    wanted, suppressed, expired or taken back. All of them together are the people who were told so far."""

    channel: str
    queued: int
    waiting: int
    sent: int
    delivered: int
    failed: int
    gathered: int
    skipped: int


def of(mailing: Mailing) -> list[Progress]:
    """Every channel that the mailing used, or is to use."""
    rows = Delivery.objects.filter(notification__dedupe__startswith=mailings.keys(mailing))
    found: dict[str, Mapping[str, Any]] = {
        row["channel"]: row
        for row in rows.order_by()
        .values("channel")
        .annotate(
            queued=Count("id", filter=Q(status__in=_GOING)),
            waiting=Count("id", filter=Q(status="waiting")),
            sent=Count("id", filter=Q(status="sent")),
            delivered=Count("id", filter=Q(status="delivered")),
            failed=Count("id", filter=Q(status__in=("failed", "bounced")) & ~_SKIPPED),
            gathered=Count("id", filter=Q(status="canceled", reason=DIGESTED)),
        )
    }
    wanted = mailing.order["channels"] or sorted(found)
    return [_of(channel, found.get(channel, {}), mailing.reached) for channel in wanted]


def of_id(mailing_id: UUID) -> list[Progress]:
    return of(Mailing.objects.get(id=mailing_id))


def _of(channel: str, row: Mapping[str, Any], told: int) -> Progress:
    counts = {name: int(row.get(name, 0)) for name in ("queued", "waiting", "sent", "delivered", "failed", "gathered")}
    return Progress(channel=channel, skipped=max(told - sum(counts.values()), 0), **counts)


def open_left(mailing_id: UUID) -> bool:
    """Whether anything of it is still to leave."""
    mailing = Mailing.objects.get(id=mailing_id)
    mine = Delivery.objects.filter(
        notification__dedupe__startswith=mailings.keys(mailing), status__in=("waiting", *_GOING)
    )
    return mailing.status == "open" or mine.exists()


def bars(mailing_id: UUID) -> parts.Progress:
    """The bars of a page: how many people were told, then each channel on the same scale. While anything moves they
    follow."""
    mailing = Mailing.objects.get(id=mailing_id)
    channels, whole = of(mailing), max(mailing.reached, mailing.expected)
    first = parts.Stack("People", (parts.Portion("told", mailing.reached, "primary"),), whole)
    return parts.Progress(
        "How far it is",
        [first, *(_bar(one, whole) for one in channels)],
        rest="to be told" if mailing.status == "open" else "not told",
        live=mailing.status in rules.MAILING_OPEN or any(one.queued for one in channels),
    )


def _bar(one: Progress, of: int) -> parts.Stack:
    return parts.Stack(
        SHOWN[one.channel],
        (
            parts.Portion("delivered", one.delivered, "success"),
            parts.Portion("sent", one.sent, "primary"),
            parts.Portion("queued", one.queued, "soft"),
            parts.Portion("waiting for an address", one.waiting, "warning"),
            parts.Portion("in a digest", one.gathered, "info"),
            parts.Portion("failed", one.failed, "danger"),
            parts.Portion("left out", one.skipped, "pale"),
        ),
        of,
    )


def in_a_row(told: int, expected: int) -> str:
    """A bar and its numbers, for a list."""
    of = max(told, expected)
    share = told * 100 // of if of else 0
    bar = (
        '<svg class="bh-bar bh-bar-small" viewBox="0 0 100 12" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="bh-bar-ground" x="0" y="0" width="100" height="12"></rect>'
        '<rect class="bh-part-primary" x="0" y="0" width="{}" height="12"></rect></svg> {} of {} ({} %)'
    )
    return format_html(bar, share, f"{told:,}", f"{of:,}", share)
