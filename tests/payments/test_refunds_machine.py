"""Any story of one payment's refunds, told by staff, Stripe's desk, failing banks and lost answers: never more back than was
charged, the books sum to zero and say what Stripe says."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bh_sdk.errors import BHError
from bh_sdk.money import Money
from bh_sdk.server.ops import clock
from payments_svc.donations import queries as donations
from payments_svc.donations.models import Payment
from payments_svc.gateway.errors import RequestRefused
from payments_svc.gateway.standing import RefundStanding
from payments_svc.ledger import queries as ledger
from payments_svc.ledger import rules as postings
from payments_svc.ledger.commands import post
from payments_svc.refunds import books, commands, queries, saga
from payments_svc.refunds.models import Refund
from payments_svc.refunds.rules import (
    AT_STRIPE,
    COUNTING,
    DEAD,
    REFUND_MOVES,
    RESERVING,
    booking,
    needs_second_person,
    threshold,
)
from tests.payments.factories import PaymentFactory
from tests.payments.refunding import balances

CHARGED = 1000
PEOPLE = [uuid.uuid4() for _ in range(3)]

amounts = st.integers(1, 700)
steps = st.one_of(
    st.tuples(st.just("ask"), amounts, st.integers(0, 2), st.booleans()),
    st.tuples(st.sampled_from(["approve", "reject", "withdraw"]), st.integers(0, 5), st.integers(0, 2)),
    st.tuples(st.just("send"), st.sampled_from(["arrives", "pending", "lost", "arrives unheard"])),
    st.tuples(st.just("desk"), amounts, st.sampled_from(["pending", "succeeded"])),
    st.tuples(st.sampled_from(["settles", "fails", "cancels"]), st.integers(0, 5)),
    st.tuples(st.just("look"), st.integers(0, 3)),
)


class Bank:
    """Stripe, as far as one payment's refunds go: what it holds, and every picture of it that was taken."""

    def __init__(self) -> None:
        self.refunds: dict[str, RefundStanding] = {}
        self.pictures: list[list[RefundStanding]] = []

    @property
    def left(self) -> int:
        return CHARGED - sum(each.amount.minor for each in self.refunds.values() if each.state in AT_STRIPE)

    def make(self, amount: int, state: Any, refund_id: uuid.UUID | None = None) -> None:
        name = f"re_{uuid.uuid4().hex}"
        known = str(refund_id) if refund_id else None
        self.refunds[name] = RefundStanding(name, Money(amount, "GBP"), state, None, None, known, taken=True)

    def move(self, number: int, state: Any, among: tuple[str, ...]) -> None:
        fitting = [name for name, each in self.refunds.items() if each.state in among]
        if fitting:
            name = fitting[number % len(fitting)]
            old = self.refunds[name]
            self.refunds[name] = RefundStanding(name, old.amount, state, None, None, old.refund_id, taken=True)

    def picture(self) -> list[RefundStanding]:
        self.pictures.append(list(self.refunds.values()))
        return self.pictures[-1]


def follow(payment: Payment, told: list[RefundStanding]) -> None:
    books.follow(donations.payment_for_update(payment.id), told, at=clock.now())


def ask(payment: Payment, amount: int, person: int, may_approve: bool) -> None:
    commands.request_refund(
        payment_id=payment.id,
        amount=Money(amount, "GBP"),
        reason="duplicate",
        by=PEOPLE[person],
        may_approve=may_approve,
        request_digest=uuid.uuid4().hex,
    )


def decide(verb: str, number: int, person: int) -> None:
    rows = list(Refund.objects.filter(source="staff").order_by("created_at", "id"))
    if rows:
        acts: dict[str, Callable[..., Refund]] = {
            "approve": commands.approve_refund,
            "reject": commands.reject_refund,
            "withdraw": commands.withdraw_refund,
        }
        acts[verb](refund_id=rows[number % len(rows)].id, by=PEOPLE[person], notes="Decided")


def send(payment: Payment, bank: Bank, how: str) -> None:
    """Every approved refund goes to the bank, the way the saga does it, without the network in between."""
    for row in Refund.objects.filter(status__in=("approved", "submitting")).order_by("created_at", "id"):
        attempt = saga._begin(row.id)
        if attempt is None or how == "lost":
            continue
        known = next((each for each in bank.refunds.values() if each.refund_id == str(row.id)), None)
        if known is None and row.amount > bank.left:
            saga._refused(attempt, RequestRefused("too much", code="charge_already_refunded"))
            continue
        if known is None:
            bank.make(row.amount, "pending" if how == "pending" else "succeeded", row.id)
        if how != "arrives unheard":
            follow(payment, [each for each in bank.refunds.values() if each.refund_id == str(row.id)])


