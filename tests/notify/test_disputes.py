"""What an organiser hears of a dispute."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from bh_sdk.events import DisputeAnswered, DisputeClosed, DisputeOpened, FraudWarned
from notify_svc.delivery.models import Notification
from tests.notify.conftest import Campaign, describe, hear, work
from tests.notify.mailbox import Mailbox, html, plain

pytestmark = pytest.mark.django_db


def told(kind: Any, campaign: Campaign, **more: Any) -> Any:
    facts = {
        "payment_id": uuid.uuid4(),
        "campaign_id": campaign.id,
        "dispute_id": uuid.uuid4(),
        "donor_id": uuid.uuid4(),
        "amount": "25.00",
        "currency": "GBP",
        "reason": "fraudulent",
    }
    return kind.model_validate(facts | more)


@pytest.mark.parametrize(
    ("kind", "more", "subject", "words"),
    [
        (DisputeOpened, {}, "A gift of £25.00", "nothing you have to do"),
        (DisputeClosed, {"outcome": "won", "fee": "20.00"}, "stays with", "stays with your campaign"),
        (DisputeClosed, {"outcome": "lost", "fee": "20.00"}, "was taken back", "fee is ours"),
    ],
)
def test_the_organiser_is_told_and_nobody_else(
    campaign: Campaign, mailbox: Mailbox, kind: Any, more: dict[str, Any], subject: str, words: str
) -> None:
    describe(campaign.owner, "naomi@example.org", "Naomi")
    fact = told(kind, campaign, **more)
    for _ in range(2):
        hear(fact)
    work()
    (mail,) = mailbox.to("naomi@example.org")
    assert subject in str(mail["Subject"])
    assert words in plain(mail)
    assert f"/campaigns/{campaign.id}" in html(mail)
    assert Notification.objects.get().recipient_id == campaign.owner
    assert "20.00" not in plain(mail)


def test_a_decision_overtakes_the_news_of_the_dispute(campaign: Campaign, mailbox: Mailbox) -> None:
    describe(campaign.owner, "naomi@example.org", "Naomi")
    dispute_id = uuid.uuid4()
    hear(told(DisputeOpened, campaign, dispute_id=dispute_id))
    hear(told(DisputeClosed, campaign, dispute_id=dispute_id, outcome="won"))
    work()
    assert ["stays with" in str(mail["Subject"]) for mail in mailbox.to("naomi@example.org")] == [True]


@pytest.mark.parametrize("kind", [DisputeAnswered, FraudWarned])
def test_what_is_between_us_and_the_bank_is_no_news(campaign: Campaign, kind: Any) -> None:
    hear(told(kind, campaign))
    assert not Notification.objects.exists()
