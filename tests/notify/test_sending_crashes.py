"""A worker is killed at any statement to the database and at any call of a provider: nothing is lost, and nothing goes twice
that must not."""

from __future__ import annotations

import itertools
import uuid
from uuid import UUID

import pytest

from bh_sdk.server.events.models import RecordedEvent
from notify_svc.audience.commands import describe_campaign, describe_contact
from notify_svc.delivery import claims, commands, mailings, rules, sending, ways
from notify_svc.delivery.models import Delivery, Notification
from notify_svc.delivery.orders import Order
from notify_svc.preferences.commands import Said, follow
from tests.notify.crashes import Carrier, drain, killed_at, recover
from tests.notify.test_sending import REFUSED_GIFT, UPDATE

pytestmark = pytest.mark.django_db
# Of either kind more than are begun at once, so that every kind of statement comes up between two letters.
EACH = 2


@pytest.fixture(autouse=True)
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Results and marks are put down after so few letters that a small batch goes through all of it."""
    monkeypatch.setattr(sending, "PORTION", 3)
    monkeypatch.setattr(sending, "BEGUN", 2)


@pytest.fixture
def carrier(monkeypatch: pytest.MonkeyPatch) -> Carrier:
    carrier = Carrier()
    monkeypatch.setattr(ways, "providers", lambda: [carrier])
    return carrier


def accept_some() -> tuple[set[UUID], set[UUID]]:
    """Accept a few receipts and a few news; their deliveries."""
    found: list[set[UUID]] = []
    for type, data in (("gift.failed", REFUSED_GIFT), ("campaign_update", UPDATE)):
        people = [uuid.uuid4() for _ in range(EACH)]
        for person in people:
            describe_contact(user_id=person, email=f"{person}@example.org")
        keys = [f"{type}:{person}" for person in people]
        commands.accept(
            [
                Order(recipient_id=person, type=type, data=data, dedupe=key, channels=("email",))
                for person, key in zip(people, keys, strict=True)
            ],
            by="test",
        )
        found.append(set(Delivery.objects.filter(notification__dedupe__in=keys).values_list("id", flat=True)))
    return found[0], found[1]


def judge(carrier: Carrier, receipts: set[UUID], news: set[UUID], *, accident: str) -> None:
    """After one accident and a quiet day."""
    told = {row.id: row for row in Delivery.objects.all()}
    assert all(carrier.taken[one] >= 1 for one in receipts), f"a receipt was lost: {accident}"
    again = sum(carrier.taken[one] - 1 for one in receipts)
    assert again <= 1, f"more than the one in the worker's hand went twice: {accident}"
    assert all(carrier.taken[one] <= 1 for one in news), f"news went twice: {accident}"
    assert {told[one].status for one in receipts} == {"sent"}, accident
    for one in news:
        row = told[one]
        if row.status == "sent":
            assert carrier.taken[one] == 1, f"said to be sent and was not: {accident}"
        else:
            assert (row.status, row.reason) == ("failed", rules.FATE_UNKNOWN), accident
    facts = RecordedEvent.objects.filter(aggregateid__in=receipts | news).values_list("aggregateid", "type")
    assert len(facts) == len(set(facts)) == len(receipts | news), f"a fact was not told once: {accident}"


def settle_everything() -> None:
    recover()
    drain()
    Delivery.objects.filter(status="unknown").update(due_at="2020-01-01T00:00:00Z")
    claims.give_up_unknown()


def test_killed_at_any_statement(carrier: Carrier) -> None:
    """One batch after another, each with a worker that dies one statement later, until one lives through it."""
    for statement in itertools.count(1):
        carrier.taken.clear()
        receipts, news = accept_some()
        died = killed_at(statement, lambda: sending.send_batch("email"))
        settle_everything()
        judge(carrier, receipts, news, accident=f"killed at statement {statement}")
        if not died:
            break
    assert statement > 15


@pytest.mark.parametrize("with_letter", [False, True], ids=["before it is taken", "after it was taken"])
@pytest.mark.parametrize("call", range(1, 2 * EACH + 1))
def test_killed_at_any_call_of_the_provider(carrier: Carrier, call: int, with_letter: bool) -> None:
    receipts, news = accept_some()
    carrier.dies_at, carrier.with_letter = call, with_letter
    assert killed_at(-1, lambda: sending.send_batch("email"))
    settle_everything()
    judge(carrier, receipts, news, accident=f"killed at call {call}")


def test_killed_at_any_statement_while_it_takes_over_from_one_that_died(carrier: Carrier) -> None:
    for statement in itertools.count(1):
        carrier.taken.clear()
        receipts, news = accept_some()
        carrier.asked, carrier.dies_at, carrier.with_letter = 0, EACH + 1, True
        assert killed_at(-1, lambda: sending.send_batch("email"))
        died = killed_at(statement, recover)
        settle_everything()
        judge(carrier, receipts, news, accident=f"the sweep killed at statement {statement}")
        if not died:
            break
    assert statement > 4


def test_an_audience_is_told_once_whatever_statement_kills_its_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mailings, "PAGE", 3)
    campaign_id = UUID(UPDATE["campaign_id"])
    describe_campaign(campaign_id=campaign_id, title="Water", owner_id=uuid.uuid4(), currency="GBP")
    people = {uuid.uuid4() for _ in range(7)}
    for person in people:
        describe_contact(user_id=person, email=f"{person}@example.org")
        follow(user_id=person, campaign_id=campaign_id, following=True, said=Said("api"))
    for statement in itertools.count(1):
        mailing = mailings.send_to_audience(
            audience_kind="followers",
            campaign_id=campaign_id,
            type="campaign_update",
            data=UPDATE,
            key=str(uuid.uuid4()),
            by="test",
        )
        died = killed_at(statement, mailings.expand)
        mailings.expand()
        told = Notification.objects.filter(dedupe__startswith=f"mailing:{mailing.id}:")
        recipients = list(told.values_list("recipient_id", flat=True))
        assert sorted(recipients) == sorted(people), f"killed at statement {statement}"
        mailing.refresh_from_db()
        assert (mailing.status, mailing.reached) == ("done", len(people)), f"killed at statement {statement}"
        assert Delivery.objects.filter(notification__in=told).count() == 2 * len(people)
        if not died:
            break
    assert statement > 30
