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
from tests.notify.conftest import (
    Campaign,
    describe,
    failed,
    hear,
    person,
    refund_failed,
    refunded,
    scored,
    succeeded,
    work,
)
from tests.notify.mailbox import Mailbox, html, plain

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
    words = html(thanks[0])
    assert "Thank you, Ruth Boaz" in words
    assert f"{settings.BH_SITE_URL}/gifts/{gift.payment_id}" in words
    assert "£25.00" in plain(thanks[0])
    feed = donor("GET", f"/user/{donor.sub}").json()
    assert (feed["unread_count"], [entry["title"] for entry in feed["results"]]) == (1, ["Thank you for your gift"])
    assert supporters(campaign.id) == [donor.sub]


def test_a_guest_gets_a_mail_with_a_signed_link_and_no_feed(campaign: Campaign, mailbox: Mailbox) -> None:
    gift = succeeded(campaign, guest=True)
    describe(gift.donor_id, "guest@example.org")
    hear(gift)
    work()
    (mail,) = mailbox.to("guest@example.org")
    words = plain(mail)
    link = urlsplit(next(word for word in words.split() if f"/gifts/{gift.payment_id}" in word))
    assert check_gift_link(settings.BH_LINK_KEY, gift.payment_id, parse_qs(link.query)["link"][0])
    assert "Thank you." in words
    thanks = Notification.objects.get(recipient_id=gift.donor_id)
    assert (thanks.shown_at, [d.channel for d in thanks.deliveries.all()]) == (None, ["email"])
    assert "link=" not in str(thanks.data)
    assert supporters(campaign.id) == []


def test_a_donor_with_an_account_gets_a_link_without_a_signature(campaign: Campaign, mailbox: Mailbox) -> None:
    gift = succeeded(campaign)
    describe(gift.donor_id, "ruth@example.org")
    hear(gift)
    work()
    assert "link=" not in mailbox.to("ruth@example.org")[0].as_string()


def test_an_anonymous_donor_is_someone(campaign: Campaign, mailbox: Mailbox) -> None:
    gift = succeeded(campaign, anonymous=True)
    describe(gift.donor_id, "ruth@example.org", "Ruth Boaz")
    describe(campaign.owner, "naomi@example.org")
    hear(gift)
    work()
    (mail,) = mailbox.to("naomi@example.org")
    assert mail["Subject"] == "Someone gave £25.00 to Clean water for Kibera"
    assert "Ruth" not in mail.as_string()
    row = Notification.objects.get(type="gift.received")
    assert (row.title, row.mentions) == ("Someone gave £25.00", None)
    assert str(gift.donor_id) not in str(row.data)


def test_a_named_donor_can_be_found_again_where_others_read_the_name(campaign: Campaign) -> None:
    gift = succeeded(campaign)
    describe(gift.donor_id, "ruth@example.org", "Ruth Boaz")
    hear(gift)
    row = Notification.objects.get(type="gift.received")
    assert (row.title, row.mentions) == ("Ruth Boaz gave £25.00", gift.donor_id)


@pytest.mark.parametrize(
    "name", ["Win at http://evil.example", "www.evil.example", "evil.com prizes", "a@b.example", "<b>x</b>"]
)
def test_a_name_that_advertises_reaches_nobodys_mailbox(campaign: Campaign, mailbox: Mailbox, name: str) -> None:
    gift = succeeded(campaign)
    describe(gift.donor_id, "ruth@example.org", name)
    describe(campaign.owner, "naomi@example.org")
    hear(gift)
    work()
    assert mailbox.to("naomi@example.org")[0]["Subject"].startswith("A donor gave")
    assert not any(name in plain(mail) for mail in mailbox.mails)


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [("500", "JPY", "¥500"), ("1250.50", "USD", "$1,250.50"), ("1.250", "KWD", "KWD\u00a01.250")],
)
def test_amounts_are_written_as_their_currency_is(
    campaign: Campaign, mailbox: Mailbox, amount: str, currency: str, shown: str
) -> None:
    gift = succeeded(campaign, amount=amount, charged=amount, currency=currency)
    describe(gift.donor_id, "ruth@example.org")
    hear(gift)
    work()
    assert shown in plain(mailbox.to("ruth@example.org")[0])


def test_covered_fees_are_told_apart_from_the_gift(campaign: Campaign, mailbox: Mailbox) -> None:
    gift = succeeded(campaign, charged="25.95")
    describe(gift.donor_id, "ruth@example.org")
    hear(gift)
    work()
    words = plain(mailbox.to("ruth@example.org")[0])
    assert "£25.00" in words
    assert "£25.95" in words


def test_a_fact_heard_twice_is_told_once(campaign: Campaign, mailbox: Mailbox) -> None:
    gift = succeeded(campaign)
    describe(gift.donor_id, "ruth@example.org")
    event_id = hear(gift)
    hear(gift, event_id=event_id)
    work()
    hear(gift, event_id=uuid.uuid4())
    work()
    assert len(mailbox.raw) == 1
    assert Notification.objects.filter(recipient_id=gift.donor_id).count() == 1
    assert Delivery.objects.filter(recipient_id=gift.donor_id).count() == 2


