"""Stripe's statement beside our ledger: what differs is found, once, worked by people, and goes by itself when it is gone."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction

from bh_sdk.errors import BHError, Invalid, SecondPersonNeeded
from bh_sdk.money import Money
from bh_sdk.server.ops import clock
from payments_svc.gateway.balance import BalanceTransaction, BankPayout, StripeStatement
from payments_svc.gateway.errors import OutcomeUnknown
from payments_svc.gateway.tasks import work_events
from payments_svc.ledger import commands as ledger
from payments_svc.ledger import queries as books
from payments_svc.ledger import rules as postings
from payments_svc.ledger.models import Entry, Journal
from payments_svc.reconciliation import commands, tasks
from payments_svc.reconciliation.errors import (
    BreakOpen,
    BreakSettled,
    CorrectionWaits,
    NothingProposed,
    NothingToCorrect,
)
from payments_svc.reconciliation.models import BankPayout as Row
from payments_svc.reconciliation.models import Break, BreakStep, Run, StatementLine
from tests.payments.conftest import Caller, StandIn, deliver

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
ANNA, BEN = str(uuid.uuid4()), str(uuid.uuid4())


def gbp(minor: int) -> Money:
    return Money(minor, "GBP")


@dataclass
class Statement:
    """Stripe's statement as a list: what the gateway would read, without the network. `breaks_after` cuts it off once."""

    lines: list[BalanceTransaction] = field(default_factory=list)
    bank: list[BankPayout] = field(default_factory=list)
    breaks_after: int | None = None
    asked: list[str] = field(default_factory=list)

    def transactions(
        self, since: datetime, until: datetime, *, after: str | None = None
    ) -> Iterator[BalanceTransaction]:
        rows = sorted(self.lines, key=lambda line: (line.created, line.id), reverse=True)
        rows = [line for line in rows if since <= line.created < until]
        if after is not None:
            rows = rows[[line.id for line in rows].index(after) + 1 :]
        for number, line in enumerate(rows):
            if self.breaks_after == number:
                self.breaks_after = None
                raise OutcomeUnknown("APIConnectionError")
            self.asked.append(line.id)
            yield line

    def of_source(self, source: str) -> Iterator[BalanceTransaction]:
        return (line for line in self.lines if line.source == source)

    def paid_out(self, payout_id: str) -> Iterator[BalanceTransaction]:
        return iter(())

    def payouts(self, since: datetime, until: datetime) -> Iterator[BankPayout]:
        return iter(self.bank)

    def balance(self) -> dict[str, int]:
        return {}

    def moved(self, source: str, amount: int, fee: int = 0, *, at: datetime, kind: str = "charge") -> None:
        self.lines.append(
            BalanceTransaction(f"txn_{len(self.lines)}_{source}", kind, source, gbp(amount), gbp(fee), at)
        )


@pytest.fixture
def statement() -> Statement:
    return Statement()


@pytest.fixture
def noon() -> datetime:
    """Some time of yesterday."""
    return clock.now() - DAY


def book(source: str, amount: int, fee: int = 0, *, at: datetime, reference: str = "") -> Journal:
    return ledger.post(
        reference=reference or f"test:{source}",
        kind="donation",
        source=source,
        currency="GBP",
        postings=postings.donation(charged=amount, processing_fee=fee, platform_fee=0),
        at=at,
    )


def reconcile(statement: Statement | None = None, *, days: int = 3) -> Run:
    run = commands.start_run(since=clock.now() - days * DAY, until=clock.now(), by="test")
    return commands.carry_on(run.id, statement=statement)


def found() -> list[tuple[str, str, str]]:
    return sorted(Break.objects.values_list("kind", "key", "state"))


# -- ten thousand --------------------------------------------------------------------------------------------------


def ten_thousand(statement: Statement, at: datetime) -> list[str]:
    """Ten thousand charges within half a day, each with its journal, written as the ledger would write them."""
    names = [f"ch_{number:05d}" for number in range(10_000)]
    journals, entries = [], []
    for number, name in enumerate(names):
        moved_at = at + timedelta(seconds=number * 4)
        amount, fee = 500 + number, 20 + number % 50
        statement.moved(name, amount, fee, at=moved_at)
        journal = Journal(
            reference=f"bulk:{name}",
            kind="donation",
            source=name,
            currency="GBP",
            entry_count=4,
            created_at=moved_at + timedelta(seconds=2),
        )
        journals.append(journal)
        entries += [
            Entry(journal=journal, account=account, line=line, amount=minor)
            for account, line, minor in (
                ("stripe_balance", "charge", amount),
                ("stripe_balance", "processing_fee", -fee),
                ("processing_fees", "processing_fee", fee),
                ("campaign_payable", "gift", -amount),
            )
        ]
    Journal.objects.bulk_create(journals, batch_size=2_000)
    Entry.objects.bulk_create(entries, batch_size=5_000)
    return names


