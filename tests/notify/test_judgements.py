"""What people hear of trust's decisions: the right person, once, and nothing that is not theirs to know."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest

from bh_sdk.events import (
    AppealDecided,
    AppealFiled,
    CaseDecided,
    HoldLifted,
    HoldPlaced,
    OverrideEnded,
    OverridePlaced,
    ReportDecided,
    ReportFiled,
    VerificationEnded,
    VerificationEnding,
    VerificationGranted,
    VerificationRefused,
    VerificationRequested,
)
from notify_svc.audience import commands as audience
from notify_svc.delivery import tasks
from notify_svc.delivery.models import Notification, WaitingFact
from tests.notify.conftest import Campaign, describe, hear, scored, work
from tests.notify.mailbox import Mailbox, html, plain

pytestmark = pytest.mark.django_db

REPORTER, UNTIL = uuid.uuid4(), datetime(2026, 12, 24, 12, tzinfo=UTC)
VERIFIED = {"request_id": None, "item": "identity"}
APPEAL = {"appeal_id": uuid.uuid4(), "against": "hold"}


def told(kind: Any, campaign: Campaign | None, person: uuid.UUID | None = None, /, **more: Any) -> Any:
    """A fact of trust about a campaign, or about a person."""
    about = {
        "entity_kind": "campaign" if campaign else "user",
        "entity_id": campaign.id if campaign else person,
        "owner_id": campaign.owner if campaign else person,
    }
    names = kind.model_fields
    return kind.model_validate({name: value for name, value in (about | more).items() if name in names})


TO_THE_OWNER: list[Any] = [
    (CaseDecided, {"case_id": uuid.uuid4(), "outcome": "confirmed"}, "We found a problem", "another look"),
    (HoldPlaced, {"hold_id": uuid.uuid4()}, "are stopped for now", "No payouts are made"),
    (HoldLifted, {"hold_id": uuid.uuid4()}, "go on", "You need do nothing"),
    (VerificationGranted, VERIFIED | {"expires_at": UNTIL}, "The identity of", "until 24 December 2026"),
    (VerificationGranted, VERIFIED | {"expires_at": None}, "is verified", "until further notice"),
    (VerificationRefused, VERIFIED, "could not verify the identity", "Your request says why"),
    (VerificationEnding, VERIFIED | {"expires_at": UNTIL}, "ends on 24 December 2026", "Renew it before then"),
    (VerificationEnded, VERIFIED | {"revoked": False}, "verification of the identity is over", "has run out"),
    (
        VerificationEnded,
        VERIFIED | {"revoked": True},
        "verification of the identity is over",
        "taken back by our staff",
    ),
    (
        OverridePlaced,
        {"override_id": uuid.uuid4(), "what": "tier", "expires_at": UNTIL},
        "have set the trust tier",
        "until 24 December 2026",
    ),
    (OverrideEnded, {"override_id": uuid.uuid4(), "because": "expired"}, "counts again", "You need do nothing"),
    (OverrideEnded, {"override_id": uuid.uuid4(), "because": "revoked"}, "counts again", "You need do nothing"),
]


@pytest.mark.parametrize(("kind", "more", "subject", "words"), TO_THE_OWNER)
def test_the_owner_of_a_campaign_is_told_once_and_nobody_else(
    campaign: Campaign, mailbox: Mailbox, kind: Any, more: dict[str, Any], subject: str, words: str
) -> None:
    describe(campaign.owner, "naomi@example.org", "Naomi")
    fact, event_id = told(kind, campaign, **more), uuid.uuid4()
    for _ in range(2):
        hear(fact, event_id=event_id)
    work()
    (mail,) = mailbox.mails
    assert mail["To"] is not None
    assert "naomi@example.org" in str(mail["To"])
    assert subject in str(mail["Subject"])
    assert words in plain(mail)
    assert "Dear Naomi" in plain(mail)
    assert campaign.title in plain(mail)
    assert f"/campaigns/{campaign.id}/trust" in html(mail)
    row = Notification.objects.get()
    assert (row.recipient_id, row.category) == (campaign.owner, "transactional")
    assert row.title


@pytest.mark.parametrize(("kind", "more", "subject", "words"), TO_THE_OWNER)
def test_a_person_is_told_of_what_is_about_themselves(
    mailbox: Mailbox, kind: Any, more: dict[str, Any], subject: str, words: str
) -> None:
    person = uuid.uuid4()
    describe(person, "ruth@example.org")
    hear(told(kind, None, person, **more))
    work()
    (mail,) = mailbox.mails
    assert "ruth@example.org" in str(mail["To"])
    assert words in plain(mail)
    assert "your profile" in f"{mail['Subject']} {plain(mail)}".casefold()
    assert "/profile/trust" in plain(mail)
    assert not WaitingFact.objects.exists()


@pytest.mark.parametrize(
    ("outcome", "words", "never"),
    [
        ("upheld", "You were right to tell us", "nothing that breaks"),
        ("dismissed", "nothing that breaks", "right to tell"),
    ],
)
@pytest.mark.parametrize("about", ["campaign", "user"])
def test_whoever_reported_hears_the_outcome_and_nothing_of_the_owner(
    campaign: Campaign, mailbox: Mailbox, outcome: str, words: str, never: str, about: str
) -> None:
    describe(REPORTER, "jonah@example.org", "Jonah")
    describe(campaign.owner, "naomi@example.org", "Naomi Private")
    fact = told(
        ReportDecided,
        campaign if about == "campaign" else None,
        campaign.owner,
        report_id=uuid.uuid4(),
        reporter_id=REPORTER,
        kind="fraud",
        outcome=outcome,
    )
    for _ in range(2):
        hear(fact)
    work()
    (mail,) = mailbox.mails
    assert "jonah@example.org" in str(mail["To"])
    assert words in plain(mail)
    assert never not in plain(mail)
    assert "Naomi" not in plain(mail) + html(mail)
    assert Notification.objects.get().recipient_id == REPORTER


def test_whoever_reported_hears_anew_when_the_decision_is_taken_back(campaign: Campaign, mailbox: Mailbox) -> None:
    describe(REPORTER, "jonah@example.org", "Jonah")
    report = {"report_id": uuid.uuid4(), "reporter_id": REPORTER, "kind": "fraud"}
    for outcome in ("upheld", "dismissed", "dismissed"):
        hear(told(ReportDecided, campaign, outcome=outcome, **report))
    work()
    right, taken_back = mailbox.mails
    assert "You were right to tell us" in plain(right)
    assert "nothing that breaks" in plain(taken_back)


def test_nobody_else_ever_hears_who_reported(campaign: Campaign) -> None:
    report = {"report_id": uuid.uuid4(), "kind": "fraud"}
    hear(told(ReportFiled, campaign, **report))
    assert not Notification.objects.exists()
    hear(told(ReportDecided, campaign, reporter_id=REPORTER, outcome="upheld", **report))
    hear(told(CaseDecided, campaign, case_id=uuid.uuid4(), outcome="confirmed"))
    hear(told(HoldPlaced, campaign, hold_id=uuid.uuid4()))
    for row in Notification.objects.exclude(recipient_id=REPORTER):
        assert str(REPORTER) not in f"{row.data}{row.body}{row.title}{row.dedupe}{row.mentions}"
    assert Notification.objects.exclude(recipient_id=REPORTER).count() == 2


@pytest.mark.parametrize(
    ("outcome", "words"),
    [("upheld", "the decision stands"), ("adjusted", "right in part"), ("reversed", "the decision is taken back")],
)
def test_whoever_appealed_hears_when_and_what(campaign: Campaign, mailbox: Mailbox, outcome: str, words: str) -> None:
    asker = uuid.uuid4()
    describe(asker, "ruth@example.org", "Ruth")
    for _ in range(2):
        hear(told(AppealFiled, campaign, filed_by=asker, due_at=UNTIL, **APPEAL))
    work()
    assert "by 24 December 2026" in plain(mailbox.mails[0])
    hear(told(AppealDecided, campaign, filed_by=asker, outcome=outcome, **APPEAL))
    work()
    filed, decided = mailbox.mails
    assert "the hold of" in plain(filed)
    assert words in plain(decided)
    assert {row.recipient_id for row in Notification.objects.all()} == {asker}


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        (CaseDecided, {"case_id": uuid.uuid4(), "outcome": "false"}),
        (CaseDecided, {"case_id": uuid.uuid4(), "outcome": "valuable"}),
        (OverrideEnded, {"override_id": uuid.uuid4(), "because": "replaced"}),
        (VerificationRequested, VERIFIED),
    ],
)
def test_what_is_no_news_is_told_to_nobody(campaign: Campaign, kind: Any, more: dict[str, Any]) -> None:
    hear(told(kind, campaign, **more))
    hear(told(kind, None, campaign.owner, **more))
    assert not Notification.objects.exists()


def test_a_hold_lifted_before_anybody_looked_is_told_as_lifted_alone(campaign: Campaign, mailbox: Mailbox) -> None:
    describe(campaign.owner, "naomi@example.org")
    hold = uuid.uuid4()
    hear(told(HoldPlaced, campaign, hold_id=hold))
    hear(told(HoldLifted, campaign, hold_id=hold))
    work()
    assert ["go on" in str(mail["Subject"]) for mail in mailbox.mails] == [True]


def test_a_decision_about_a_campaign_not_known_yet_waits_for_it() -> None:
    late = Campaign()
    hear(told(HoldPlaced, late, hold_id=uuid.uuid4()))
    assert (Notification.objects.count(), WaitingFact.objects.count()) == (0, 1)
    audience.describe_campaign(campaign_id=late.id, title=late.title, owner_id=late.owner, currency="GBP")
    tasks.tell_waiting()
    assert Notification.objects.get().recipient_id == late.owner


def test_a_tier_that_staff_moved_is_not_praised_as_earned(campaign: Campaign) -> None:
    hear(scored(campaign, by_hand=True))
    assert not Notification.objects.exists()
