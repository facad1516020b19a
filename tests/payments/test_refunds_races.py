"""Many at once: never more back than was charged, one decision, one call to Stripe."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier
from typing import Any

import pytest
import stripe
from django.db import connections

from payments_svc.donations import settling
from payments_svc.donations.models import Payment
from payments_svc.ledger import queries as ledger
from payments_svc.refunds.models import Refund
from payments_svc.refunds.tasks import sweep
from tests.payments.conftest import StandIn, person
from tests.payments.factories import CampaignFactory
from tests.payments.refunding import ask, at_stripe, decide, facts_of, work

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(how_many: int, call: Callable[[int], Any]) -> list[Any]:
    start = Barrier(how_many)

    def run(number: int) -> Any:
        try:
            start.wait(timeout=60)
            return call(number)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(how_many) as pool:
        return list(pool.map(run, range(how_many)))


def given(amount: str) -> str:
    return str(person().give(CampaignFactory.create(), amount)["payment_id"])


def test_twenty_refunds_of_one_on_ten_are_exactly_ten(standin: StandIn) -> None:
    payment, support = given("10.00"), person("support")
    answers = Counter(at_once(20, lambda _: ask(support, payment, "1.00").status_code))
    assert answers == {202: 10, 409: 10}
    at_once(4, lambda _: sweep())
    while work(minutes=5):
        pass
    assert sorted(made.amount for made in at_stripe(standin, payment)) == [100] * 10
    row = Payment.objects.get()
    assert (row.refunded, row.refund_status) == (1000, "full")
    assert facts_of(payment).count("succeeded") == 10
    assert ledger.imbalance() == {"GBP": 0}


def test_two_equal_ones_at_once_with_two_keys_are_both_made(standin: StandIn) -> None:
    payment, support = given("10.00"), person("support")
    assert [answer.status_code for answer in at_once(2, lambda _: ask(support, payment, "5.00"))] == [202, 202]
    at_once(2, lambda _: sweep())
    work(minutes=5)
    assert [made.amount for made in at_stripe(standin, payment)] == [500, 500]


def test_one_key_from_ten_threads_asks_once(standin: StandIn) -> None:
    payment, support, key = given("10.00"), person("support"), uuid.uuid4()
    answers = {answer.status_code for answer in at_once(10, lambda _: ask(support, payment, "5.00", key=key))}
    assert answers <= {202, 409}
    assert Refund.objects.count() == 1


def test_two_approvers_at_once_are_one_approval_and_one_call_to_stripe(standin: StandIn) -> None:
    payment = given("900.00")
    asked = ask(person("support"), payment).json()
    approvers = [person("finance") for _ in range(6)]
    standin.http.delete("/_standin/requests")
    answers = Counter(
        at_once(6, lambda number: decide(approvers[number], "approve", asked["refund_id"]).json().get("code", "done"))
    )
    assert answers == {"done": 1, "refund_decided": 5}
    at_once(4, lambda _: sweep())
    assert len(standin.asked("/v1/refunds", "POST")) == 1
    assert len(at_stripe(standin, payment)) == 1
    assert facts_of(payment) == ["requested", "approved", "succeeded"]


def test_approving_and_rejecting_at_once_is_one_of_them(standin: StandIn) -> None:
    payment = given("900.00")
    asked = ask(person("support"), payment).json()
    people = [(person("finance"), verb) for verb in ("approve", "reject") * 3]
    at_once(6, lambda number: decide(*people[number], asked["refund_id"]))
    work()
    told = facts_of(payment)
    assert told in (["requested", "approved", "succeeded"], ["requested", "rejected"])
    assert len(at_stripe(standin, payment)) == told.count("succeeded")


def test_webhooks_and_sweeps_at_once_book_a_refund_once(standin: StandIn) -> None:
    payment = given("10.00")
    ask(person("support"), payment, "4.00")
    standin.pull(method="POST", path="/v1/refunds", effect="lose_answer")
    work()
    Refund.objects.update(due_at=Refund.objects.get().created_at)
    at_once(8, lambda number: settling.settle(uuid.UUID(payment)) if number % 2 else sweep())
    refund = Refund.objects.get()
    assert (refund.status, refund.source) == ("succeeded", "staff")
    assert Payment.objects.get().refunded == 400
    assert facts_of(payment) == ["requested", "approved", "succeeded"]
    assert len(at_stripe(standin, payment)) == 1


def test_a_refund_at_stripes_desk_races_with_ours_and_the_sum_stays(standin: StandIn) -> None:
    payment, support = given("10.00"), person("support")
    intent = str(Payment.objects.get().intent_id)

    def one(number: int) -> None:
        if number % 2:
            ask(support, payment, "2.00")
            sweep()
        else:
            # Stripe itself refuses what would be more than is left.
            with suppress(stripe.InvalidRequestError):
                standin.stripe.v1.refunds.create({"payment_intent": intent, "amount": 300})
            settling.settle(uuid.UUID(payment))

    at_once(8, one)
    work(minutes=5)
    settling.settle(uuid.UUID(payment))
    total = sum(made.amount for made in at_stripe(standin, payment))
    assert total <= 1000
    assert Payment.objects.get().refunded == total
    assert ledger.imbalance() == {"GBP": 0}