def play(payment: Payment, bank: Bank, step: Any) -> None:
    kind, *more = step
    if kind == "ask":
        ask(payment, *more)
    elif kind in ("approve", "reject", "withdraw"):
        decide(kind, *more)
    elif kind == "send":
        send(payment, bank, *more)
    elif kind == "desk" and more[0] <= bank.left:
        bank.make(*more)
    elif kind == "settles":
        bank.move(more[0], "succeeded", ("pending",))
    elif kind == "fails":
        bank.move(more[0], "failed", ("pending", "succeeded"))
    elif kind == "cancels":
        bank.move(more[0], "canceled", ("pending",))
    elif kind == "look":
        # Now and then an older picture than the last one is worked again.
        fresh = bank.picture()
        follow(payment, bank.pictures[-1 - min(more[0], len(bank.pictures) - 1)])
        follow(payment, fresh)


def holds(payment: Payment) -> None:
    row = Payment.objects.get(id=payment.id)
    found = list(Refund.objects.all())
    assert row.refunded == sum(each.amount for each in found if each.status == "succeeded")
    assert row.refunded <= CHARGED
    assert sum(each.amount for each in found if each.status in AT_STRIPE) <= CHARGED
    assert queries.left(row).minor >= 0 or any(each.status == "submitting" for each in found)
    assert queries.reserved(row.id) == sum(each.amount for each in found if each.status in RESERVING)
    assert ledger.imbalance() == {"GBP": 0}
    live = sum(each.amount for each in found if each.status in AT_STRIPE)
    assert balances().get("campaign_payable", 0) == -(CHARGED - live)
    assert all(each.approved_by != each.requested_by for each in found if each.approved_by)
    assert all(each.approved_by for each in found if each.second_person and each.status in AT_STRIPE)


@pytest.mark.django_db
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(story=st.lists(steps, max_size=25))
def test_no_story_of_refunds_gives_back_more_than_was_charged(story: list[Any]) -> None:
    with transaction.atomic():
        payment = PaymentFactory.create(charged=CHARGED, amount=CHARGED, processing_fee=0, platform_fee=0)
        post(
            reference=f"payment:{payment.id}:succeeded",
            kind="donation",
            payment_id=payment.id,
            campaign_id=payment.campaign_id,
            currency="GBP",
            postings=postings.donation(charged=CHARGED, processing_fee=0, platform_fee=0),
            at=clock.now(),
        )
        Payment.objects.filter(id=payment.id).update(status="succeeded", intent_id=f"pi_{uuid.uuid4().hex}")
        bank = Bank()
        for step in story:
            # What is refused writes nothing; the rules hold all the same.
            with suppress(BHError), transaction.atomic():
                play(payment, bank, step)
            holds(payment)
        follow(payment, bank.picture())
        send(payment, bank, "arrives")
        holds(payment)
        ours = {each.stripe_id: each.status for each in Refund.objects.exclude(stripe_id=None)}
        assert ours == {name: each.state for name, each in bank.refunds.items()}
        transaction.set_rollback(True)


@given(
    now=st.sampled_from(sorted(REFUND_MOVES)),
    told=st.lists(
        st.tuples(st.sampled_from(["pending", "succeeded", "failed", "canceled"]), st.booleans()), max_size=8
    ),
)
def test_the_books_of_a_refund_end_where_its_last_word_is(now: str, told: list[tuple[str, bool]]) -> None:
    state, booked = "pending", ""
    for new, taken in told:
        if state in DEAD:
            break
        state = new if new in REFUND_MOVES[state] else state
        for step in booking(booked, state=state, taken=taken):  # type: ignore[arg-type]
            assert step.before == booked
            booked = step.after
        assert (booked == "") == (state in DEAD)
    assert RESERVING | {"succeeded"} == COUNTING
    assert now in COUNTING | DEAD


@given(amount=st.integers(1, 10**6), before=st.integers(0, 10**6), alone=st.integers(0, 10**6), may=st.booleans())
def test_a_second_person_is_needed_exactly_above_the_sum(amount: int, before: int, alone: int, may: bool) -> None:
    needed = needs_second_person(
        Money(amount, "GBP"), before=Money(before, "GBP"), limit=Money(alone, "GBP"), may_approve=may
    )
    assert needed == (may or amount + before > alone)


@pytest.mark.parametrize(
    ("code", "shown"), [("GBP", "500.00"), ("JPY", "75000"), ("XOF", "500"), ("KWD", "500.000"), ("ISK", "500")]
)
def test_the_threshold_is_written_in_the_currencys_own_decimals(code: str, shown: str) -> None:
    assert threshold(code, {"default": "500.00", "JPY": "75000"}).decimal == shown
