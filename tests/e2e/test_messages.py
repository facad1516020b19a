"""Messages from their desk to their reader and back: words that two people let speak, a mail that comes back, a digest at nine
on the reader's own clock, a stream that goes on after its program was killed.

Needs Chromium. With `BH_SHOTS=folder` the pictures of `docs/staff/messages.md` and `docs/staff/templates.md` are taken anew.
"""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import httpx
from playwright.sync_api import Browser, Page

from deploy.local import clock, mail_reports
from tests.e2e.desk import at_the_desk, press, send, words
from tests.e2e.scene import AT_MOST, Campaign, a_campaign, feed_of, one_mail
from tests.stack import House, until

SHOTS = os.environ.get("BH_SHOTS")


def shot(page: Page, name: str) -> None:
    if SHOTS:
        page.wait_for_timeout(400)
        page.screenshot(path=Path(SHOTS) / f"{name}.png")


def a_reader(house: House, *, zone: str = "UTC") -> tuple[UUID, str]:
    """Somebody with an account and a mail address."""
    reader = uuid4()
    address = f"reader.{reader.hex[:12]}@demo.test"
    house.doors.notify.describe_contact(reader, email=address, name="Ruth Adler", timezone=zone)
    return reader, address


def tell(house: House, reader: UUID, campaign: Campaign, title: str, **more: Any) -> UUID:
    """News of a campaign; answers the notification."""
    data = {
        "campaign_id": str(campaign.id),
        "campaign_title": campaign.title,
        "update_id": str(uuid4()),
        "update_title": title,
        "update_content": "Since Tuesday there is water at the school.",
    }
    accepted = house.doors.notify.send(recipient_ids=[reader], type="campaign_update", data=data, **more)
    return accepted.results[0].notification_id


def state(house: House, notification_id: UUID) -> tuple[str, str]:
    """How the mail of a notification stands, and why."""
    (mail,) = [one for one in house.doors.notify.sent(notification_id).deliveries if one.channel == "email"]
    return mail.status, mail.reason


def wait_for(house: House, notification_id: UUID, wanted: tuple[str, str]) -> None:
    until(lambda: state(house, notification_id) == wanted, f"the mail to be {wanted}", seconds=AT_MOST)


# --- words ------------------------------------------------------------------------------------------------------------


TYPE = "appeal.filed"


def test_one_writes_another_publishes_and_the_next_mail_carries_it(house: House, browser: Browser) -> None:
    said = f"We have your appeal, number {uuid4().hex[:8]}"
    (reader, address), desk = a_reader(house), f"{house.url('notify')}/admin/notify_wording"
    ((template_id, variables),) = house.rows(
        "notify",
        "SELECT t.id, v.variables FROM notify_wording_template t JOIN notify_wording_templateversion v"
        " ON v.template_id = t.id WHERE t.type = %s AND t.channel = 'email' AND t.locale = 'en' AND v.state = 'live'",
        TYPE,
    )
    data = {one["name"]: one["sample"] for one in variables if one.get("sent", True)}

    with at_the_desk(browser, house, "editor", service="notify") as page:
        page.goto(f"{desk}/template/{template_id}/change/")
        press(page, "Write a new version", note="Says the number")
        send(page, "Begin")
        write(page, said)
        version = page.url
        press(page, "Hand in for review")
        send(page, "Hand in for review")
        assert "somebody else" in words(page).lower()
        assert page.locator("[hx-get]").filter(has_text="Publish").count() == 0
        assert said in words(page)
        shot(page, "version")
    with at_the_desk(browser, house, "support", service="notify") as page:
        page.goto(version)
        assert said in words(page)
        assert page.locator("[hx-get]").filter(has_text="Publish").count() == 0
        assert page.request.post(version.replace("change/", "publish/")).status == 403
    with at_the_desk(browser, house, "admin", service="notify") as page:
        page.goto(version)
        press(page, "Publish")
        send(page, "Publish")
        assert "Published" in words(page)

    accepted = house.doors.notify.send(recipient_ids=[reader], type=TYPE, data=data)
    mail = one_mail(house, address, "the mail in the new words")
    assert mail["subject"] == said
    with at_the_desk(browser, house, "support", service="notify") as page:
        ((delivery_id,),) = house.rows(
            "notify",
            "SELECT id FROM notify_delivery_delivery WHERE notification_id = %s AND channel = 'email'",
            accepted.results[0].notification_id,
        )
        page.goto(f"{house.url('notify')}/admin/notify_delivery/delivery/{delivery_id}/change/")
        assert said in words(page)


