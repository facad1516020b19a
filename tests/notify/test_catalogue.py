"""The catalogue of messages: the table, the words and what the service does say the same."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bh_sdk.events import (
    ReceiptIssued,
    ReceiptVoided,
    RecurringChanged,
    RefundApproved,
    RefundRejected,
    RefundRequested,
)
from bh_sdk.server.events import handlers
from notify_svc.delivery import catalogue, rules
from notify_svc.delivery.catalogue import BY_TYPE, TABLE
from notify_svc.delivery.models import Delivery, Notification
from notify_svc.wording import seeds
from notify_svc.wording.queries import Wordings
from tests.notify.conftest import Caller, Campaign, describe, failed, hear, person, refunded, succeeded, work
from tests.notify.mailbox import Mailbox, plain

SEEDS = list(seeds.seeds())
# MONOLITH's names and this service's promises.
PROMISED = {"campaign_update", "goal_reached", "milestone_reached", "campaign_ending", "update_reminder"} | {
    "recurring_processed",
    "welcome",
    "account_security",
    "maintenance",
}


def clock_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    """The clock of the service, to be set so much ahead."""
    file = tmp_path / "clock"
    monkeypatch.setenv("BH_CLOCK_FILE", str(file))

    def ahead(of: timedelta) -> None:
        file.write_text(str(of.total_seconds()))

    return ahead


def test_every_type_has_words_in_every_language_for_each_of_its_channels_and_no_others() -> None:
    shipped = {(seed.type, seed.source.channel, seed.source.locale) for seed in SEEDS}
    assert shipped == {
        (row.type, channel, locale) for row in TABLE for channel in row.channels for locale in seeds.LOCALES
    }
    assert {seed.type: seed.source.category for seed in SEEDS} == {row.type: row.category for row in TABLE}


def test_the_table_holds_what_was_promised_and_nothing_twice() -> None:
    assert BY_TYPE.keys() >= PROMISED
    assert len(BY_TYPE) == len(TABLE)
    for row in TABLE:
        assert {row.overtaken_by, row.only_after} - {""} <= BY_TYPE.keys()
        assert row.urgency in rules.PRIORITIES
        # What nobody may miss is never gathered or put off; what is urgent rings at night.
        assert row.urgency != "urgent" or row.category == "security"
        assert "sms" not in row.channels or row.urgency in ("high", "urgent")


def test_every_fact_of_the_table_has_a_listener() -> None:
    handlers.load()
    assert [kind.type for kind in catalogue.FACTS if not handlers.wanted(kind.type)] == []


@pytest.mark.django_db
@pytest.mark.parametrize("row", [row for row in TABLE if row.cause == catalogue.SEND], ids=lambda row: row.type)
def test_the_platform_asks_for_what_only_it_knows_and_its_data_is_checked(monolith: Caller, row: Any) -> None:
    (seed,) = (
        seed for seed in SEEDS if (seed.type, seed.source.channel, seed.source.locale) == (row.type, "in_app", "en")
    )
    data = {one.name: one.sample for one in seed.source.variables if one.sent}
    who = uuid.uuid4()
    accepted = monolith.send({"recipient_ids": [str(who)], "type": row.type, "data": data})
    assert accepted.status_code == 202
    told = Notification.objects.get()
    assert (told.category, told.priority) == (row.category, rules.PRIORITIES[row.urgency])
    assert told.expires_at == (told.created_at + row.lasts if row.lasts else None)
    refused = monolith.send({"recipient_ids": [str(who)], "type": row.type, "data": data | {"nonsense": 1}})
    assert (refused.status_code, refused.json()["code"]) == (422, "notification_data_invalid")
    for needed in [one.name for one in seed.source.variables if one.sent and one.required]:
        short = {name: value for name, value in data.items() if name != needed}
        refused = monolith.send({"recipient_ids": [str(who)], "type": row.type, "data": short})
        assert [error["pointer"] for error in refused.json()["errors"]] == [f"#/data/{needed}"]
    assert Notification.objects.count() == 1


@pytest.mark.django_db
def test_a_caller_may_say_that_it_is_less_urgent(monolith: Caller) -> None:
    body = {"recipient_ids": [str(uuid.uuid4())], "type": "account_security", "data": {"event": "new_sign_in"}}
    assert monolith.send(body | {"priority": "low"}).status_code == 202
    assert Notification.objects.get().priority == rules.PRIORITIES["low"]


@pytest.mark.django_db
def test_what_has_a_day_and_a_choice_takes_nothing_else(monolith: Caller) -> None:
    body: dict[str, Any] = {"recipient_ids": [str(uuid.uuid4())], "type": "maintenance"}
    for day in ("6 December 2026", "2026-13-01", "2026-12-06T00:00:00Z", 20261206, ""):
        refused = monolith.send(body | {"data": {"starts_on": day}})
        assert [error["pointer"] for error in refused.json()["errors"]] == ["#/data/starts_on"]
    for event in ("New sign-in", "", "new sign in", 1):
        refused = monolith.send(body | {"type": "account_security", "data": {"event": event}})
        assert [error["pointer"] for error in refused.json()["errors"]] == ["#/data/event"]


@pytest.mark.django_db
def test_a_period_of_a_recurring_gift_is_thanked_for_as_such_and_its_first_as_a_gift(campaign: Campaign) -> None:
    donor, recurring = uuid.uuid4(), uuid.uuid4()
    hear(succeeded(campaign, donor_id=donor, recurring_id=recurring))
    hear(succeeded(campaign, donor_id=donor, recurring_id=recurring, off_session=True))
    told = Notification.objects.filter(recipient_id=donor).order_by("created_at")
    assert [row.type for row in told] == ["gift.thank_you", "recurring_processed"]
    assert told[1].data["recurring_id"] == str(recurring)


@pytest.mark.django_db
@pytest.mark.parametrize("change", ["amount", "method", "paused", "resumed", "skipped"])
def test_each_change_of_a_recurring_gift_is_confirmed_in_its_words(
    campaign: Campaign, mailbox: Mailbox, change: Any
) -> None:
    donor = uuid.uuid4()
    describe(donor, "ruth@example.org")
    fact = RecurringChanged(
        recurring_id=uuid.uuid4(),
        campaign_id=campaign.id,
        donor_id=donor,
        amount="20.00",
        currency="GBP",
        interval="monthly",
        change=change,
        next_at=None if change == "paused" else datetime(2026, 12, 22, tzinfo=UTC),
    )
    event = hear(fact)
    hear(fact, event_id=event)
    work()
    (mail,) = mailbox.to("ruth@example.org")
    words = plain(mail)
    assert ("22 December 2026" in words) is (change != "paused")
    said = {"amount": "you now give £20.00 every month", "method": "the card you have just saved"} | {
        "paused": "Nothing is charged until",
        "resumed": "every month again",
        "skipped": "is left out",
    }
    assert said[change] in words


def refund(kind: Any, about: Any, **more: Any) -> Any:
    names = kind.model_fields
    return kind.model_validate({name: value for name, value in about.model_dump().items() if name in names} | more)


@pytest.mark.django_db
def test_a_refund_that_waits_for_a_second_person_is_followed_step_by_step(campaign: Campaign) -> None:
    done = refunded(campaign)
    types = (
        Notification.objects.filter(recipient_id=done.donor_id)
        .order_by("created_at", "id")
        .values_list("type", flat=True)
    )
    hear(refund(RefundRequested, done, reason="requested_by_customer", second_person=True))
    hear(refund(RefundApproved, done))
    hear(done)
    assert list(types) == ["refund.requested", "refund.approved", "refund.succeeded"]


@pytest.mark.django_db
def test_a_refund_that_goes_at_once_is_told_when_it_has_left(campaign: Campaign) -> None:
    done = refunded(campaign)
    hear(refund(RefundRequested, done, reason="requested_by_customer", second_person=False))
    hear(refund(RefundApproved, done))
    hear(refund(RefundRejected, done))
    assert not Notification.objects.exists()
    hear(done)
    assert Notification.objects.get().type == "refund.succeeded"


@pytest.mark.django_db
def test_a_guest_hears_of_a_refund_by_mail_with_a_signed_link(campaign: Campaign, mailbox: Mailbox) -> None:
    gift = succeeded(campaign, guest=True)
    describe(gift.donor_id, "guest@example.org")
    hear(gift)
    done = refunded(campaign, payment_id=gift.payment_id, donor_id=gift.donor_id, guest=True)
    hear(refund(RefundRequested, done, reason="requested_by_customer", second_person=True))
    hear(refund(RefundRejected, done))
    work()
    mails = {str(mail["Subject"]): plain(mail) for mail in mailbox.to("guest@example.org")}
    assert "link=" in mails["The refund of £10.00 was not approved"]
    assert not Notification.objects.filter(recipient_id=gift.donor_id, shown_at__isnull=False).exists()


@pytest.mark.django_db
def test_a_receipt_that_was_withdrawn_is_told_once(mailbox: Mailbox) -> None:
    donor = uuid.uuid4()
    describe(donor, "ruth@example.org")
    about = {
        "receipt_id": uuid.uuid4(),
        "donor_id": donor,
        "number": "BH-2026-000042",
        "kind": "standard",
        "year": 2026,
        "amount": "125.00",
        "currency": "GBP",
    }
    hear(ReceiptIssued.model_validate(about | {"guest": False}))
    for _ in range(2):
        hear(ReceiptVoided.model_validate(about))
    work()
    subjects = sorted(str(mail["Subject"]) for mail in mailbox.to("ruth@example.org"))
    assert subjects == ["Your receipt BH-2026-000042 for £125.00", "Your receipt BH-2026-000042 no longer holds"]


@pytest.mark.django_db
def test_what_failed_is_not_sent_when_it_is_a_week_old(
    campaign: Campaign, mailbox: Mailbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    donor = uuid.uuid4()
    hear(failed(campaign, donor_id=donor))
    clock_of(tmp_path, monkeypatch)(timedelta(days=7))
    describe(donor, "late@example.org")
    work()
    assert mailbox.to("late@example.org") == []
    assert Delivery.objects.get(recipient_id=donor, channel="email").reason == "expired"


@pytest.mark.django_db
def test_every_language_is_spoken_and_its_amounts_and_days_are_its_own(campaign: Campaign, mailbox: Mailbox) -> None:
    said = {"en": "£1,250.50", "es": "1.250,50", "fr": "1 250,50", "ar": "1,250.50"}
    for locale in seeds.LOCALES:
        donor = person()
        describe(donor.sub, f"{locale}@example.org", "Ruth", locale=locale)
        hear(succeeded(campaign, donor_id=donor.sub, amount="1250.50", charged="1250.50"))
    work()
    for locale in seeds.LOCALES:
        (mail,) = mailbox.to(f"{locale}@example.org")
        assert Wordings("gift.thank_you").pick("email", locale)
        assert said[locale] in plain(mail).replace("\u202f", " ").replace("\u00a0", " ")
