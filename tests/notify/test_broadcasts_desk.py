"""The desk of broadcasts and mailings: an editor writes, another approves, support pauses, stops and takes back."""

from __future__ import annotations

import html
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from bh_sdk.server.access.models import Staff
from bh_sdk.server.ops import clock
from notify_svc.audience.commands import describe_campaign
from notify_svc.broadcasts import queries
from notify_svc.broadcasts.models import Broadcast, Step
from notify_svc.delivery import tasks
from notify_svc.delivery.models import Mailing, Notification
from tests.notify.conftest import Caller, Campaign, work
from tests.notify.mailbox import Mailbox
from tests.notify.test_accepting import told
from tests.notify.test_admin import address, at_desk, button
from tests.notify.test_api import ask as asking
from tests.notify.test_broadcasts import WORDS, approved, asked, draft, readers
from tests.notify.test_sending import UPDATE

pytestmark = pytest.mark.django_db
WRITTEN = {f"say_{name}": text for name, text in WORDS.items()}


def editor(name: str) -> Client:
    """An editor of their own."""
    client = Client()
    client.force_login(
        Staff.objects.get_or_create(
            username=name,
            defaults={"sub": uuid.uuid4(), "roles": ["editor"], "password": "!", "email": f"{name}@demo.test"},
        )[0]
    )
    return client


def press(client: Client, row: Any, name: str, **form: Any) -> Any:
    return client.post(button(row, name), form | {"_form_submitted": "on"}, headers={"HX-Request": "true"})


def page(client: Client, row: Any) -> str:
    answer = client.get(address(row))
    assert answer.status_code == 200
    return str(answer.content.decode())


def begin(client: Client) -> Broadcast:
    form = {"title": "The year", "type": "broadcast.news", "_form_submitted": "on"}
    place = reverse("admin:notify_broadcasts_broadcast_compose")
    assert client.post(place, form, headers={"HX-Request": "true"}).status_code == 200
    return Broadcast.objects.get()


def test_a_broadcast_goes_its_whole_way_through_the_desk(campaign: Campaign, mailbox: Mailbox) -> None:
    people = readers(campaign, 3)
    edith, eve = editor("edith"), editor("eve")
    row = begin(edith)
    assert "Next: its words and its audience." in page(edith, row)
    press(edith, row, "write", **WRITTEN, channels=["email", "in_app"])
    press(edith, row, "address_to", audience="donors", campaign="clean water")
    press(edith, row, "plan", per_minute="600")
    shown = page(edith, row)
    assert "It is complete" in shown
    assert "donors of Clean water for Kibera" in shown
    assert WORDS["headline"] in shown
    assert "Ask to send to 3 people?" in edith.get(button(row, "ask"), headers={"HX-Request": "true"}).content.decode()
    press(edith, row, "ask", note="For New Year")
    assert "You had a hand in it" in page(edith, row)
    dialog = eve.get(button(row, "approve"), headers={"HX-Request": "true"}).content.decode()
    assert "Send to 3 people?" in dialog
    row.refresh_from_db()
    assert "HX-Redirect" in press(eve, row, "approve", revision=str(row.revision)).headers
    assert tasks.expand() == 3
    work()
    assert (told(), len(mailbox.raw)) == (people, 3)
    after = page(eve, row)
    assert "Everybody told" in after
    assert "For New Year" in after
    assert "edith" in after
    assert "@example.org" not in after


def test_whoever_wrote_it_has_no_button_and_is_refused_at_its_address(campaign: Campaign) -> None:
    readers(campaign, 1)
    edith = editor("edith")
    row = asked(campaign, by=str(Staff.objects.get(username="edith").sub))
    assert button(row, "approve") not in page(edith, row)
    answer = press(edith, row, "approve", revision=str(row.revision))
    assert "somebody else does" in answer.content.decode()
    row.refresh_from_db()
    assert (row.status, Mailing.objects.count()) == ("asked", 0)


@pytest.mark.parametrize("who", ["support", "analyst", "finance", "auditor"])
def test_only_editors_write_and_approve(who: str, campaign: Campaign) -> None:
    readers(campaign, 1)
    row = asked(campaign)
    for name in ("write", "address_to", "plan", "ask", "approve", "send_back", "drop", "try_out"):
        assert press(at_desk(who), row, name, note="Because", revision="9").status_code == 403
    assert at_desk(who).get(address(row)).status_code == (200 if who in ("support", "auditor") else 403)
    row.refresh_from_db()
    assert (row.status, Step.objects.filter(kind="approved").exists()) == ("asked", False)