def write(page: Page, said: str) -> None:
    """Change the subject in the editor, see it in the preview, and go on to the version's page."""
    page.wait_for_selector("[data-editor]")
    page.fill("[name=subject]", said)
    until(lambda: page.locator("[data-subject]").inner_text() == said, "the preview", seconds=AT_MOST)
    shot(page, "editor")
    page.fill("[name=html]", page.input_value("[name=html]") + "{{ amonut }}")
    until(lambda: "amonut" in page.locator("[data-findings]").inner_text(), "the finding", seconds=AT_MOST)
    page.fill("[name=html]", page.input_value("[name=html]").replace("{{ amonut }}", ""))
    with page.expect_navigation():
        page.click("[data-done]")


# --- a mail that comes back -------------------------------------------------------------------------------------------


def test_a_mail_comes_back_nothing_follows_it_until_the_address_is_released(house: House, browser: Browser) -> None:
    campaign, (reader, address) = a_campaign(house), a_reader(house)
    first = tell(house, reader, campaign, "The pump runs")
    mail = one_mail(house, address, "the first mail")
    events = [mail_reports.said(mail, "bounce")]
    assert mail_reports.tell(house.stack, events) == 1
    wait_for(house, first, ("bounced", "bounced"))
    assert mail_reports.tell(house.stack, events) == 0

    second = tell(house, reader, campaign, "A second well")
    assert state(house, second) == ("failed", "suppressed")
    assert forged(house, mail) == 403

    with at_the_desk(browser, house, "support", service="notify") as page:
        desk = f"{house.url('notify')}/admin"
        page.goto(f"{desk}/notify_delivery/delivery/?q={address}")
        shot(page, "deliveries")
        page.locator("tr").filter(has_text=re.compile("bounced", re.IGNORECASE)).locator("a").first.click()
        page.wait_for_load_state()
        assert "The mailbox sent it back" in words(page)
        shot(page, "delivery")
        first_page = page.url
        press(page, "Send again")
        page.get_by_role("button", name="Send again", exact=True).last.click()
        until(lambda: "until it is released" in words(page), "the refusal", seconds=AT_MOST)
        page.goto(f"{desk}/notify_audience/contact/{reader}/change/")
        page.get_by_text("suppressed since").wait_for()
        page.goto(f"{desk}/notify_tracking/suppression/?q={address}")
        page.locator("table tbody a").first.click()
        page.wait_for_load_state()
        press(page, "Release the address", note="Ruth wrote from it this morning.")
        shot(page, "release")
        send(page, "Release the address")
        assert "Ruth wrote from it this morning." in words(page)
        shot(page, "suppression")
        page.goto(first_page)
        press(page, "Send again")
        send(page, "Send again")
        assert "It is on its way again" in words(page)
        assert len(until(lambda: two(house.mails(address)), "the mail to come again", seconds=AT_MOST)) == 2
        page.reload()
        shot(page, "again")
    subjects = [mail["subject"] for mail in house.mails(address)]
    assert subjects == [f"{campaign.title}: The pump runs"] * 2


def two(mails: list[dict[str, Any]]) -> list[dict[str, Any]] | None:
    return mails if len(mails) > 1 else None


def forged(house: House, mail: dict[str, Any]) -> int:
    """A stranger says that a mail arrived."""
    return httpx.post(
        f"{house.url('notify')}/api/v1/notifications/webhooks/sendgrid",
        content=json.dumps([mail_reports.said(mail, "delivered")]),
        headers={
            "X-Twilio-Email-Event-Webhook-Signature": "MEUCIQ==",
            "X-Twilio-Email-Event-Webhook-Timestamp": str(int(datetime.now(UTC).timestamp())),
        },
        timeout=30,
        trust_env=False,
    ).status_code


# --- wishes -----------------------------------------------------------------------------------------------------------

ZONE = "America/New_York"


