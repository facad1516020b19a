"""What a donor hears of a recurring gift."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest

from bh_sdk.events import Fact, RecurringCardExpiring, RecurringChargeFailed, RecurringEnded, RecurringStarted
from notify_svc.delivery.models import Notification
from tests.notify.conftest import Caller, Campaign, describe, failed, hear, person, work
from tests.notify.mailbox import Mailbox, plain

pytestmark = pytest.mark.django_db
NEXT = datetime(2026, 12, 22, 10, tzinfo=UTC)


@pytest.fixture
def donor() -> Caller:
    somebody = person()
    describe(somebody.sub, "ruth@example.org", "Ruth Boaz")
    return somebody


def told(kind: type[Fact], campaign: Campaign, donor: Caller, **more: Any) -> Fact:
    common = {
        "recurring_id": uuid.uuid4(),
        "campaign_id": campaign.id,
        "donor_id": donor.sub,
        "amount": "20.00",
        "currency": "GBP",
        "interval": "monthly",
    }
    return kind.model_validate(common | more)


def charge_failed(campaign: Campaign, donor: Caller, **more: Any) -> Fact:
    rest = {"payment_id": uuid.uuid4(), "reason": "insufficient_funds", "tries": 1, "next_try_at": NEXT}
    return told(RecurringChargeFailed, campaign, donor, **rest | more)


@pytest.mark.parametrize(
    ("kind", "more", "subject", "words"),
    [
        (RecurringStarted, {"next_at": NEXT}, "You now give to Clean water for Kibera every month", "22 December 2026"),
        (
            RecurringCardExpiring,
            {"expires": "2026-11"},
            "The card for your gift to Clean water for Kibera expires",
            "11/2026",
        ),
        (
            RecurringEnded,
            {"why": "canceled"},
            "Your recurring gift to Clean water for Kibera has ended",
            "as you wished",
        ),
        (
            RecurringEnded,
            {"why": "charges_failed"},
            "Your recurring gift to Clean water for Kibera has ended",
            "For a week",
        ),
        (
            RecurringEnded,
            {"why": "campaign_ended"},
            "Your recurring gift to Clean water for Kibera has ended",
            "no more gifts",
        ),
    ],
)
def test_the_donor_hears_of_it_once(
    campaign: Campaign,
    mailbox: Mailbox,
    donor: Caller,
    kind: type[Fact],
    more: dict[str, Any],
    subject: str,
    words: str,
) -> None:
    fact = told(kind, campaign, donor, **more)
    event = hear(fact)
    hear(fact, event_id=event)
    work()
    (mail,) = mailbox.to("ruth@example.org")
    assert mail["Subject"] == subject
    assert words in plain(mail)
    assert "£20.00" in plain(mail)
    assert f"/recurring/{fact.model_dump()['recurring_id']}" in plain(mail)
    assert Notification.objects.filter(recipient_id=donor.sub).count() == 1


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("insufficient_funds", "did not hold enough"),
        ("authentication_required", "pay it there"),
        ("generic_decline", "without saying why"),
    ],
)
def test_a_failed_charge_says_what_to_do_and_when_it_is_tried_again(
    campaign: Campaign, mailbox: Mailbox, donor: Caller, reason: str, words: str
) -> None:
    hear(charge_failed(campaign, donor, reason=reason))
    work()
    (mail,) = mailbox.to("ruth@example.org")
    assert mail["Subject"] == "Your gift to Clean water for Kibera could not be charged"
    assert words in plain(mail)
    assert "22 December 2026" in plain(mail)


def test_each_try_is_told_and_after_the_last_only_the_end(campaign: Campaign, mailbox: Mailbox, donor: Caller) -> None:
    payment = uuid.uuid4()
    for tries in (1, 2, 3):
        hear(charge_failed(campaign, donor, payment_id=payment, tries=tries))
    hear(charge_failed(campaign, donor, payment_id=payment, tries=4, next_try_at=None))
    hear(told(RecurringEnded, campaign, donor, why="charges_failed"))
    work()
    subjects = sorted(str(mail["Subject"]) for mail in mailbox.to("ruth@example.org"))
    assert subjects == ["Your gift to Clean water for Kibera could not be charged"] * 3 + [
        "Your recurring gift to Clean water for Kibera has ended"
    ]


def test_a_try_without_the_donor_is_not_told_of_twice(campaign: Campaign, mailbox: Mailbox, donor: Caller) -> None:
    hear(failed(campaign, donor_id=donor.sub, off_session=True))
    work()
    assert mailbox.to("ruth@example.org") == []
    assert Notification.objects.count() == 0
