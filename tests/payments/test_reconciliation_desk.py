"""Finance at the desk: what it sees, presses and takes along; auditors look, others stay outside."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from bh_sdk.money import Money
from bh_sdk.server.ops import clock
from payments_svc.gateway.balance import BalanceTransaction
from payments_svc.ledger import queries as books
from payments_svc.ledger.models import Journal
from payments_svc.reconciliation import checking, commands, queries
from payments_svc.reconciliation.models import Break, Finding, Run
from tests.payments.conftest import Caller, StandIn
from tests.payments.factories import PaymentFactory
from tests.payments.test_reconciliation import Statement
from tests.payments.test_reports import signed_in

pytestmark = pytest.mark.django_db

DESK = "/admin/payments_reconciliation"
SUBMITTED = {"_form_submitted": "True"}


@pytest.fixture
def run() -> Run:
    """A run that found a small and a large difference."""
    statement, then = Statement(), clock.now() - timedelta(hours=5)
    statement.lines += [
        BalanceTransaction("txn_small", "stripe_fee", None, Money(-500, "GBP"), Money(0, "GBP"), then),
        BalanceTransaction("txn_large", "charge", "ch_large", Money(90_000, "GBP"), Money(2_000, "GBP"), then),
    ]
    started = commands.start_run(since=then - timedelta(days=1), until=clock.now(), by="test")
    return commands.carry_on(started.id, statement=statement)


def press(client: Client, row: Break, button: str, **said: str) -> Any:
    return client.post(f"{DESK}/break/{row.pk}/{button.replace('_', '-')}/", SUBMITTED | said)


def shown(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, address
    return answer.content.decode()


def test_the_run_is_a_page_to_print(run: Run) -> None:
    page = shown(signed_in("finance"), f"{DESK}/run/{run.pk}/change/")
    for words in ("Stripe&#x27;s statement", "Our ledger", "missing here", "880.00 GBP", "Payouts to our bank"):
        assert words in page, words


def test_a_second_person_finishes_what_the_first_began(run: Run) -> None:
    row = Break.objects.get(key="ch_large")
    anna, ben = signed_in("finance"), signed_in("finance")
    press(anna, row, "correct", account="suspense", reason="nobody knows it yet")
    row.refresh_from_db()
    assert (row.state, Journal.objects.count()) == ("proposed", 0)
    page = shown(anna, f"{DESK}/break/{row.pk}/change/")
    assert "Somebody else has to approve" in page
    button = f"/break/{row.pk}/approve/"
    assert (button in page, button in shown(ben, f"{DESK}/break/{row.pk}/change/")) == (False, True)
    press(anna, row, "approve")
    row.refresh_from_db()
    assert (row.state, Journal.objects.count()) == ("proposed", 0)
    press(ben, row, "approve")
    row.refresh_from_db()
    assert (row.state, row.approved_by != row.proposed_by) == ("closed", True)
    journal = Journal.objects.get()
    assert (journal.door, journal.actor, journal.address) == ("admin", row.approved_by, "127.0.0.0/24")
    assert books.balance("suspense", "GBP") == -88_000
    assert "Reopen" in shown(ben, f"{DESK}/break/{row.pk}/change/")
    page = shown(ben, f"/admin/payments_ledger/journal/{journal.pk}/change/")
    for words in ("The admin", "nobody knows it yet", "127.0.0.0/24", "Sealed by fact"):
        assert words in page, words


def test_a_reason_is_not_optional(run: Run) -> None:
    row = Break.objects.get(key="txn_small")
    press(signed_in("finance"), row, "correct", account="suspense", reason="")
    press(signed_in("finance"), row, "close", reason="ok")
    press(signed_in("finance"), row, "correct", account="stripe_balance", reason="to the wrong account")
    row.refresh_from_db()
    assert (row.state, Journal.objects.count()) == ("open", 0)


@pytest.mark.parametrize("button", ["take", "note", "correct", "approve", "reject", "close", "reopen"])
def test_an_auditor_looks_and_presses_nothing(run: Run, button: str) -> None:
    row = Break.objects.get(key="txn_small")
    auditor = signed_in("auditor")
    shown(auditor, f"{DESK}/break/{row.pk}/change/")
    said = {"reason": "because I can", "text": "hello", "account": "suspense"}
    assert press(auditor, row, button, **said).status_code == 403
    assert press(signed_in("support"), row, button, **said).status_code == 403
    row.refresh_from_db()
    assert (row.state, row.steps.count(), Journal.objects.count()) == ("open", 1, 0)


def test_other_desks_do_not_see_it(run: Run) -> None:
    for page in ("run", "break", "bankpayout", "finding", "checkround"):
        assert signed_in("support").get(f"{DESK}/{page}/").status_code == 403


def test_finance_starts_a_run_and_is_told_of_a_window_that_is_none() -> None:
    client = signed_in("finance")
    today = clock.now().date()
    client.post(f"{DESK}/run/reconcile/", SUBMITTED | {"since": f"{today - timedelta(days=2)}"})
    assert Run.objects.get().since.date() == today - timedelta(days=2)
    client.post(f"{DESK}/run/reconcile/", SUBMITTED | {"since": f"{today + timedelta(days=2)}"})
    assert Run.objects.count() == 1


def test_breaks_are_taken_along_as_csv_and_that_is_logged(run: Run) -> None:
    answer = signed_in("finance").get(f"/staff/reports/breaks-of-runs/?format=csv&run={run.pk}")
    rows = list(csv.DictReader(io.StringIO(answer.getvalue().decode())))
    assert sorted((row["key"], row["difference"]) for row in rows) == [
        ("ch_large", "GBP 880.00"),
        ("txn_small", "GBP -5.00"),
    ]
    assert (
        LogEntry.objects.get(object_repr="report breaks-of-runs")
        .get_change_message()
        .startswith("Took along 2 rows as csv")
    )
    assert signed_in("support").get("/staff/reports/breaks/?format=csv").status_code == 403
    sums = signed_in("auditor").get("/staff/reports/reconciliations/?format=json").json()["results"][0]["sums"]
    assert sums["GBP"]["there_amount"] == 89_500


def test_what_a_run_found_stays_as_it_was_whatever_happens_later(run: Run) -> None:
    auditor = signed_in("auditor")
    shelf = f"/staff/reports/breaks-of-runs/?format=csv&run={run.pk}"

    def told() -> tuple[Any, ...]:
        row = Run.objects.get(pk=run.pk)
        page = shown(auditor, f"{DESK}/run/{run.pk}/change/")
        # What differs is the token of the form.
        return queries.breaks_by_kind(row), row.payouts, auditor.get(shelf).getvalue(), page.partition("<main")[2]

    before = told()
    assert (before[0]["missing_here"], run.found) == ((2, 2), 2)
    commands.close(break_id=Break.objects.get(key="txn_small").id, by="anna", reason="a fee of the card network")
    commands.correct(break_id=Break.objects.get(key="ch_large").id, by="anna", account="suspense", reason="not known")
    again = commands.start_run(since=run.since, until=clock.now(), by="test")
    again = commands.carry_on(again.id, statement=Statement())
    assert told() == before
    assert {row.state for row in again.found_breaks.all()} == {"closed", "proposed"}
    assert {row.last_run_id for row in Break.objects.all()} == {again.pk}


def test_the_first_page_presses_what_is_to_do(run: Run) -> None:
    PaymentFactory.create(status="unknown", created_at=clock.now() - timedelta(days=1))
    checking.check_all()
    page = shown(signed_in("finance"), "/admin/")
    for words in ("Breaks to work", "What must hold", "1 do not", "Last reconciliation"):
        assert words in page, words
    finding = Finding.objects.get()
    client = signed_in("finance")
    assert "No payment is unknown" in shown(client, f"{DESK}/finding/{finding.pk}/change/")
    assert "Our Stripe balance is what Stripe reports" in shown(client, f"{DESK}/checkround/")


def test_the_invariants_are_asked_from_the_desk_with_stripes_balance(standin: StandIn) -> None:
    signed_in("finance").post(reverse("admin:payments_reconciliation_finding_check_now"), SUBMITTED | {"stripe": "on"})
    assert "balance_is_stripes" in queries.rounds()
    assert (
        signed_in("auditor")
        .post(reverse("admin:payments_reconciliation_finding_check_now"), SUBMITTED | {"stripe": "on"})
        .status_code
        == 403
    )


def test_the_trial_balance_and_the_journals_of_an_account(standin: StandIn, donor: Caller, campaign: Any) -> None:
    opened = donor.give(campaign)
    client = signed_in("auditor")
    page = shown(client, "/admin/payments_ledger/entry/")
    for words in ("Trial balance", "stripe balance", "campaign payable", "24.07"):
        assert words in page, words
    assert f"payment:{opened['payment_id']}" in shown(client, "/admin/payments_ledger/journal/?account=stripe_balance")
    assert f"payment:{opened['payment_id']}" not in shown(client, "/admin/payments_ledger/journal/?account=bank")
