"""What must hold: each check is silent over a sound life, and names what a broken row breaks until it is mended."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from prometheus_client import REGISTRY

from bh_sdk.server.ops import clock
from payments_svc.donations.models import Handoff, Payment
from payments_svc.gateway.models import StripeEvent
from payments_svc.gateway.tasks import work_events
from payments_svc.insights.models import CampaignTotal
from payments_svc.ledger.commands import post
from payments_svc.ledger.rules import Posting
from payments_svc.reconciliation import checking, invariants, tasks
from payments_svc.reconciliation.models import CheckRound, Finding, Run
from tests.payments.conftest import Caller, StandIn, deliver
from tests.payments.factories import CampaignFactory, PaymentFactory

LONG_AGO = timedelta(days=2)


def broken(name: str) -> list[tuple[str, str]]:
    (check,) = (check for check in invariants.CHECKS if check.name == name)
    return check.ask(clock.now())


def subjects(name: str) -> list[str]:
    return [subject for subject, _ in broken(name)]


@pytest.fixture
def lives(standin: StandIn, donor: Caller, campaign: Any) -> list[uuid.UUID]:
    """Gifts with everything that may happen to them."""
    payments = []
    for card, refunded in (
        ("pm_card_visa", 0),
        ("pm_card_visa", 2500),
        ("pm_card_refundFail", 500),
        ("pm_card_pendingRefund", 300),
        ("pm_card_createDispute", 0),
    ):
        opened = donor.give(campaign, card=card)
        if refunded:
            standin.stripe.v1.refunds.create({"payment_intent": opened["payment_intent_id"], "amount": refunded})
        for event in standin.events(opened["payment_intent_id"]):
            deliver(event)
        payments.append(uuid.UUID(opened["payment_id"]))
    work_events()
    return payments


@pytest.mark.django_db
def test_everything_holds_over_sound_lives(lives: list[uuid.UUID]) -> None:
    found = {check.name: check.ask(clock.now()) for check in invariants.CHECKS}
    assert {name: rows for name, rows in found.items() if rows} == {}
    assert checking.check_all() == 0
    assert CheckRound.objects.count() == len(invariants.CHECKS)


def test_every_check_has_a_sentence_and_a_name_of_its_own() -> None:
    names = [check.name for check in invariants.CHECKS]
    assert len(set(names)) == len(names)
    for check in invariants.CHECKS:
        assert check.ask.__name__ == check.name
        assert len(check.sentence) > 20


# -- broken by hand ------------------------------------------------------------------------------------------------


@contextmanager
def unguarded(owner_url: str) -> Iterator[psycopg.Connection[Any]]:
    """A superuser past every trigger of the ledger and the payments."""
    tables = ("payments_ledger_journal", "payments_ledger_entry", "payments_donations_payment")
    with psycopg.connect(owner_url, autocommit=True) as owner:
        names: list[tuple[str, str]] = [
            (table, name)
            for table in tables
            for (name,) in owner.execute(
                "SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND NOT tgisinternal AND tgenabled = 'A'",
                [table],
            )
        ]
        owner.execute("SET session_replication_role = replica")
        for table, name in names:
            owner.execute(f"ALTER TABLE {table} DISABLE TRIGGER {name}")
        yield owner
        for table, name in names:
            owner.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}")


@pytest.fixture
def booked(standin: StandIn, donor: Caller, transactional_db: None) -> uuid.UUID:
    """One gift, committed."""
    opened = donor.give(CampaignFactory.create())
    return uuid.UUID(opened["payment_id"])


class TestABrokenRow:
    pytestmark = pytest.mark.django_db(transaction=True)

    def break_it(self, owner_url: str, words: str, *given: Any) -> None:
        with unguarded(owner_url) as owner:
            owner.execute(words, given)

    def test_a_line_too_much(self, booked: uuid.UUID, owner_url: str) -> None:
        assert broken("ledger_sums_to_zero") == broken("journals_balance") == []
        self.break_it(
            owner_url,
            "INSERT INTO payments_ledger_entry (journal_id, account, line, amount) "
            "SELECT id, 'donor_funds', 'gift', 7 FROM payments_ledger_journal",
        )
        assert broken("ledger_sums_to_zero") == [("GBP", "sums to 7")]
        assert len(broken("journals_balance")) == 1
        assert broken("donor_funds_pass_through") == [(str(booked), "donor_funds holds 7 GBP")]

    def test_a_gift_that_is_booked_differently(self, booked: uuid.UUID, owner_url: str) -> None:
        self.break_it(owner_url, "UPDATE payments_donations_payment SET processing_fee = processing_fee + 1")
        assert subjects("gifts_are_booked_once") == [str(booked)]

    def test_a_gift_that_is_not_booked(self, booked: uuid.UUID, owner_url: str) -> None:
        self.break_it(owner_url, "UPDATE payments_ledger_journal SET kind = 'other'")
        assert broken("gifts_are_booked_once") == [(str(booked), "succeeded, but it is not booked")]

    def test_a_booking_of_a_gift_that_did_not_succeed(self, booked: uuid.UUID, owner_url: str) -> None:
        self.break_it(owner_url, "UPDATE payments_donations_payment SET status = 'canceled'")
        assert broken("gifts_are_booked_once") == [(str(booked), "booked, but it did not succeed")]

    def test_a_refunded_sum_without_refunds(self, booked: uuid.UUID, owner_url: str) -> None:
        self.break_it(owner_url, "UPDATE payments_donations_payment SET refunded = 100")
        assert subjects("refunded_is_what_refunds_come_to") == [str(booked)]

    def test_a_journal_without_a_fact(self, booked: uuid.UUID, owner_url: str) -> None:
        self.break_it(
            owner_url,
            "INSERT INTO payments_ledger_journal (id, reference, kind, currency, entry_count, created_at) "
            "VALUES (gen_random_uuid(), 'forged', 'x', 'GBP', 0, now())",
        )
        ((_, detail),) = broken("journals_are_sealed")
        assert detail == "forged has no fact"


@pytest.mark.django_db
class TestMoneyWithoutACase:
    def book(self, account: str, *, reference: str, source: str | None = None, amount: int = -100) -> None:
        post(
            reference=reference,
            kind="stripe_payout" if account == "bank" else "other",
            currency="GBP",
            source=source,
            payment_id=uuid.uuid4(),
            postings=[Posting(account, "correction", amount), Posting("suspense", "correction", -amount)],  # type: ignore[arg-type]
            at=clock.now(),
        )

    @pytest.mark.parametrize(
        ("name", "account", "reference"),
        [
            ("donor_funds_pass_through", "donor_funds", "x"),
            ("refunds_in_flight_belong_to_refunds", "refunds_in_flight", "x"),
            ("closed_disputes_hold_nothing", "disputes", "x"),
            ("disputes_are_booked", "stripe_balance", "dispute:du_1:x"),
            ("payouts_to_our_bank_are_booked", "bank", "x"),
            ("payouts_are_booked", "payouts_in_flight", f"payout:{uuid.uuid4()}:sent"),
        ],
    )
    def test_is_named(self, name: str, account: str, reference: str) -> None:
        assert broken(name) == []
        self.book(account, reference=reference, source="du_1")
        assert len(broken(name)) == 1


@pytest.mark.django_db
class TestWhatIsStuck:
    def test_a_payment_that_stays_unknown(self) -> None:
        PaymentFactory.create(status="unknown")
        old = PaymentFactory.create(status="unknown", created_at=clock.now() - timedelta(minutes=6))
        assert subjects("lost_answers_are_found_out") == [str(old.id)]

    @pytest.mark.parametrize(
        ("age", "note", "stuck"),
        [
            (timedelta(minutes=6), None, True),
            (timedelta(minutes=6), "parked: its payment is not known yet", False),
            (LONG_AGO, "parked: its payment is not known yet", True),
            (timedelta(minutes=1), None, False),
        ],
    )
    def test_an_event_that_is_not_worked(self, age: timedelta, note: str | None, stuck: bool) -> None:
        StripeEvent.objects.create(
            id="evt_1", type="charge.succeeded", body="{}", received_at=clock.now() - age, note=note
        )
        assert (subjects("events_of_stripe_are_worked") == ["evt_1"]) is stuck

    def test_a_neighbour_that_is_not_told(self) -> None:
        Handoff.objects.create(kind=Handoff.CAMPAIGN_TO_TRUST, entity_id=uuid.uuid4(), attempts=9)
        assert len(subjects("neighbours_are_told")) == 1

    def test_a_run_that_does_not_end_and_a_day_without_one(self) -> None:
        then = clock.now() - LONG_AGO
        run = Run.objects.create(since=then - LONG_AGO, until=then, asked_by="x", started_at=then)
        assert subjects("runs_come_to_an_end") == [f"run {run.id}"]
        assert subjects("every_day_is_reconciled") == []
        postings = [Posting("bank", "correction", 1), Posting("suspense", "correction", -1)]
        post(reference="old", kind="x", currency="GBP", postings=postings, at=then)
        assert subjects("every_day_is_reconciled") == ["daily run"]
        Run.objects.update(state="done", finished_at=clock.now())
        assert subjects("runs_come_to_an_end") == subjects("every_day_is_reconciled") == []

    def test_totals_that_show_something_else_once_every_fact_was_heard(self) -> None:
        wrong = CampaignTotal.objects.create(campaign_id=uuid.uuid4(), currency="GBP", raised=100)
        assert subjects("totals_are_what_was_given") == [str(wrong.campaign_id)]
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO outbox (position) VALUES (1)")
        assert subjects("totals_are_what_was_given") == []


# -- findings ------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_finding_stands_until_it_holds_again() -> None:
    payment = PaymentFactory.create(status="unknown", created_at=clock.now() - LONG_AGO)
    assert tasks.check() == 1
    first = Finding.objects.get()
    assert tasks.check() == 1
    again = Finding.objects.get()
    assert (again.first_seen_at, again.last_seen_at > first.last_seen_at) == (first.first_seen_at, True)
    assert REGISTRY.get_sample_value("bh_invariant_findings", {"check": "lost_answers_are_found_out"}) == 1
    Payment.objects.filter(id=payment.id).update(status="requires_payment_method")
    assert tasks.check() == 0
    again.refresh_from_db()
    assert again.cleared_at is not None
    assert REGISTRY.get_sample_value("bh_invariant_findings", {"check": "lost_answers_are_found_out"}) == 0


@pytest.mark.django_db
def test_a_check_that_cannot_be_asked_is_a_finding_and_stops_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(at: object) -> list[tuple[str, str]]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT nothing FROM nowhere")
        return []

    unasked = invariants.Check("unasked", "This one asks a table that is not there", ask)
    monkeypatch.setattr(checking, "CHECKS", (unasked, *invariants.CHECKS))
    assert checking.check_all() == 1
    finding = Finding.objects.get()
    assert (finding.check_name, finding.detail) == ("unasked", "could not be asked: ProgrammingError")


@pytest.mark.django_db
def test_the_command_says_what_does_not_hold(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("check_invariants")
    assert "invariants hold" in capsys.readouterr().out
    payment = PaymentFactory.create(status="unknown", created_at=clock.now() - LONG_AGO)
    with pytest.raises(CommandError, match="1 findings"):
        call_command("check_invariants")
    assert str(payment.id) in capsys.readouterr().err


@pytest.mark.django_db
def test_stripes_own_figure_is_compared_on_demand() -> None:
    class Reported:
        def __init__(self, **minor: int) -> None:
            self.minor = minor

        def balance(self) -> dict[str, int]:
            return self.minor

    postings = [Posting("stripe_balance", "correction", 100), Posting("suspense", "correction", -100)]
    post(reference="x", kind="x", currency="GBP", postings=postings, at=clock.now())
    assert checking.check_balance(Reported(GBP=100, EUR=0)) == 0  # type: ignore[arg-type]
    assert checking.check_balance(Reported(GBP=90, EUR=5)) == 2  # type: ignore[arg-type]
    told = dict(Finding.objects.filter(check_name=invariants.BALANCE).values_list("subject", "detail"))
    assert told["GBP"] == "Stripe reports 0.90 GBP, our ledger has 1.00 GBP"