@pytest.mark.parametrize(("who", "may"), [("support", True), ("editor", True), ("auditor", False), ("finance", False)])
def test_support_and_editors_pause_and_stop(who: str, may: bool, campaign: Campaign, mailbox: Mailbox) -> None:
    readers(campaign, 2)
    row = approved(campaign)
    for name, stage in (("pause", "paused"), ("resume", "sending"), ("stop", "stopping")):
        assert press(at_desk(who), row, name, note="Wrong date").status_code == (200 if may else 403)
        assert queries.stage(row) == (stage if may else "sending")


def test_what_is_wrong_is_said_beside_its_field_and_nothing_is_written(campaign: Campaign) -> None:
    edith = editor("edith")
    row = begin(edith)
    for name, form, said in (
        ("write", {"say_headline": "x", "channels": "email"}, "This field is required"),
        (
            "write",
            WRITTEN | {"say_button_url": "javascript:x", "channels": "email"},
            "Must be an http or https address",
        ),
        ("address_to", {"audience": "donors", "campaign": "nothing"}, "We know no campaign"),
        ("address_to", {"audience": "donors"}, "Say which campaign"),
        ("address_to", {"audience": "listed", "ids": "ruth@example.org"}, "are no ids"),
        ("address_to", {"audience": "listed"}, "Name the people"),
        ("plan", {"per_minute": "0"}, "greater than or equal to 1"),
        ("plan", {"expires_at": "2020-01-01T00:00"}, "is not after the time of sending"),
    ):
        answer = press(edith, row, name, **form).content.decode()
        assert said in answer, (name, form)
    row.refresh_from_db()
    assert (row.data, row.audience, row.revision) == ({}, "", 1)


def test_several_campaigns_that_fit_are_named(campaign: Campaign) -> None:
    other = uuid.uuid4()
    describe_campaign(campaign_id=other, title="Clean water for Kisumu", owner_id=uuid.uuid4(), currency="GBP")
    edith = editor("edith")
    row = begin(edith)
    answer = press(edith, row, "address_to", audience="donors", campaign="Clean water").content.decode()
    assert str(other) in answer
    assert "HX-Redirect" in press(edith, row, "address_to", audience="donors", campaign=str(other)).headers


def test_a_pasted_list_is_an_audience(campaign: Campaign) -> None:
    people = readers(campaign, 3)
    edith = editor("edith")
    row = begin(edith)
    press(edith, row, "address_to", audience="listed", ids="\n".join(map(str, people)), languages=["en", "fr"])
    row.refresh_from_db()
    assert (row.estimate["people"], row.languages) == (3, ["en", "fr"])
    press(edith, row, "address_to", audience="listed", languages=["fr"])
    before = row.list_id
    row.refresh_from_db()
    assert (row.list_id, row.estimate["people"]) == (before, 0)


def test_a_test_mail_goes_to_the_editors_own_address(campaign: Campaign, mailbox: Mailbox) -> None:
    row = draft(campaign)
    assert "HX-Redirect" in press(editor("edith"), row, "try_out", locale="en").headers
    assert len(mailbox.to("edith@demo.test")) == len(mailbox.raw) == 1


def test_the_list_shows_how_far_each_is_and_is_narrowed_by_state(campaign: Campaign) -> None:
    readers(campaign, 4)
    approved(campaign)
    asked(campaign)
    tasks.expand()
    place = reverse("admin:notify_broadcasts_broadcast_changelist")
    whole = at_desk("support").get(place).content.decode()
    assert "4 of 4 (100 %)" in whole
    assert "Waits for approval" in whole
    only = at_desk("support").get(place, {"stage": "asked"}).content.decode()
    assert "4 of 4" not in only


# --- mailings ---------------------------------------------------------------------------------------------------------


