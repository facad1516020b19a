"""Sending again what somebody says never came: once for each delivery, by the right people, to the address of now."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse

from notify_svc.delivery import looks
from notify_svc.delivery.models import Delivery, Notification
from notify_svc.preferences import commands as preferences
from notify_svc.tracking import commands as tracking
from notify_svc.tracking.models import ProviderEvent
from tests.notify.conftest import Campaign, describe, hear, succeeded, work
from tests.notify.mailbox import Mailbox
from tests.notify.test_admin import address, at_desk, button, frame
from tests.notify.test_sending import accept

pytestmark = pytest.mark.django_db
YES, BY_HTMX = {"_form_submitted": "on"}, {"HX-Request": "true"}


@pytest.fixture
def sent(mailbox: Mailbox) -> Delivery:
    """A mail that has left."""
    person = uuid.uuid4()
    describe(person, f"{person}@example.org", "Planted Person")
    delivery_id, _ = accept(person, channels=("email", "in_app"))
    work()
    assert len(mailbox.raw) == 1
    return Delivery.objects.get(id=delivery_id)


def resend(who: str, delivery: Delivery) -> Any:
    return at_desk(who).post(button(delivery, "resend"), YES, headers=BY_HTMX)


def refused(delivery: Delivery) -> None:
    before = Delivery.objects.count(), Notification.objects.count()
    assert resend("support", delivery).status_code == 200
    assert (Delivery.objects.count(), Notification.objects.count()) == before


def test_it_goes_again_once_to_the_address_of_now_and_both_pages_say_so(sent: Delivery, mailbox: Mailbox) -> None:
    describe(sent.recipient_id, "moved@example.org", "Planted Person")
    answer = resend("support", sent)
    again = Delivery.objects.exclude(id=sent.id).get(channel="email")
    assert answer.headers["HX-Redirect"] == address(again)
    assert resend("support", sent).headers["HX-Redirect"] == address(again)
    work()
    assert len(mailbox.raw) == 2
    (moved,) = mailbox.to("moved@example.org")
    assert str(again.id) in moved["Message-ID"]
    again.refresh_from_db()
    assert (again.status, again.notification.accepted_by != "system") == ("sent", True)
    # The feed holds it once.
    assert Notification.objects.filter(shown_at__isnull=False).count() == 1
    desk = at_desk("support")
    assert address(again) in desk.get(address(sent)).content.decode()
    assert address(sent) in desk.get(address(again)).content.decode()


@pytest.mark.parametrize("who", ["editor", "auditor", "analyst"])
def test_only_support_sends_again(who: str, sent: Delivery) -> None:
    assert resend(who, sent).status_code == 403
    assert Delivery.objects.filter(channel="email").count() == 1


def test_what_is_under_way_or_in_the_feed_is_not_sent_again(sent: Delivery) -> None:
    refused(Delivery.objects.get(channel="in_app"))
    (waiting,) = accept(uuid.uuid4())
    refused(Delivery.objects.get(id=waiting))
    page = at_desk("support").get(address(Delivery.objects.get(id=waiting))).content.decode()
    assert "Send again" not in page


def test_a_suppressed_address_has_to_be_released_first(sent: Delivery, mailbox: Mailbox) -> None:
    held = tracking.suppress(email=f"{sent.recipient_id}@example.org", note="Asked on the phone", by="staff")
    refused(sent)
    tracking.release(suppression_id=held.id, note="They wrote from it", by="staff")
    resend("support", sent)
    work()
    assert len(mailbox.raw) == 2


@pytest.mark.parametrize("frequency", ["never", "daily"])
def test_what_its_reader_wants_is_obeyed(sent: Delivery, frequency: Any) -> None:
    said = preferences.Said("api")
    choices = {(sent.notification.category, "email"): frequency}
    assert sent.notification.category == "subscription"
    preferences.change(user_id=sent.recipient_id, said=said, choices=choices)
    refused(sent)


def test_what_a_provider_says_in_whole_seconds_stands_after_its_try(sent: Delivery) -> None:
    try_at = sent.attempts.get().ended_at
    said = try_at.replace(microsecond=0)
    for kind, at in (("delivered", said), ("bounced", said + timedelta(seconds=30))):
        ProviderEvent.objects.create(
            id=uuid.uuid4(),
            provider="sendgrid",
            event_id=kind,
            kind=kind,
            at=at,
            received_at=at,
            delivery_id=sent.id,
            lasting=False,
        )
    moments = [one.what for one in looks.timeline(sent, page_of=str)]
    assert moments == ["Bounced", "Delivered", "Try 1: accepted", "Accepted"]


# --- who reads what people were told ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("who", "whole"), [("support", True), ("admin", True), ("editor", False), ("auditor", False)])
def test_names_in_messages_are_for_who_may_open_them(
    who: str, whole: bool, campaign: Campaign, mailbox: Mailbox
) -> None:
    describe(campaign.owner, "owner@example.org", "Grace Otieno")
    donor = succeeded(campaign)
    describe(donor.donor_id, "donor@example.org", "Planted Person")
    hear(donor)
    work()
    told = Delivery.objects.filter(recipient_id=campaign.owner)
    desk = at_desk(who)
    pages = [desk.get(address(row)).content.decode() for row in told]
    pages.append(desk.get(address(Notification.objects.get(recipient_id=campaign.owner))).content.decode())
    pages.append(desk.get(reverse("admin:notify_delivery_notification_changelist")).content.decode())
    assert [("Planted" in page) for page in pages] == [whole] * 4
    mail = told.get(channel="email")
    assert ("Planted" in frame(desk.get(address(mail)))) is whole


def test_support_finds_what_went_to_an_address_and_an_editor_does_not(sent: Delivery) -> None:
    query = {"q": f" {str(sent.recipient_id).upper()}@example.org "}
    for page in ("delivery", "notification"):
        place = reverse(f"admin:notify_delivery_{page}_changelist")
        assert str(sent.recipient_id) in at_desk("support").get(place, query).content.decode().partition("<tbody")[2]
        assert str(sent.recipient_id) not in at_desk("editor").get(place, query).content.decode().partition("<tbody")[2]


def test_a_contacts_page_leads_to_what_they_were_told_and_says_what_is_suppressed(sent: Delivery) -> None:
    tracking.suppress(email=f"{sent.recipient_id}@example.org", note="Asked on the phone", by="staff")
    page = at_desk("support").get(f"/admin/notify_audience/contact/{sent.recipient_id}/change/").content.decode()
    assert f"/admin/notify_delivery/delivery/?q={sent.recipient_id}" in page
    assert f"/admin/notify_preferences/person/?q={sent.recipient_id}" in page
    assert "suppressed since" in page
