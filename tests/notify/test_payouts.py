"""What an organiser hears of a payout."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from bh_sdk.events import PayoutApproved, PayoutFailed, PayoutPaid, PayoutRejected, PayoutRequested
from notify_svc.delivery.models import Notification
from tests.notify.conftest import Campaign, describe, hear, work
from tests.notify.mailbox import Mailbox, html, plain

pytestmark = pytest.mark.django_db


def told(kind: Any, campaign: Campaign, **more: Any) -> Any:
    facts = {
        "payout_id": uuid.uuid4(),
        "campaign_id": campaign.id,
        "owner_id": campaign.owner,
        "amount": "412.50",
        "currency": "GBP",
    }
    return kind.model_validate(facts | more)


@pytest.mark.parametrize(
    ("kind", "more", "subject", "words"),
    [
        (PayoutPaid, {"method": "stripe_transfer"}, "£412.50 of Clean water for Kisumu", "account at Stripe"),
        (PayoutPaid, {"method": "bank_transfer"}, "£412.50 of Clean water for Kisumu", "by bank transfer"),
        (PayoutRejected, {}, "was not approved", "stays with your campaign"),
        (PayoutFailed, {"reason": "reversed"}, "could not reach you", "with your campaign again"),
    ],
)
def test_the_organiser_is_told(
    campaign: Campaign, mailbox: Mailbox, kind: Any, more: dict[str, Any], subject: str, words: str
) -> None:
    describe(campaign.owner, "naomi@example.org", "Naomi")
    fact = told(kind, campaign, **more)
    for _ in range(2):
        hear(fact)
    work()
    (mail,) = mailbox.to("naomi@example.org")
    title = str(Notification.objects.get().data["campaign_title"])
    assert subject.replace("Clean water for Kisumu", title) in str(mail["Subject"])
    assert words in plain(mail)
    assert f"/campaigns/{campaign.id}/payouts/{fact.payout_id}" in html(mail)


@pytest.mark.parametrize(
    ("kind", "more"), [(PayoutRequested, {}), (PayoutApproved, {}), (PayoutRejected, {"withdrawn": True})]
)
def test_what_they_did_themselves_or_will_hear_of_anyway_is_no_news(
    campaign: Campaign, kind: Any, more: dict[str, Any]
) -> None:
    hear(told(kind, campaign, **more))
    assert not Notification.objects.exists()


def test_money_that_came_back_before_the_news_left_is_not_promised(campaign: Campaign, mailbox: Mailbox) -> None:
    describe(campaign.owner, "naomi@example.org", "Naomi")
    payout_id = uuid.uuid4()
    hear(told(PayoutPaid, campaign, method="bank_transfer", payout_id=payout_id))
    hear(told(PayoutFailed, campaign, reason="bank_returned", payout_id=payout_id))
    work()
    assert ["could not reach you" in str(mail["Subject"]) for mail in mailbox.to("naomi@example.org")] == [True]
