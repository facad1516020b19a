"""The database keeps the ledger, whoever writes."""

from __future__ import annotations

import uuid

import psycopg
import pytest
from django.db import IntegrityError, connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from bh_sdk.server.ops import clock
from payments_svc.donations.migrations import __name__ as _migrations
from payments_svc.donations.rules import MOVES
from payments_svc.ledger import rules
from payments_svc.ledger.commands import post
from payments_svc.ledger.models import Entry, Journal
from payments_svc.ledger.rules import Posting
from tests.payments.factories import PaymentFactory

pytestmark = pytest.mark.django_db

amounts = st.integers(min_value=1, max_value=10**12)


def book(postings: list[Posting], reference: str = "") -> Journal:
    return post(
        reference=reference or f"test:{uuid.uuid4()}",
        kind="donation",
        payment_id=uuid.uuid4(),
        campaign_id=uuid.uuid4(),
        currency="GBP",
        postings=postings,
        at=clock.now(),
    )


def commit() -> None:
    """What the end of the transaction would check."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


@given(amounts, amounts, amounts)
def test_every_rule_sums_to_zero(one: int, two: int, three: int) -> None:
    charged = one + two + three
    for postings in (
        rules.donation(charged=charged, processing_fee=one, platform_fee=two),
        rules.refund(amount=one),
        rules.refund_reversal(amount=one),
        rules.move(one, debit="disputes", credit="stripe_balance", line="dispute"),
    ):
        assert sum(posting.amount for posting in postings) == 0
        assert all(posting.amount for posting in postings)


def test_a_balanced_journal_commits() -> None:
    book(rules.refund(amount=100))
    commit()


def book_and_commit(postings: list[Posting]) -> None:
    with transaction.atomic():
        book(postings)
        commit()


def test_an_unbalanced_journal_does_not() -> None:
    with pytest.raises(IntegrityError, match="does not balance"):
        book_and_commit([Posting("stripe_balance", "charge", 100), Posting("campaign_payable", "gift", -99)])
    assert Journal.objects.count() == 0


def test_a_journal_without_lines_does_not() -> None:
    with pytest.raises(IntegrityError, match="does not balance"):
        book_and_commit([])


def test_a_balanced_pair_added_later_does_not() -> None:
    journal = book(rules.refund(amount=100))
    commit()
    pair = [Entry(journal=journal, account="stripe_balance", line="charge", amount=amount) for amount in (50, -50)]
    with pytest.raises(IntegrityError, match="does not balance"), transaction.atomic():
        Entry.objects.bulk_create(pair)


def test_one_cause_is_booked_once() -> None:
    book(rules.refund(amount=100), reference="refund:re_1:succeeded")
    with pytest.raises(IntegrityError), transaction.atomic():
        book(rules.refund(amount=100), reference="refund:re_1:succeeded")


@pytest.mark.parametrize("table", ["payments_ledger_journal", "payments_ledger_entry"])
@pytest.mark.parametrize("words", ["UPDATE {} SET id = id", "DELETE FROM {}"])
def test_no_row_changes_even_for_a_superuser_in_replica_mode(owner_url: str, table: str, words: str) -> None:
    with psycopg.connect(owner_url) as superuser:
        journal = uuid.uuid4()
        superuser.execute(
            "INSERT INTO payments_ledger_journal VALUES (%s, 'x', 'x', %s, %s, 'GBP', 2, now())",
            [journal, journal, journal],
        )
        superuser.execute(
            "INSERT INTO payments_ledger_entry (journal_id, account, line, amount) VALUES (%s, 'a', 'x', 1), (%s, 'b', 'x', -1)",
            [journal, journal],
        )
        superuser.execute("SET session_replication_role = replica")
        with pytest.raises(psycopg.errors.RestrictViolation, match="append-only"):
            superuser.execute(words.format(table))
        superuser.rollback()


def test_the_service_cannot_empty_the_ledger() -> None:
    with (
        pytest.raises(Exception, match=r"permission denied|append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("TRUNCATE payments_ledger_entry")


class TestMovesOfAPayment:
    def test_the_database_knows_the_same_table_as_the_code(self) -> None:
        from importlib import import_module

        frozen = import_module(f"{_migrations}.0002_moves").MOVES
        assert {now: frozenset(onward) for now, onward in frozen.items()} == {n: o for n, o in MOVES.items() if o}

    @pytest.mark.parametrize(("now", "to"), [(now, to) for now in MOVES for to in MOVES if now != to])
    def test_only_its_moves_are_possible(self, now: str, to: str) -> None:
        payment = PaymentFactory.create(status=now)
        payment.status = to
        if to in MOVES[now]:  # type: ignore[index]
            with transaction.atomic():
                payment.save()
                # Whether a success is booked is another question, asked at the commit.
                transaction.set_rollback(True)
        else:
            with pytest.raises(IntegrityError, match="does not move"), transaction.atomic():
                payment.save()

    @pytest.mark.parametrize(
        "change", [{"amount": 2600, "charged": 2600}, {"currency": "USD"}, {"donor_id": uuid.uuid4()}]
    )
    def test_what_was_agreed_stays(self, change: dict[str, object]) -> None:
        payment = PaymentFactory.create()
        with pytest.raises(IntegrityError), transaction.atomic():
            type(payment).objects.filter(id=payment.id).update(**change)

    def test_more_than_was_charged_is_never_refunded(self) -> None:
        payment = PaymentFactory.create(status="succeeded")
        with pytest.raises(IntegrityError, match="payment_refunds_bounded"), transaction.atomic():
            type(payment).objects.filter(id=payment.id).update(refunded=payment.charged + 1)

    def test_a_success_without_a_journal_does_not_commit(self) -> None:
        payment = PaymentFactory.create(status="processing")
        commit()
        with pytest.raises(IntegrityError, match="without a journal"), transaction.atomic():
            type(payment).objects.filter(id=payment.id).update(status="succeeded")

    def test_a_payment_is_never_deleted(self) -> None:
        payment = PaymentFactory.create()
        with pytest.raises(IntegrityError, match="never deleted"), transaction.atomic():
            payment.delete()