def test_ten_thousand_transactions_and_seven_planted_breaks(statement: Statement) -> None:
    at = clock.now() - 2 * DAY
    names = ten_thousand(statement, at)
    one = iter(random.Random(7).sample(range(10_000), 4))
    lines = statement.lines

    def change(**changes: Any) -> str:
        number = next(one)
        lines[number] = replace(lines[number], **changes)
        return names[number]

    # Four differ at Stripe; three moves are only here, only there, or here twice.
    number = 4242
    planted = {
        ("amount", change(amount=gbp(999_999))),
        ("fee", change(fee=gbp(4_444))),
        ("currency", change(amount=Money(777, "EUR"), fee=Money(0, "EUR"))),
        ("late", change(created=clock.now() - 5 * DAY)),
        ("missing_there", names[number]),
        ("missing_here", "ch_stranger"),
        ("duplicate", names[77]),
    }
    del lines[number]
    statement.moved("ch_stranger", 1234, 50, at=at)
    book(names[77], 577, 47, at=at + timedelta(hours=1))

    began = time.monotonic()
    run = reconcile(statement)
    print(f"10,000 transactions reconciled in {time.monotonic() - began:.1f} s")

    assert set(Break.objects.values_list("kind", "key")) == planted
    assert (run.state, run.read, run.found) == ("done", 10_000, 7)
    assert run.matched == 10_000 - 4
    # Again: the same seven, nothing twice.
    reconcile(statement)
    assert set(Break.objects.values_list("kind", "key")) == planted
    assert Break.objects.count() == 7


# -- runs ----------------------------------------------------------------------------------------------------------


def test_a_run_that_was_cut_off_goes_on_where_it_was(statement: Statement, noon: datetime) -> None:
    for number in range(35):
        statement.moved(f"ch_{number}", 1000, 40, at=noon + timedelta(seconds=number))
        book(f"ch_{number}", 1000, 40, at=noon + timedelta(seconds=number + 1))
    statement.breaks_after = 25
    run = commands.start_run(since=noon - DAY, until=clock.now(), by="test")
    with pytest.raises(OutcomeUnknown):
        commands.carry_on(run.id, statement=statement, batch=10)
    run.refresh_from_db()
    assert (run.state, run.read) == ("reading", 20)
    read = len(statement.asked)
    done = commands.carry_on(run.id, statement=statement)
    assert (done.state, done.read, done.matched, done.found) == ("done", 35, 35, 0)
    assert len(statement.asked) - read == 15
    assert done.sums == {
        "GBP": {
            "there_lines": 35,
            "there_amount": 35_000,
            "there_fee": 1_400,
            "here_lines": 35,
            "here_amount": 35_000,
            "here_fee": 1_400,
        }
    }


def test_the_daily_run_is_started_once_a_day_and_not_before_three(monkeypatch: pytest.MonkeyPatch) -> None:
    day = datetime(2031, 3, 4, tzinfo=UTC)
    monkeypatch.setattr(clock, "now", lambda: day + timedelta(hours=2, minutes=59))
    assert commands.start_daily_run() is None
    monkeypatch.setattr(clock, "now", lambda: day + timedelta(hours=3))
    run = commands.start_daily_run()
    assert run is not None
    assert (run.since, run.until, run.asked_by) == (day - 3 * DAY, day + timedelta(hours=3), "system")
    assert commands.start_daily_run() is None
    monkeypatch.setattr(clock, "now", lambda: day + DAY + timedelta(hours=12))
    assert tasks.daily() is True
    assert Run.objects.count() == 2


def test_a_window_that_is_none_is_refused() -> None:
    now = clock.now()
    for since, until in ((now, now), (now + DAY, now + 2 * DAY)):
        with pytest.raises(Invalid):
            commands.start_run(since=since, until=until, by="test")
    assert Run.objects.count() == 0


