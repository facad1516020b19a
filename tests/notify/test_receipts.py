"""What a donor hears of a tax receipt."""

from __future__ import annotations

import uuid
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.conf import settings

from bh_sdk.events import ReceiptIssued
from bh_sdk.tokens import check_gift_link, check_receipt_link
from notify_svc.delivery.links import shown_to_staff
from notify_svc.delivery.models import Notification
from tests.notify.conftest import describe, hear, person, work
from tests.notify.mailbox import Mailbox, html, plain

pytestmark = pytest.mark.django_db


def receipt(**changes: Any) -> ReceiptIssued:
    facts: dict[str, Any] = {
        "receipt_id": uuid.uuid4(),
        "donor_id": uuid.uuid4(),
        "number": "BH-2026-000042",
        "kind": "standard",
        "year": 2026,
        "amount": "125.00",
        "currency": "GBP",
        "guest": False,
    }
    return ReceiptIssued.model_validate(facts | changes)


def link_in(mail: Any) -> Any:
    (address,) = [word.rstrip(".") for word in plain(mail).split() if "/receipts/" in word]
    return urlsplit(address)


@pytest.mark.parametrize("guest", [False, True])
def test_the_mail_leads_to_the_receipt_for_users_and_guests(mailbox: Mailbox, guest: bool) -> None:
    fact = receipt(guest=guest)
    describe(fact.donor_id, "ruth@example.org", "Ruth")
    hear(fact)
    work()
    (mail,) = mailbox.to("ruth@example.org")
    assert mail["Subject"] == "Your receipt BH-2026-000042 for £125.00"
    assert "Download the receipt" in html(mail)
    where = link_in(mail)
    assert where.path == f"/api/v1/payments/receipts/{fact.receipt_id}/pdf"
    (token,) = parse_qs(where.query)["link"]
    assert check_receipt_link(settings.BH_LINK_KEY, fact.receipt_id, token)
    assert not check_gift_link(settings.BH_LINK_KEY, fact.receipt_id, token)


def test_the_link_is_kept_nowhere(mailbox: Mailbox) -> None:
    donor = person()
    fact = receipt(donor_id=donor.sub)
    describe(donor.sub, "ruth@example.org", "Ruth")
    hear(fact)
    work()
    (token,) = parse_qs(link_in(mailbox.to("ruth@example.org")[0]).query)["link"]
    row = Notification.objects.get()
    assert token not in str(row.data)
    assert "link=" not in str(shown_to_staff(row))
    feed = donor("GET", f"/user/{donor.sub}").json()["results"]
    assert [entry["title"] for entry in feed] == ["Your tax receipt is ready"]
    assert token not in str(feed)


def test_each_time_it_is_asked_for_is_a_mail(mailbox: Mailbox) -> None:
    fact = receipt()
    describe(fact.donor_id, "ruth@example.org", "Ruth")
    hear(fact)
    hear(fact.model_copy(update={"resent": True}))
    work()
    assert sorted("once more" in plain(mail) for mail in mailbox.to("ruth@example.org")) == [False, True]
