"""What the database itself refuses, whoever writes: the ORM, a bulk update, a shell, plain SQL."""

from __future__ import annotations

import uuid
from importlib import import_module
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from bh_sdk.money import CURRENCIES
from bh_sdk.server.ops import clock
from payments_svc.donations.models import Payment
from payments_svc.refunds.models import Refund, RefundBatch, RefundStep
from payments_svc.refunds.rules import COUNTING, REFUND_MOVES, threshold
from tests.payments.conftest import Caller, StandIn, person
from tests.payments.refunding import ask, decide, facts_of, work

pytestmark = pytest.mark.django_db


@pytest.fixture
def maker() -> Caller:
    return person("support")


@pytest.fixture
def waiting(standin: StandIn, donor: Caller, maker: Caller, campaign: Any) -> Refund:
    payment = donor.give(campaign, "900.00")["payment_id"]
    asked = ask(maker, payment, "600.00").json()
    return Refund.objects.get(id=asked["refund_id"])


def refused(change: Any) -> None:
    with pytest.raises(DatabaseError), transaction.atomic():
        change()


def sql(statement: str, *values: Any) -> Any:
    def run() -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement, list(values))

    return run


def saved(row: Refund, **changes: Any) -> Any:
    def run() -> None:
        for name, value in changes.items():
            setattr(row, name, value)
        row.save()

    return run


ROW = "UPDATE payments_refunds_refund SET "


class TestTheMakerNeverApproves:
    def test_by_saving_the_row(self, waiting: Refund) -> None:
        refused(saved(waiting, status="approved", approved_by=waiting.requested_by))
        assert Refund.objects.get().status == "pending_approval"

    def test_by_leaving_the_approver_out(self, waiting: Refund) -> None:
        for status in ("approved", "submitting", "succeeded"):
            refused(saved(Refund.objects.get(), status=status, stripe_id=f"re_{status}"))
        refused(lambda: Refund.objects.update(status="approved"))

    def test_by_saying_that_nobody_else_was_needed(self, waiting: Refund) -> None:
        refused(saved(Refund.objects.get(), second_person=False))
        refused(saved(Refund.objects.get(), second_person=False, status="approved"))
        refused(lambda: Refund.objects.update(alone_up_to=10**9, second_person=False))

    def test_by_becoming_somebody_else(self, waiting: Refund) -> None:
        refused(lambda: Refund.objects.update(requested_by=uuid.uuid4()))

    def test_by_approving_too_early_or_twice(self, waiting: Refund) -> None:
        refused(lambda: Refund.objects.update(approved_by=uuid.uuid4()))
        decide(person("finance"), "approve", waiting.id)
        refused(lambda: Refund.objects.update(approved_by=uuid.uuid4()))

    def test_in_plain_sql(self, waiting: Refund) -> None:
        refused(sql(ROW + "status = 'approved', approved_by = requested_by"))
        refused(sql(ROW + "status = 'approved'"))
        refused(sql(ROW + "requested_by = gen_random_uuid(), status = 'approved', approved_by = requested_by"))
        refused(sql(ROW + "status = 'rejected', rejected_by = requested_by"))
        refused(sql(ROW + "source = 'stripe', requested_by = NULL, stripe_id = 're_x'"))

    def test_by_writing_a_row_that_was_approved_at_birth(self, waiting: Refund) -> None:
        def born(**changes: Any) -> Any:
            given: dict[str, Any] = {
                "payment": waiting.payment,
                "source": "staff",
                "amount": 100,
                "currency": "GBP",
                "status": "requested",
                "requested_by": uuid.uuid4(),
                "second_person": False,
                "alone_up_to": 100,
                "created_at": clock.now(),
            }
            return lambda: Refund.objects.create(**(given | changes))

        born()()
        refused(born(status="approved"))
        refused(born(status="succeeded", stripe_id="re_1"))
        refused(born(approved_by=uuid.uuid4()))
        refused(born(alone_up_to=99))
        refused(born(alone_up_to=None))
        refused(born(requested_by=None))
        refused(born(currency="EUR"))
        refused(born(amount=0))
        refused(born(source="stripe", requested_by=None))

    def test_by_raising_what_one_person_may_in_the_row(self, waiting: Refund) -> None:
        def alone(amount: int, up_to: int) -> Any:
            return lambda: Refund.objects.create(
                payment=waiting.payment,
                source="staff",
                amount=amount,
                currency="GBP",
                status="requested",
                requested_by=uuid.uuid4(),
                second_person=False,
                alone_up_to=up_to,
                created_at=clock.now(),
            )

        decide(person("finance"), "reject", waiting.id)
        refused(alone(80000, 10**9))
        refused(alone(100, 10**9))
        refused(alone(50001, 50001))
        alone(30000, 50000)()
        # What one person had refunded before counts.
        refused(alone(20001, 50000))
        alone(20000, 20000)()
        assert Refund.objects.filter(second_person=False).count() == 2

    def test_by_a_setting(self, waiting: Refund, maker: Caller, settings: Any) -> None:
        decide(person("finance"), "reject", waiting.id)
        settings.BH_REFUND_ALONE_UP_TO = {"default": "100000.00"}
        assert ask(maker, waiting.payment_id, "600.00").json()["second_person"] is True
        settings.BH_REFUND_ALONE_UP_TO = {"default": "100.00"}
        assert ask(maker, waiting.payment_id, "100.01").json()["second_person"] is True

    def test_the_figures_of_the_settings_are_those_of_the_database(self, db: None, settings: Any) -> None:
        with connection.cursor() as cursor:
            for code in CURRENCIES:
                cursor.execute("SELECT payments_refunds_alone_up_to(%s)", [code])
                assert cursor.fetchone()[0] == threshold(code, settings.BH_REFUND_ALONE_UP_TO).minor, code

    def test_nor_the_maker_of_a_batch(self, db: None) -> None:
        maker = uuid.uuid4()
        refused(
            lambda: RefundBatch.objects.create(
                campaign_id=uuid.uuid4(),
                title="x",
                currency="GBP",
                requested_by=maker,
                approved_by=maker,
                created_at=clock.now(),
            )
        )