def test_the_worker_runs_what_is_due(standin: StandIn, donor: Caller, campaign: Any) -> None:
    donor.give(campaign)
    run = commands.start_run(since=clock.now() - DAY, until=clock.now() + DAY, by="test")
    assert tasks.carry_on() == 1
    run.refresh_from_db()
    assert (run.state, run.due_at) == ("done", None)
    assert tasks.carry_on() == 0


# -- against the stand-in ------------------------------------------------------------------------------------------


def an_hour_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is on its way any more."""
    real = datetime.now(UTC)
    monkeypatch.setattr(clock, "now", lambda: real + timedelta(hours=1))


def mine() -> list[tuple[str, str]]:
    """Breaks of this test's own money: the stand-in remembers that of other tests."""
    known = set(Journal.objects.filter(source__isnull=False).values_list("source", flat=True))
    return sorted(Break.objects.exclude(state="cleared").filter(key__in=known).values_list("kind", "key"))


def test_a_life_with_refunds_and_a_dispute_has_no_break(
    standin: StandIn, donor: Caller, campaign: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What would fail two seconds later must not do so in the middle of it.
    standin.http.post("/_standin/settings", json={"refund_settles_after": None}).raise_for_status()
    for card, refunded in (
        ("pm_card_visa", 700),
        ("pm_card_refundFail", 500),
        ("pm_card_pendingRefund", 300),
        ("pm_card_createDispute", 0),
    ):
        opened = donor.give(campaign, card=card)
        if refunded:
            standin.stripe.v1.refunds.create({"payment_intent": opened["payment_intent_id"], "amount": refunded})
        for event in standin.events(opened["payment_intent_id"]):
            deliver(event)
    standin.http.delete("/_standin/settings").raise_for_status()
    work_events()
    an_hour_later(monkeypatch)
    run = reconcile()
    assert run.state == "done"
    assert mine() == []
    assert run.matched >= Journal.objects.filter(source__isnull=False).count() - 1


def test_what_nobody_booked_is_missing_here(
    standin: StandIn, donor: Caller, campaign: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = donor.open(campaign).json()
    intent = standin.stripe.v1.payment_intents.confirm(opened["payment_intent_id"], {"payment_method": "pm_card_visa"})
    an_hour_later(monkeypatch)
    reconcile()
    row = Break.objects.get(key=str(intent.latest_charge))
    assert (row.kind, row.state, row.difference) == ("missing_here", "open", {"GBP": 2500 - 93})
    # The sweep finds the payment, and the next run no break.
    from payments_svc.donations.settling import settle

    settle(uuid.UUID(opened["payment_id"]))
    reconcile()
    row.refresh_from_db()
    assert (row.state, row.settled_by) == ("cleared", None)
    assert list(row.steps.values_list("what", flat=True)) == ["found", "cleared"]


def test_a_payout_to_our_bank_is_booked_and_knows_what_it_consists_of(
    standin: StandIn, donor: Caller, campaign: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    donor.give(campaign)
    paid = standin.http.post("/_standin/payouts", json={"currency": "gbp"}).json()
    an_hour_later(monkeypatch)
    reconcile()
    row = Row.objects.get(id=paid["id"])
    assert (row.status, row.amount) == ("paid", paid["amount"])
    journal = Journal.objects.get(source=row.id)
    assert sorted(journal.entries.values_list("account", "amount")) == [
        ("bank", row.amount),
        ("stripe_balance", -row.amount),
    ]
    nets = [line.net for line in StatementLine.objects.filter(payout_id=row.id)]
    assert sum(nets) == row.amount
    reconcile()
    assert Journal.objects.filter(source=row.id).count() == 1
    assert (("missing_here", row.id) in mine(), ("duplicate", row.id) in mine()) == (False, False)


def test_a_payout_that_stripe_tells_of_is_booked_at_once(standin: StandIn, donor: Caller, campaign: Any) -> None:
    donor.give(campaign)
    paid = standin.http.post("/_standin/payouts", json={"currency": "gbp"}).json()
    events = standin.stripe.v1.events.list({"type": "payout.paid", "limit": 1})
    deliver(str(events.data[0]).encode())
    work_events()
    journal = Journal.objects.get(source=paid["id"])
    assert (journal.kind, journal.door, journal.actor) == ("stripe_payout", "webhook", "stripe")
    call_command("book_payout", paid["id"])
    assert Journal.objects.filter(source=paid["id"]).count() == 1


def test_a_payout_that_failed_is_back_on_our_balance(statement: Statement, noon: datetime) -> None:
    payout = BankPayout("po_1", gbp(9000), "paid", noon, noon + DAY, None)
    statement.bank = [payout]
    statement.moved("po_1", -9000, at=noon, kind="payout")
    reconcile(statement)
    assert books.balance("bank", "GBP") == 9000
    statement.bank = [replace(payout, status="failed", failure="account_closed")]
    statement.moved("po_1", 9000, at=noon + timedelta(hours=2), kind="payout_failure")
    reconcile(statement)
    assert (books.balance("bank", "GBP"), books.balance("stripe_balance", "GBP")) == (0, 0)
    # An older look changes nothing.
    statement.bank = [payout]
    reconcile(statement)
    assert (books.balance("bank", "GBP"), found()) == (0, [])


def test_stripes_balance_is_ours(standin: StandIn, donor: Caller, campaign: Any) -> None:
    before = StripeStatement().balance().get("GBP", 0)
    donor.give(campaign)
    assert StripeStatement().balance()["GBP"] - before == books.balance("stripe_balance", "GBP")


# -- working the queue ---------------------------------------------------------------------------------------------


@pytest.fixture
def fee(statement: Statement, noon: datetime) -> Break:
    """Stripe charged us something that belongs to nothing of ours."""
    statement.lines.append(BalanceTransaction("txn_fee", "stripe_fee", None, gbp(-500), gbp(0), noon))
    reconcile(statement)
    return Break.objects.get()


@pytest.fixture
def large(statement: Statement, noon: datetime) -> Break:
    """More than one person may move."""
    statement.moved("ch_large", 90_000, 2_000, at=noon)
    reconcile(statement)
    return Break.objects.get()


def test_a_correcting_journal_ends_the_break(fee: Break, statement: Statement) -> None:
    commands.take(break_id=fee.id, by=ANNA)
    commands.note(break_id=fee.id, by=ANNA, text="Stripe's monthly fee")
    commands.correct(break_id=fee.id, by=ANNA, account="processing_fees", reason="monthly fee of Stripe")
    journal = Journal.objects.get(kind="correction")
    assert (journal.source, journal.actor, journal.reason) == ("txn_fee", ANNA, "monthly fee of Stripe")
    assert sorted(journal.entries.values_list("account", "amount")) == [
        ("processing_fees", 500),
        ("stripe_balance", -500),
    ]
    reconcile(statement)
    fee.refresh_from_db()
    assert (fee.state, fee.settled_by, fee.taken_by) == ("closed", ANNA, ANNA)
    assert list(fee.steps.values_list("what", flat=True)) == ["found", "taken", "note", "corrected"]


def test_much_money_needs_a_second_person(large: Break, statement: Statement) -> None:
    commands.correct(break_id=large.id, by=ANNA, account="suspense", reason="looking into it")
    assert Journal.objects.count() == 0
    with pytest.raises(SecondPersonNeeded):
        commands.approve(break_id=large.id, by=ANNA)
    with pytest.raises(CorrectionWaits):
        commands.close(break_id=large.id, by=BEN, reason="never mind")
    assert Journal.objects.count() == 0
    commands.approve(break_id=large.id, by=BEN)
    assert Journal.objects.get().actor == BEN
    assert books.balance("suspense", "GBP") == -88_000
    reconcile(statement)
    large.refresh_from_db()
    assert (large.state, large.proposed_by, large.approved_by) == ("closed", ANNA, BEN)


def test_the_database_wants_the_second_person_too(large: Break) -> None:
    with pytest.raises(IntegrityError, match="break_second_person"), transaction.atomic():
        Break.objects.filter(id=large.id).update(proposed_by=ANNA, approved_by=ANNA)
    with pytest.raises(IntegrityError, match="break_second_person"), transaction.atomic():
        Break.objects.filter(id=large.id).update(approved_by=ANNA)


def test_a_rejected_correction_books_nothing_and_the_break_is_open(large: Break) -> None:
    commands.correct(break_id=large.id, by=ANNA, account="suspense", reason="looking into it")
    commands.reject(break_id=large.id, by=BEN, reason="it is a gift, find it")
    large.refresh_from_db()
    assert (large.state, large.proposed_by, Journal.objects.count()) == ("open", None, 0)
    with pytest.raises(NothingProposed):
        commands.approve(break_id=large.id, by=BEN)


def test_what_a_person_closed_stays_closed_until_it_changes(fee: Break, statement: Statement) -> None:
    commands.close(break_id=fee.id, by=ANNA, reason="known")
    reconcile(statement)
    fee.refresh_from_db()
    assert (fee.state, fee.reason) == ("closed", "known")
    statement.lines[0] = replace(statement.lines[0], amount=gbp(-900))
    StatementLine.objects.all().delete()
    reconcile(statement)
    fee.refresh_from_db()
    assert (fee.state, fee.difference) == ("open", {"GBP": -900})
    assert fee.steps.last() is not None
    assert fee.steps.last().what == "found again"  # type: ignore[union-attr]


def test_a_settled_break_is_worked_only_after_it_was_reopened(fee: Break) -> None:
    with pytest.raises(BreakOpen):
        commands.reopen(break_id=fee.id, by=ANNA, reason="?")
    commands.close(break_id=fee.id, by=ANNA, reason="known")
    for work in (
        lambda: commands.take(break_id=fee.id, by=ANNA),
        lambda: commands.close(break_id=fee.id, by=ANNA, reason="again"),
        lambda: commands.correct(break_id=fee.id, by=ANNA, account="suspense", reason="now"),
    ):
        with pytest.raises(BreakSettled):
            work()
    assert Journal.objects.count() == 0
    commands.reopen(break_id=fee.id, by=BEN, reason="not known to me")
    commands.correct(break_id=fee.id, by=ANNA, account="suspense", reason="now")
    assert Journal.objects.count() == 1


def test_a_late_booking_is_no_money_to_correct(statement: Statement, noon: datetime) -> None:
    statement.moved("ch_old", 1000, 40, at=noon - 4 * DAY)
    book("ch_old", 1000, 40, at=noon)
    reconcile(statement)
    row = Break.objects.get()
    assert (row.kind, row.difference) == ("late", {})
    with pytest.raises(NothingToCorrect):
        commands.correct(break_id=row.id, by=ANNA, account="suspense", reason="late")
    commands.close(break_id=row.id, by=ANNA, reason="a webhook was down")
    reconcile(statement)
    row.refresh_from_db()
    assert row.state == "closed"


def test_a_wrong_currency_is_corrected_in_both(statement: Statement, noon: datetime) -> None:
    statement.lines.append(BalanceTransaction("txn_1", "charge", "ch_1", Money(2900, "EUR"), Money(100, "EUR"), noon))
    book("ch_1", 2500, 93, at=noon)
    reconcile(statement)
    row = Break.objects.get()
    assert (row.kind, row.difference) == ("currency", {"EUR": 2800, "GBP": -2407})
    commands.correct(break_id=row.id, by=ANNA, account="suspense", reason="charged in euros")
    assert [books.balance("stripe_balance", code) for code in ("GBP", "EUR")] == [0, 2800]
    reconcile(statement)
    assert found() == [("currency", "ch_1", "closed")]


def test_the_record_of_a_break_is_only_added_to(fee: Break) -> None:
    step = fee.steps.get()
    with pytest.raises(IntegrityError, match="only added to"), transaction.atomic():
        BreakStep.objects.filter(id=step.id).update(by="nobody")
    with pytest.raises(IntegrityError, match="only added to"), transaction.atomic():
        step.delete()


def test_refusals_say_what_to_do() -> None:
    for refusal in (BreakSettled, CorrectionWaits, NothingProposed, NothingToCorrect, BreakOpen, SecondPersonNeeded):
        assert issubclass(refusal, BHError)
        assert refusal.title


@pytest.mark.django_db(transaction=True)
def test_two_runs_at_once_find_a_break_once(statement: Statement, transactional_db: None) -> None:
    from threading import Thread

    statement.moved("ch_1", 1000, 40, at=clock.now() - DAY)
    runs = [commands.start_run(since=clock.now() - 2 * DAY, until=clock.now(), by="test") for _ in range(4)]
    failures: list[BaseException] = []

    def work(run: Run) -> None:
        try:
            commands.carry_on(run.id, statement=statement)
        except BaseException as error:
            failures.append(error)
        finally:
            connection.close()

    threads = [Thread(target=work, args=(run,)) for run in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert found() == [("missing_here", "ch_1", "open")]
    assert BreakStep.objects.count() == 1
