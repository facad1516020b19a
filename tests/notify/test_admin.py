"""The staff's pages: who sees what, previews, and the way of a draft to everybody's mailbox."""

from __future__ import annotations

import re
import uuid
from html.parser import HTMLParser
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from bh_sdk.server.access.models import Staff
from notify_svc.audience.models import Contact
from notify_svc.delivery.models import Delivery, Notification
from notify_svc.wording.models import Template, TemplateVersion
from tests.notify.conftest import Campaign, describe, hear, succeeded, work
from tests.notify.mailbox import Mailbox

pytestmark = pytest.mark.django_db


def at_desk(name: str) -> Client:
    client = Client()
    staff, _ = Staff.objects.get_or_create(
        username=name, defaults={"sub": uuid.uuid4(), "roles": [name], "password": "!"}
    )
    client.force_login(staff)
    return client


def address(row: Any, page: str = "change") -> str:
    return reverse(f"admin:{row._meta.label_lower.replace('.', '_')}_{page}", args=[row.pk])


class Frames(HTMLParser):
    """The frames of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[dict[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "iframe":
            self.found.append(dict(attrs))


def frame(page: Any) -> str:
    """What stands in the sandboxed frame of a page."""
    frames = Frames()
    frames.feed(page.content.decode())
    (found,) = frames.found
    assert found["sandbox"] in ("", None)
    return found["srcdoc"] or ""


LISTS = {
    "notify_wording_template": {"support", "editor", "admin"},
    "notify_wording_templateversion": {"support", "editor", "admin"},
    "notify_wording_layout": {"support", "editor", "admin"},
    "notify_delivery_delivery": {"support", "editor", "admin"},
    "notify_delivery_notification": {"support", "editor", "admin"},
    "notify_delivery_waitingfact": {"support", "editor", "admin"},
    "notify_tracking_suppression": {"support", "editor", "admin"},
    "notify_tracking_providerevent": {"support", "editor", "admin"},
    "notify_audience_campaign": {"support", "editor", "admin"},
    "notify_providers_provider": {"support", "editor", "admin"},
    "notify_audience_contact": {"support", "admin"},
    "notify_retention_removal": {"support", "editor", "admin"},
    "notify_retention_request": {"support", "admin"},
}


@pytest.mark.parametrize("page", LISTS)
@pytest.mark.parametrize("who", ["support", "editor", "admin", "finance", "analyst"])
def test_each_desk_sees_what_its_policies_say(who: str, page: str) -> None:
    answer = at_desk(who).get(reverse(f"admin:{page}_changelist"))
    assert answer.status_code == (200 if who in LISTS[page] else 403)


def test_nobody_may_add_change_or_delete_by_form(campaign: Campaign) -> None:
    hear(succeeded(campaign))
    client = at_desk("admin")
    for row in (
        Delivery.objects.all()[0],
        Notification.objects.all()[0],
        Template.objects.all()[0],
        TemplateVersion.objects.all()[0],
    ):
        assert client.get(reverse(f"admin:{row._meta.label_lower.replace('.', '_')}_add")).status_code == 403
        assert client.post(address(row, "delete"), {"post": "yes"}).status_code == 403
        assert client.post(address(row), {"status": "sent"}).status_code == 403
    assert set(Delivery.objects.values_list("status", flat=True)) <= {"queued", "waiting"}


def test_a_template_is_shown_as_its_reader_sees_it() -> None:
    template = Template.objects.get(type="gift.thank_you", channel="email", locale="en")
    page = at_desk("editor").get(address(template))
    assert page.status_code == 200
    assert "Thank you, Ruth" in frame(page)
    assert "£25.00" in frame(page)


def test_a_delivery_is_shown_with_its_words_and_tries_but_without_name_and_key(
    campaign: Campaign, mailbox: Mailbox
) -> None:
    gift = succeeded(campaign, guest=True)
    describe(gift.donor_id, "planted@example.org", "Planted Person")
    hear(gift)
    work()
    client = at_desk("support")
    delivery = Delivery.objects.get(recipient_id=gift.donor_id)
    page = client.get(address(delivery))
    assert page.status_code == 200
    assert "Try 1: accepted" in page.content.decode()
    assert f"/gifts/{gift.payment_id}" in frame(page)
    assert not re.search("Planted|link=", page.content.decode())
    assert client.get(address(delivery.notification)).status_code == 200
    found = client.get(reverse("admin:notify_delivery_delivery_changelist"), {"q": str(delivery.id)})
    assert str(gift.donor_id) in found.content.decode()


def test_a_feed_entry_is_no_mail_to_staff(campaign: Campaign, mailbox: Mailbox) -> None:
    gift = succeeded(campaign)
    describe(gift.donor_id, "ruth@example.org")
    hear(gift)
    work()
    pages = {
        row.channel: at_desk("support").get(address(row)).content.decode()
        for row in Delivery.objects.filter(recipient_id=gift.donor_id, status="sent")
    }
    assert "It is in the feed." in pages["in_app"]
    assert not re.search("mail server|Message-ID", pages["in_app"])
    assert "The mail server took it." in pages["email"]
    assert "the Message-ID of the mail" in pages["email"]


def test_a_contact_is_found_by_its_address_and_shown_masked() -> None:
    describe(someone := uuid.uuid4(), "Planted@Example.org", "Planted Person")
    describe(other := uuid.uuid4(), "other@example.org")
    client = at_desk("support")
    found = client.get(
        reverse("admin:notify_audience_contact_changelist"), {"q": "planted@example.ORG"}
    ).content.decode()
    assert str(someone) in found
    assert str(other) not in found
    page = client.get(address(Contact.objects.get(user_id=someone))).content.decode()
    assert "P•••@Example.org" in page
    assert "lanted" not in page


def button(row: Any, name: str) -> str:
    label = row._meta.label_lower.replace(".", "_")
    return reverse(f"admin:{label}_{name}", args=[row.pk])
