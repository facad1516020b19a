"""What the desks of messages find the first morning: people with wishes of their own, news on its way and in digests, a mail
that came back, somebody who complained, and one that is tried again."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

import httpx

from bh_sdk.clients import Notify
from bh_sdk.wire.preferences import ChangeQuietHours, GiveConsent
from deploy.local import mail_reports
from deploy.local.demo.doors import Doors
from deploy.local.demo.people import CAMPAIGNS, DONORS, GUESTS, DemoCampaign, Person, demo_id
from deploy.local.mail_reports import Word

T = TypeVar("T")
PATIENCE_SECONDS = 60.0
_WATER, _ROOF = CAMPAIGNS[0], CAMPAIGNS[1]
MIRIAM, PETER, NAOMI, ISAAC, ESTHER, DANIEL = DONORS
# Their mailboxes are gone, or their owners had enough. Everybody else's mail arrives.
BOUNCED, COMPLAINED = ISAAC, GUESTS[3]
# Stands for a mail server that takes nothing just now; it is of no house (see NOTIFY_SIMULATOR).
BUSY = Person("Busy Mailbox")
BUSY_MAIL = "temporary-failure@simulator.blessed-horizon.example"


def lay_out(doors: Doors, say: Callable[[str], None]) -> None:
    """Say what people want, write to them, and let the mail provider tell what became of it. Again adds nothing twice."""
    _wish(doors)
    first = _update(doors, _WATER, "The pump runs", "Since Tuesday there is water at the school. Thank you!")
    mails = _patiently(lambda: _mails_with(doors, ESTHER)) or []
    told = mail_reports.tell(doors.stack, [mail_reports.said(mail, _word(mail)) for mail in mails])
    say(f"{told} words of the mail provider: one mailbox is gone, one person complained")
    # The next update is not sent to it then.
    _patiently(lambda: _bounced(doors, first[BOUNCED.id]))
    _update(doors, _ROOF, "The beams are up", "The carpenters finished a week early. Come and see on Sunday.")
    _update(doors, _WATER, "A second well", "What is left over pays for the drilling next to the clinic.")
    _update(doors, _ROOF, "Roof party", "Everybody who gave is invited.", schedule_at=_in_two_days())
    _as(doors, MIRIAM).mark_read(first[MIRIAM.id])
    doors.notify.describe_contact(BUSY.id, email=BUSY_MAIL, name=BUSY.name)
    _send(doors, [BUSY], _ROOF, "The beams are up", "The carpenters finished a week early.", channels=["email"])
    say(
        "5 people with wishes of their own; 3 updates sent, gathered and left out by them, 1 for the day after tomorrow"
    )


def _patiently(look: Callable[[], T | None]) -> T | None:
    """What `look` finds. On a machine that is too busy the demo starts without it."""
    end = time.monotonic() + PATIENCE_SECONDS
    while (found := look()) is None and time.monotonic() < end:
        time.sleep(0.1)
    return found


def _as(doors: Doors, person: Person) -> Notify:
    return Notify(doors.stack.ports.url("notify"), auth=doors.as_user(person.id), timeout=30)


def _wish(doors: Doors) -> None:
    _as(doors, MIRIAM).set_preferences(
        {("subscription", "email"): "daily", ("social", "email"): "weekly"}, timezone="Europe/London"
    )
    _as(doors, PETER).set_preferences(
        {("subscription", "email"): "weekly"},
        quiet_hours=ChangeQuietHours(enabled=True, start="22:00", end="07:00", email=True),
        timezone="America/New_York",
    )
    _as(doors, NAOMI).set_preferences({("subscription", "email"): "never"})
    _as(doors, ESTHER).set_preferences(consent=GiveConsent(granted=True, version="2026-01"))
    _as(doors, DANIEL).follow(_WATER.id)
    _as(doors, DANIEL).unfollow(_ROOF.id)


def _update(doors: Doors, campaign: DemoCampaign, title: str, text: str, **more: Any) -> dict[UUID, UUID]:
    """Tell everybody with an account; answers the notification of each."""
    return _send(doors, DONORS, campaign, title, text, **more)


def _send(doors: Doors, people: Any, campaign: DemoCampaign, title: str, text: str, **more: Any) -> dict[UUID, UUID]:
    name = demo_id(f"update/{campaign.title}/{title}")
    accepted = doors.notify.send(
        recipient_ids=[person.id for person in people],
        type="campaign_update",
        data={
            "campaign_id": str(campaign.id),
            "campaign_title": campaign.title,
            "update_id": str(name),
            "update_title": title,
            "update_content": text,
        },
        fact=f"update:{name}",
        **more,
    )
    return {one.recipient_id: one.notification_id for one in accepted.results}


def _in_two_days() -> datetime:
    return datetime.now(UTC).replace(hour=10, minute=0, second=0, microsecond=0) + timedelta(days=2)


def _mails_with(doors: Doors, person: Person) -> list[dict[str, Any]] | None:
    """Every mail in the sink, once the update to this person is among them."""
    found: list[dict[str, Any]] = httpx.get(f"{doors.stack.ports.url('mail')}/messages", timeout=30).json()
    there = any(person.email in mail["to"] and "The pump runs" in mail["subject"] for mail in found)
    return found if there else None


def _word(mail: dict[str, Any]) -> Word:
    if BOUNCED.email in mail["to"] and "The pump runs" in mail["subject"]:
        return "bounce"
    return "spamreport" if COMPLAINED.email in mail["to"] else "delivered"


def _bounced(doors: Doors, notification_id: UUID) -> bool | None:
    found = doors.notify.sent(notification_id)
    return any(one.status == "bounced" for one in found.deliveries) or None
