"""What people hear of a gift, from the fact to the mail."""

from __future__ import annotations

import uuid
from urllib.parse import parse_qs, urlsplit

import pytest
from django.conf import settings

from bh_sdk.server.events.models import RecordedEvent
from bh_sdk.tokens import check_gift_link
from notify_svc.audience.queries import supporters
from notify_svc.delivery.models import Delivery, Notification
from tests.notify.conftest import Campaign, describe, failed, hear, person, refunded, scored, succeeded, work
from tests.notify.mailbox import Mailbox

pytestmark = pytest.mark.django_db


def test_a_gift_thanks_the_donor_and_tells_the_owner(campaign: Campaign, mailbox: Mailbox) -> None:
    donor = person()
    describe(donor.sub, "ruth@example.org", "Ruth Boaz")
    describe(campaign.owner, "naomi@example.org", "Naomi")
    gift = succeeded(campaign, donor_id=donor.sub)
    hear(gift)
    work()
    thanks = mailbox.to("ruth@example.org")
    assert [mail["Subject"] for mail in thanks] == ["Thank you for your gift to Clean water for Kibera"]
    received = mailbox.to("naomi@example.org")
    assert [mail["Subject"] for mail in received] == ["Ruth Boaz gave £25.00 to Clean water for Kibera"]
    delivery = Delivery.objects.get(channel="email", recipient_id=donor.sub)
    assert thanks[0]["Message-ID"] == f"<{delivery.id}@blessed-horizon.example>"
    assert (delivery.status, delivery.tries, [a.outcome for a in delivery.attempts.all()]) == ("sent", 1, ["accepted"])
    html = thanks[0].get_body(("html",)).get_content()
    assert "Thank you, Ruth Boaz" in html
    assert f"{settings.BH_SITE_URL}/gifts/{gift.payment_id}" in html
    assert "£25.00" in thanks[0].get_body(("plain",)).get_content()
    feed = donor("GET", f"/user/{donor.sub}").json()
    assert (feed["unread_count"], [entry["title"] for entry in feed["results"]]) == (1, ["Thank you for your gift"])
    assert supporters(campaign.id) == [donor.sub]