def test_news_is_gathered_until_nine_on_the_readers_own_clock_without_what_was_read(
    house: House, browser: Browser
) -> None:
    campaign, (reader, address) = a_campaign(house), a_reader(house, zone=ZONE)
    tell(house, reader, campaign, "The pump runs")
    mail = one_mail(house, address, "the first mail")
    choose_daily(browser, page_of(mail))
    kept = [tell(house, reader, campaign, title) for title in ("A second well", "Roof party")]
    read = tell(house, reader, campaign, "Read in the app")
    assert state(house, read) == ("canceled", "digested")
    with feed_of(house, reader) as feed:
        feed.mark_read(read)
    with at_nine(house, ZONE):
        digest = until(
            lambda: next((one for one in house.mails(address) if one["id"] != mail["id"]), None),
            "the digest",
            seconds=AT_MOST,
        )
    assert "A second well" in digest["text"]
    assert "Roof party" in digest["text"]
    assert "Read in the app" not in digest["text"]
    assert [state(house, one) for one in kept] == [("canceled", "digested")] * 2
    assert len(house.mails(address)) == 2


def page_of(mail: dict[str, Any]) -> str:
    """The link to the page of choices in a mail."""
    found = re.search(r'http://[^"]+/preferences/[^"]+', mail["html"])
    assert found is not None, mail["html"][-500:]
    return found.group()


def choose_daily(browser: Browser, address: str) -> None:
    """On a phone, behind the link in the mail, without signing in."""
    page = browser.new_page(viewport={"width": 390, "height": 800})
    page.goto(address)
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide == 0
    page.select_option("[name='subscription.email']", "daily")
    shot(page, "choices")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Saved.").wait_for()
    page.close()


@contextmanager
def at_nine(house: House, zone: str) -> Iterator[None]:
    """The stack's clock, moved on to the next nine o'clock of a place."""
    now = datetime.now(ZoneInfo(zone))
    nine = now.replace(hour=9, minute=0, second=5, microsecond=0)
    nine += timedelta(days=nine <= now)
    clock.move(house.stack, f"+{(nine.astimezone(UTC) - now.astimezone(UTC)).seconds}s")
    try:
        yield
    finally:
        clock.move(house.stack, "0")


# --- the stream -------------------------------------------------------------------------------------------------------


def test_a_stream_goes_on_where_it_was_after_its_program_was_killed(house: House) -> None:
    campaign, (reader, _) = a_campaign(house), a_reader(house)
    only = {"channels": ["in_app"]}
    tell(house, reader, campaign, "One", **only)
    with listening(house, reader) as heard:
        heard_first = next(heard)
        second = tell(house, reader, campaign, "Two", **only)
        entry, last = next(one for one in heard if one[0])
        assert (entry, heard_first[0]) == (str(second), "")
    old = house.pids()["notify-stream"]
    os.kill(old, signal.SIGKILL)
    third = tell(house, reader, campaign, "Three", **only)
    until(lambda: house.pids().get("notify-stream") not in (None, old), "the program to be started again")
    until(lambda: ready(house), "the program to be ready")
    with listening(house, reader, after=last) as heard:
        assert next(one for one in heard if one[0])[0] == str(third)


def ready(house: House) -> bool:
    try:
        return httpx.get(f"{house.url('stream')}/readyz", timeout=5, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


@contextmanager
def listening(house: House, reader: UUID, *, after: str = "") -> Iterator[Iterator[tuple[str, str]]]:
    """A stream as a browser hears it: (id of the entry or "", place to go on from) for each event that has a place."""
    with feed_of(house, reader) as feed:
        ticket = feed.stream_ticket()
    with httpx.stream(
        "GET",
        str(ticket.url),
        params={"ticket": ticket.ticket},
        headers={"Last-Event-ID": after} if after else {},
        timeout=httpx.Timeout(10, read=AT_MOST),
        trust_env=False,
    ) as answer:
        assert answer.status_code == 200
        yield events(answer.iter_lines())


def events(lines: Iterator[str]) -> Iterator[tuple[str, str]]:
    place = kind = ""
    for line in lines:
        name, _, value = line.partition(": ")
        if name == "id":
            place = value
        elif name == "event":
            kind = value
        elif name == "data":
            yield (json.loads(value)["id"] if kind == "entry" else ""), place