def test_a_fact_waits_for_its_campaign_and_is_told_when_it_is_known(db: None, mailbox: Mailbox) -> None:
    from notify_svc.audience import commands
    from notify_svc.delivery.models import WaitingFact

    late = Campaign()
    gift = succeeded(late)
    describe(gift.donor_id, "ruth@example.org")
    hear(gift, event_id=(event_id := uuid.uuid4()))
    hear(gift, event_id=event_id)
    work()
    assert (Notification.objects.count(), WaitingFact.objects.count()) == (0, 1)
    commands.describe_campaign(campaign_id=late.id, title=late.title, owner_id=late.owner, currency="GBP")
    work()
    assert (len(mailbox.to("ruth@example.org")), WaitingFact.objects.count()) == (1, 0)
    assert Notification.objects.filter(recipient_id=late.owner, type="gift.received").count() == 1


def test_a_mail_waits_for_its_address_and_the_feed_does_not(campaign: Campaign, mailbox: Mailbox) -> None:
    donor = person()
    hear(succeeded(campaign, donor_id=donor.sub))
    work()
    assert mailbox.raw == []
    assert Delivery.objects.get(recipient_id=donor.sub, channel="email").status == "waiting"
    assert Delivery.objects.get(recipient_id=donor.sub, channel="in_app").status == "sent"
    assert donor("GET", f"/user/{donor.sub}").json()["unread_count"] == 1
    describe(donor.sub, "ruth@example.org")
    from notify_svc.delivery import tasks

    assert tasks.wake(recipient_id=str(donor.sub)) == 1
    work()
    assert len(mailbox.to("ruth@example.org")) == 1


def test_a_failed_payment_is_told_once_however_often_the_card_is_tried(campaign: Campaign, mailbox: Mailbox) -> None:
    donor = uuid.uuid4()
    describe(donor, "ruth@example.org")
    first = failed(campaign, donor_id=donor)
    hear(first)
    hear(failed(campaign, donor_id=donor, payment_id=first.payment_id, reason="expired_card"))
    work()
    assert (len(mailbox.raw), Notification.objects.count()) == (1, 1)
    assert "did not hold enough" in plain(mailbox.mails[0])


def test_who_has_given_is_not_told_of_the_try_that_failed(campaign: Campaign, mailbox: Mailbox) -> None:
    donor = uuid.uuid4()
    describe(donor, "ruth@example.org")
    gift = succeeded(campaign, donor_id=donor)
    hear(gift)
    hear(failed(campaign, donor_id=donor, payment_id=gift.payment_id))
    work()
    assert [mail["X-BH-Type"] for mail in mailbox.to("ruth@example.org")] == ["gift.thank_you"]
    assert not Notification.objects.filter(type="gift.failed").exists()


def test_a_failure_mail_that_was_overtaken_by_success_is_not_sent(campaign: Campaign, mailbox: Mailbox) -> None:
    donor = uuid.uuid4()
    describe(donor, "ruth@example.org")
    first = failed(campaign, donor_id=donor)
    hear(first)
    hear(succeeded(campaign, donor_id=donor, payment_id=first.payment_id))
    work()
    assert [mail["X-BH-Type"] for mail in mailbox.to("ruth@example.org")] == ["gift.thank_you"]
    overtaken = Delivery.objects.get(notification__type="gift.failed", channel="email")
    assert (overtaken.status, overtaken.reason) == ("canceled", "overtaken")


def test_a_refund_is_told_to_the_donor_alone_and_each_one_once(campaign: Campaign, mailbox: Mailbox) -> None:
    refund = refunded(campaign)
    describe(refund.donor_id, "ruth@example.org")
    hear(refund)
    hear(refund)
    hear(refunded(campaign, donor_id=refund.donor_id, payment_id=refund.payment_id))
    work()
    assert [mail["Subject"] for mail in mailbox.mails] == ["£10.00 is on its way back to you"] * 2
    assert not Notification.objects.filter(recipient_id=campaign.owner).exists()


def test_a_refund_that_came_back_is_told_to_the_donor_once(campaign: Campaign, mailbox: Mailbox) -> None:
    donor = person()
    describe(donor.sub, "ruth@example.org", "Ruth Boaz")
    hear(succeeded(campaign, donor_id=donor.sub, payment_id=(payment_id := uuid.uuid4())))
    hear(refund := refunded(campaign, donor_id=donor.sub, payment_id=payment_id))
    work()
    hear(refund_failed(refund))
    hear(refund_failed(refund))
    work()
    mail = mailbox.to("ruth@example.org")[-1]
    assert mail["Subject"] == "Your refund of £10.00 could not reach your bank"
    words = plain(mail)
    assert "Dear Ruth Boaz" in words
    assert "looking into it" in words
    assert f"{settings.BH_SITE_URL}/gifts/{payment_id}" in words
    assert "lost_or_stolen_card" not in mail.as_string()
    told = Notification.objects.get(type="refund.failed")
    assert (told.recipient_id, told.category) == (donor.sub, "transactional")
    entries = donor("GET", f"/user/{donor.sub}").json()["results"]
    assert "Your refund could not reach your bank" in [entry["title"] for entry in entries]