class TestWhatARefundIs:
    @pytest.mark.parametrize(
        "change",
        [
            "amount = amount + 1",
            "currency = 'EUR'",
            "payment_id = gen_random_uuid()",
            "reason = 'fraudulent'",
            "notes = 'other'",
            "created_at = now()",
            "source = 'stripe'",
            "id = gen_random_uuid()",
        ],
    )
    def test_does_not_change(self, waiting: Refund, change: str) -> None:
        refused(sql(ROW + change))

    def test_it_is_not_deleted_and_neither_is_its_record(self, waiting: Refund) -> None:
        refused(sql("DELETE FROM payments_refunds_refundstep"))
        refused(sql("UPDATE payments_refunds_refundstep SET note = 'x'"))
        RefundStep.objects.none().delete()
        refused(lambda: Refund.objects.all()._raw_delete("default"))
        assert Refund.objects.count() == 1

    def test_it_keeps_its_id_at_stripe(self, waiting: Refund) -> None:
        decide(person("finance"), "approve", waiting.id)
        work()
        refused(lambda: Refund.objects.update(stripe_id="re_other"))
        refused(lambda: Refund.objects.update(stripe_id=None))

    def test_the_tables_of_moves_agree(self) -> None:
        frozen = import_module("payments_svc.refunds.migrations.0005_guards")
        assert {now: frozenset(onward) for now, onward in frozen.MOVES.items()} == {
            now: onward for now, onward in REFUND_MOVES.items() if onward
        }
        for name in ("0005_guards", "0007_lost_disputes", "0008_alone_up_to"):
            words = import_module(f"payments_svc.refunds.migrations.{name}").COUNTING
            assert {word.strip(" '") for word in words.split(",")} == set(COUNTING)

    @pytest.mark.parametrize("to", ["requested", "submitting", "pending", "succeeded", "failed"])
    def test_no_move_beside_the_table(self, waiting: Refund, to: str) -> None:
        assert to not in REFUND_MOVES["pending_approval"]
        refused(sql(ROW + "status = %s, stripe_id = 're_1', approved_by = gen_random_uuid()", to))


class TestNeverMoreThanWasCharged:
    def test_not_even_by_hand(self, waiting: Refund) -> None:
        refused(
            lambda: Refund.objects.create(
                payment=waiting.payment,
                source="staff",
                amount=30001,
                currency="GBP",
                status="requested",
                requested_by=uuid.uuid4(),
                second_person=True,
                created_at=clock.now(),
            )
        )
        assert Payment.objects.get().charged == 90000

    def test_not_at_stripe_either(self, waiting: Refund) -> None:
        def at_stripe(amount: int, name: str) -> Refund:
            return Refund.objects.create(
                payment=waiting.payment,
                source="stripe",
                amount=amount,
                currency="GBP",
                status="pending",
                stripe_id=name,
                created_at=clock.now(),
            )

        at_stripe(90000, "re_1")
        refused(lambda: at_stripe(1, "re_2"))


def test_on_refusal_nothing_is_told(waiting: Refund, maker: Caller) -> None:
    before = facts_of(waiting.payment_id)
    decide(person("finance", sub=maker.sub), "approve", waiting.id)
    assert facts_of(waiting.payment_id) == before
