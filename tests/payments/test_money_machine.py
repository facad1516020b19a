"""Any life of a payment, in any order, seen as late and as often as it may be: the books end where Stripe's do."""

from __future__ import annotations

import uuid
from dataclasses import replace

import pytest
from django.db import transaction
from django.db.models import Sum
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from bh_sdk.money import Money
from bh_sdk.server.events.models import RecordedEvent
from bh_sdk.server.ops import clock
from payments_svc.donations.models import Payment
from payments_svc.donations.settling import bring_to
from payments_svc.gateway.standing import Charge, DisputeMove, DisputeStanding, RefundStanding, Standing
from payments_svc.ledger import queries as books
from payments_svc.ledger.models import Entry
from payments_svc.reconciliation import invariants
from tests.payments.factories import PaymentFactory

CHARGED, FEE, DISPUTE_FEE = 2500, 93, 1500


def gbp(minor: int) -> Money:
    return Money(minor, "GBP")


class Life(RuleBasedStateMachine):
    """Stripe's side is kept here; our side only ever hears of it by looks, old ones included."""

    def __init__(self) -> None:
        super().__init__()
        self.room = transaction.atomic()
        self.room.__enter__()
        self.payment = PaymentFactory.create(amount=CHARGED, charged=CHARGED)
        intent = f"pi_{uuid.uuid4().hex}"
        self.now = Standing(intent, f"{intent}_secret_x", "requires_payment_method", gbp(CHARGED))
        self.looks: list[Standing] = [self.now]
        self.told: Standing | None = None

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.room.__exit__(None, None, None)

    def _change(self, **changes: object) -> None:
        self.now = replace(self.now, **changes)  # type: ignore[arg-type]
        self.looks.append(self.now)

    def _disputed(self) -> bool:
        return any(case.state == "open" for case in self.now.disputes)

    # -- Stripe ------------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.now.status != "succeeded")
    @rule()
    def the_card_pays(self) -> None:
        charge = Charge(f"ch_{uuid.uuid4().hex}", gbp(CHARGED), gbp(FEE), None, None)
        self._change(status="succeeded", charge=charge)

    @precondition(lambda self: self.now.status == "succeeded" and not self._disputed())
    @rule(amount=st.integers(1, CHARGED), pending=st.booleans())
    def a_refund_is_made(self, amount: int, pending: bool) -> None:
        left = CHARGED - sum(r.amount.minor for r in self.now.refunds if r.state in ("pending", "succeeded"))
        left -= sum(case.amount.minor for case in self.now.disputes if case.state == "lost")
        if left <= 0:
            return
        made = RefundStanding(
            f"re_{uuid.uuid4().hex}",
            gbp(min(amount, left)),
            "pending" if pending else "succeeded",
            None,
            None,
            taken=True,
        )
        self._change(refunds=[*self.now.refunds, made])

    @precondition(lambda self: self.now.refunds)
    @rule(number=st.integers(0, 9), fails=st.booleans())
    def a_refund_moves_on(self, number: int, fails: bool) -> None:
        refunds = list(self.now.refunds)
        at = number % len(refunds)
        one = refunds[at]
        if one.state == "failed" or (one.state == "succeeded" and not fails):
            return
        refunds[at] = replace(one, state="failed", taken=False) if fails else replace(one, state="succeeded")
        self._change(refunds=refunds)

    @precondition(lambda self: self.now.status == "succeeded" and not self.now.disputes and not self.now.refunds)
    @rule(amount=st.integers(1, CHARGED))
    def the_bank_disputes(self, amount: int) -> None:
        move = DisputeMove(f"txn_{uuid.uuid4().hex}", -amount, DISPUTE_FEE)
        case = DisputeStanding(f"du_{uuid.uuid4().hex}", gbp(amount), "open", moves=(move,))
        self._change(disputes=[case])

    @precondition(lambda self: self._disputed())
    @rule(won=st.booleans())
    def the_bank_decides(self, won: bool) -> None:
        (case,) = self.now.disputes
        moves = case.moves
        if won:
            moves = (*moves, DisputeMove(f"txn_{uuid.uuid4().hex}", case.amount.minor))
        self._change(disputes=[replace(case, state="won" if won else "lost", moves=moves)])

    # -- us ----------------------------------------------------------------------------------------------------------

    @rule()
    def we_look(self) -> None:
        bring_to(self.payment.id, self.now)
        self.told = self.now

    @rule(number=st.integers(0, 30))
    def an_old_look_comes_late(self, number: int) -> None:
        old = self.looks[number % len(self.looks)]
        bring_to(self.payment.id, old)
        if self.told is not self.now:
            self.told = None

    # -- what holds --------------------------------------------------------------------------------------------------

    @invariant()
    def the_ledger_sums_to_zero_and_everything_has_its_place(self) -> None:
        assert all(minor == 0 for minor in books.imbalance().values())
        at = clock.now()
        for check in (
            invariants.journals_balance,
            invariants.journals_are_sealed,
            invariants.donor_funds_pass_through,
            invariants.gifts_are_booked_once,
            invariants.refunds_are_booked,
            invariants.refunded_is_what_refunds_come_to,
            invariants.refunds_in_flight_belong_to_refunds,
            invariants.disputes_are_booked,
            invariants.closed_disputes_hold_nothing,
        ):
            assert check(at) == [], check.__name__

    @invariant()
    def never_more_is_refunded_than_was_charged(self) -> None:
        payment = Payment.objects.get(id=self.payment.id)
        assert 0 <= payment.refunded <= payment.charged

    @invariant()
    def balances_are_what_a_replay_of_the_facts_gives(self) -> None:
        replayed: dict[str, int] = {}
        for fact in RecordedEvent.objects.filter(
            type="payments.journal.posted.v1", payload__payment_id=str(self.payment.id)
        ):
            for line in fact.payload["entries"]:
                minor = int(line["amount"].replace(".", ""))
                replayed[line["account"]] = replayed.get(line["account"], 0) + minor
        held = Entry.objects.filter(journal__payment_id=self.payment.id).values("account").annotate(total=Sum("amount"))
        assert {row["account"]: row["total"] for row in held} == replayed

    @invariant()
    def once_we_looked_our_balance_is_stripes(self) -> None:
        if self.told is not self.now or self.now.status != "succeeded":
            return
        moved = CHARGED - FEE
        moved -= sum(each.amount.minor for each in self.now.refunds if each.taken)
        moved += sum(move.amount - move.fee for case in self.now.disputes for move in case.moves)
        assert books.balance("stripe_balance", "GBP") == moved


@pytest.mark.django_db
def test_any_life_of_a_payment_ends_in_books_that_agree_with_stripe() -> None:
    run_state_machine_as_test(
        Life,
        settings=settings(
            max_examples=40, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