def test_a_guest_whose_refund_came_back_gets_a_mail_with_a_signed_link_and_no_feed(
    campaign: Campaign, mailbox: Mailbox
) -> None:
    gift = succeeded(campaign, guest=True)
    describe(gift.donor_id, "guest@example.org")
    hear(gift)
    hear(refund := refunded(campaign, donor_id=gift.donor_id, payment_id=gift.payment_id, guest=True))
    hear(refund_failed(refund))
    work()
    (mail,) = [mail for mail in mailbox.to("guest@example.org") if mail["X-BH-Type"] == "refund.failed"]
    link = urlsplit(next(word for word in plain(mail).split() if f"/gifts/{gift.payment_id}" in word))
    assert check_gift_link(settings.BH_LINK_KEY, gift.payment_id, parse_qs(link.query)["link"][0])
    told = Notification.objects.get(type="refund.failed")
    assert (told.guest, told.shown_at, [d.channel for d in told.deliveries.all()]) == (True, None, ["email"])


def test_a_refund_that_never_went_out_and_was_not_told_fails_in_silence(campaign: Campaign) -> None:
    hear(refund_failed(refunded(campaign), reversed=False))
    assert not Notification.objects.exists()


def test_a_refund_that_was_told_is_taken_back_however_it_failed(campaign: Campaign) -> None:
    hear(refund := refunded(campaign))
    hear(refund_failed(refund, reversed=False))
    assert Notification.objects.filter(type="refund.failed", recipient_id=refund.donor_id).count() == 1


@pytest.mark.parametrize("failed_first", [False, True])
def test_a_refund_that_came_back_before_it_was_told_is_not_promised(
    campaign: Campaign, mailbox: Mailbox, failed_first: bool
) -> None:
    refund = refunded(campaign)
    describe(refund.donor_id, "ruth@example.org")
    facts = [refund, refund_failed(refund)]
    for fact in reversed(facts) if failed_first else facts:
        hear(fact)
    work()
    assert [mail["X-BH-Type"] for mail in mailbox.to("ruth@example.org")] == ["refund.failed"]


@pytest.mark.parametrize("order", [("gift", "refund"), ("refund", "gift")])
def test_a_gift_taken_back_in_full_makes_no_supporter(campaign: Campaign, order: tuple[str, str]) -> None:
    gift = succeeded(campaign)
    facts = {"gift": gift, "refund": refunded(campaign, payment_id=gift.payment_id, donor_id=gift.donor_id, full=True)}
    for name in order:
        hear(facts[name])
    assert supporters(campaign.id) == []


def test_a_refund_that_came_back_makes_a_supporter_again(campaign: Campaign) -> None:
    gift = succeeded(campaign)
    whole = refunded(campaign, payment_id=gift.payment_id, donor_id=gift.donor_id, full=True)
    for fact in (gift, whole, refund_failed(whole, reversed=False)):
        hear(fact)
    assert supporters(campaign.id) == []
    for _ in range(2):
        hear(refund_failed(whole, reversed=True))
    assert supporters(campaign.id) == [gift.donor_id]
    hear(refunded(campaign, payment_id=gift.payment_id, donor_id=gift.donor_id, full=True))
    assert supporters(campaign.id) == []


def test_a_change_of_tier_is_told_to_the_owner_alone(campaign: Campaign, mailbox: Mailbox) -> None:
    describe(campaign.owner, "naomi@example.org")
    hear(scored(campaign))
    work()
    (mail,) = mailbox.mails
    assert mail["Subject"] == "Clean water for Kibera is now Trusted"
    assert {row.recipient_id for row in Notification.objects.all()} == {campaign.owner}


@pytest.mark.parametrize(
    "changes",
    [
        {"tier": "STEADY", "previous_tier": "STEADY"},
        {"previous_tier": None, "previous_score": None},
        {"entity_kind": "user"},
    ],
)
def test_any_other_change_of_a_score_is_told_to_nobody(campaign: Campaign, changes: dict[str, str | None]) -> None:
    hear(scored(campaign, **changes))
    assert Notification.objects.count() == 0


def test_the_log_tells_of_each_delivery_once_and_names_nobody(campaign: Campaign, mailbox: Mailbox) -> None:
    gift = succeeded(campaign)
    describe(gift.donor_id, "planted.person@example.org", "Planted Person")
    hear(gift)
    work()
    work()
    facts = RecordedEvent.objects.filter(type="notifications.delivery.sent.v1")
    mine = [fact for fact in facts if fact.payload["recipient_id"] == str(gift.donor_id)]
    assert sorted(fact.payload["channel"] for fact in mine) == ["email", "in_app"]
    assert not any("lanted" in str(fact.payload) for fact in facts)