def test_what_the_api_sent_to_many_is_listed_with_who_asked_and_taken_back(
    monolith: Caller, mailbox: Mailbox, campaign: Campaign
) -> None:
    people = readers(campaign, 3)
    monolith.send(asking(*people))
    monolith.send(asking(people[0]))
    (row,) = Mailing.objects.all()
    assert (row.audience, row.reached, row.accepted_by) == ("named", 3, "monolith")
    listed = at_desk("support").get(reverse("admin:notify_delivery_mailing_changelist")).content.decode()
    assert "monolith" in listed
    assert "3 of 3" in listed
    assert "HX-Redirect" in press(at_desk("support"), row, "cancel").headers
    tasks.expand()
    work()
    row.refresh_from_db()
    assert (row.status, len(mailbox.raw)) == ("canceled", 1)
    assert Notification.objects.filter(canceled_at=None).count() == 1


def test_a_repeated_call_is_one_mailing(monolith: Caller, campaign: Campaign) -> None:
    people, key = readers(campaign, 2), uuid.uuid4()
    for _ in range(2):
        monolith.send(asking(*people), key)
    assert Mailing.objects.count() == 1


@pytest.mark.parametrize("who", ["editor", "auditor", "finance"])
def test_only_support_takes_a_mailing_back(who: str, monolith: Caller, campaign: Campaign) -> None:
    monolith.send(asking(*readers(campaign, 2)))
    row = Mailing.objects.get()
    assert press(at_desk(who), row, "cancel").status_code == 403
    row.refresh_from_db()
    assert row.status == "done"


def test_a_broadcasts_mailing_is_stopped_at_its_broadcast(campaign: Campaign) -> None:
    readers(campaign, 1)
    row = Mailing.objects.get(dedupe=f"broadcast:{approved(campaign).id}")
    assert button(row, "cancel") not in page(at_desk("support"), row)
    assert press(at_desk("support"), row, "cancel").status_code == 403
    row.refresh_from_db()
    assert row.status == "open"


def test_no_caller_of_the_api_sees_or_takes_back_a_broadcast(monolith: Caller, campaign: Campaign) -> None:
    readers(campaign, 1)
    row = Mailing.objects.get(dedupe=f"broadcast:{approved(campaign).id}")
    assert monolith("GET", f"/mailings/{row.id}").status_code == 404
    assert monolith("POST", f"/mailings/{row.id}/cancel").status_code == 404


def test_a_mailing_whose_time_is_over_is_told_of_to_its_caller(monolith: Caller, campaign: Campaign) -> None:
    readers(campaign, 1)
    soon = (clock.now() + timedelta(hours=1)).isoformat()
    about = {"kind": "donors", "campaign_id": str(campaign.id)}
    body = {"audience": about, "type": "campaign_update", "data": UPDATE, "expires_at": soon}
    mailing_id = monolith.send(body).json()["mailing"]["mailing_id"]
    Mailing.objects.update(order={**Mailing.objects.get().order, "expires_at": clock.now().isoformat()})
    tasks.expand()
    assert monolith("GET", f"/mailings/{mailing_id}").json()["status"] == "expired"
    assert not Notification.objects.exists()


@pytest.mark.parametrize(("who", "status"), [("support", 200), ("editor", 200), ("auditor", 200), ("finance", 403)])
def test_the_report_of_broadcasts_is_for_the_desks_that_see_them(who: str, status: int, campaign: Campaign) -> None:
    people = readers(campaign, 2)
    approved(campaign)
    draft(campaign)
    tasks.expand()
    answer = at_desk(who).get("/staff/reports/broadcasts", {"format": "csv"}, follow=True)
    assert answer.status_code == status
    if status == 200:
        head, *rows = answer.getvalue().decode().splitlines()
        states = {line.split(",")[head.split(",").index("state")] for line in rows}
        assert (len(rows), states) == (2, {"sent", "draft"})
        assert not any(str(one) in "".join(rows) for one in people)


def test_the_page_shows_the_words_in_the_language_that_its_address_names(campaign: Campaign) -> None:
    row = draft(campaign)
    edith = editor("edith")
    assert 'lang="en"' in html.unescape(page(edith, row))
    french = html.unescape(edith.get(address(row), {"in": "fr"}).content.decode())
    assert 'lang="fr"' in french
    assert "Ne plus recevoir ces messages" in french
    assert 'lang="en"' in html.unescape(edith.get(address(row), {"in": "nothing"}).content.decode())
