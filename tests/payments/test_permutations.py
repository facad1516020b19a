"""One payment's life in thousands of orders: every event one to three times, eight workers at once, the same end.

Stripe's side is canned at the port where its answers come in: a `Standing` per step of the life. Orders differ in two ways,
and both have to end alike. *Late*: the life is over, and its events arrive in any order; every look shows the end. *Stale*:
a worker looked when the event came and was held up, so that old looks are brought to the books after new ones.
"""

from __future__ import annotations

import os
import random
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import pytest
from django.db import connections, transaction
from django.db.models import Sum

from bh_sdk.money import Money
from bh_sdk.server.events.models import RecordedEvent
from payments_svc.donations import settling
from payments_svc.donations.models import FailedTry as KeptTry
from payments_svc.donations.models import Payment
from payments_svc.gateway.standing import Charge, DisputeMove, DisputeStanding, FailedTry, RefundStanding, Standing
from payments_svc.ledger.models import Entry, Journal
from tests.payments.factories import CampaignFactory, PaymentFactory

pytestmark = pytest.mark.django_db(transaction=True)
WORKERS = 8
# A tenth of them beside every change, all of them at night.
ORDERS = 2_000 if os.environ.get("BH_NIGHTLY") == "1" else 200
# Of each ten orders four are late and six stale.
LATE = ORDERS * 4 // 10
CHARGED = 10_000


def gbp(minor: int) -> Money:
    return Money(minor, "GBP")


@dataclass(frozen=True)
class Step:
    """An event of the life, and how everything stands at Stripe when it happens."""

    standing: Standing
    failed: FailedTry | None = None


def life(name: str) -> list[Step]:
    """A try that fails, one that succeeds, two refunds of which one comes back, a dispute of a part that is answered and lost,
    and another that is won. Every id begins with `name`."""
    failed = FailedTry(f"ch_{name}_1", "insufficient_funds", "Your card has insufficient funds.")
    now = Standing(f"pi_{name}", f"pi_{name}_secret", "requires_payment_method", gbp(CHARGED))
    steps = [Step(now), Step(now := replace(now, failed_try=failed), failed)]
    charge = Charge(f"ch_{name}_2", gbp(CHARGED), gbp(170), None, f"fp_{name}")
    steps.append(Step(now := replace(now, status="succeeded", failed_try=None, charge=charge)))
    first = RefundStanding(f"re_{name}_1", gbp(1500), "pending", "requested_by_customer", None)
    second = RefundStanding(f"re_{name}_2", gbp(700), "succeeded", None, None, taken=True)
    back = replace(second, state="failed", failure_reason="lost_or_stolen_card")
    done = replace(first, state="succeeded", taken=True)
    for refunds in ([first], [first, second], [done, back]):
        now = replace(now, refunds=refunds)
        steps.append(Step(now))
    lost = DisputeStanding(
        f"du_{name}_1", gbp(3000), "open", reason="fraudulent", moves=(DisputeMove(f"txn_{name}_1", -3000, 2000),)
    )
    won = DisputeStanding(f"du_{name}_2", gbp(900), "inquiry", stripe_status="warning_needs_response")
    answered = replace(lost, state="answered", stripe_status="under_review", submissions=1)
    closed = replace(answered, state="lost", stripe_status="lost")
    taken = (DisputeMove(f"txn_{name}_2", -900, 2000),)
    asked = replace(won, state="open", stripe_status="needs_response", moves=taken)
    given_back = replace(
        asked, state="won", stripe_status="won", moves=(*taken, DisputeMove(f"txn_{name}_3", 900, -2000))
    )
    for disputes in ([lost], [lost, won], [answered, asked], [closed, given_back]):
        now = replace(now, disputes=disputes)
        steps.append(Step(now))
    return steps


@pytest.fixture(scope="module")
def workers() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(WORKERS) as pool:
        yield pool
        # Each thread lets go of its own connection, or the database could not be dropped.
        barrier = [pool.submit(connections.close_all) for _ in range(WORKERS * 4)]
        assert all(each.result() is None for each in barrier)


def open_payment(campaign: Any) -> tuple[Payment, str]:
    name = uuid.uuid4().hex[:16]
    payment = PaymentFactory.create(
        campaign=campaign, amount=CHARGED, charged=CHARGED, platform_fee=200, status="created", intent_id=f"pi_{name}"
    )
    return payment, name


def deliver(payment_id: uuid.UUID, step: Step) -> None:
    """What the worker does with an event: note the try that failed, then bring the books to what the look showed."""
    if step.failed is not None:
        settling.note_failed_try(payment_id, step.failed)
    settling.bring_to(payment_id, step.standing)


def anonymous(text: str, payment: Payment, name: str) -> str:
    return text.replace(str(payment.id), "<payment>").replace(name, "<name>")


def books(payment: Payment, name: str) -> list[tuple[str, str, str, str, int]]:
    """Every line of every journal."""
    lines = Entry.objects.filter(journal__payment_id=payment.id).values_list(
        "journal__reference", "journal__kind", "account", "line", "amount"
    )
    return sorted((anonymous(reference, payment, name), *rest) for reference, *rest in lines)  # type: ignore[misc]


def facts(payment: Payment, name: str) -> list[tuple[str, tuple[tuple[str, str], ...]]]:
    """Every fact with what it says, without the ids that differ from payment to payment."""
    own = {"payment_id", "campaign_id", "donor_id", "refund_id", "dispute_id", "cluster"}
    rows = RecordedEvent.objects.filter(aggregateid=payment.id).values_list("type", "payload")
    return sorted((kind, tuple(sorted((k, str(v)) for k, v in said.items() if k not in own))) for kind, said in rows)


def state(payment: Payment) -> Any:
    payment.refresh_from_db()
    return (
        (payment.status, payment.refunded, payment.dispute_status, payment.failure_code, payment.processing_fee),
        sorted(payment.refunds.values_list("amount", "status")),
        sorted(payment.disputes.values_list("amount", "status", "stripe_status", "submissions", "fee", "reason")),
        sorted(KeptTry.objects.filter(payment=payment).values_list("code", flat=True)),
    )


def balances(payment: Payment) -> dict[str, int]:
    rows = Entry.objects.filter(journal__payment_id=payment.id).values_list("account").annotate(total=Sum("amount"))
    return {account: total for account, total in rows if total}


def told(payment: Payment) -> Any:
    """What somebody knows who only reads the facts: the same whether a refund was seen to succeed before it came back or not."""
    known: dict[str, Any] = {"given": 0, "refunded": Decimal(0), "kinds": []}
    for kind, said in RecordedEvent.objects.filter(aggregateid=payment.id).values_list("type", "payload"):
        if kind == "payments.refund.succeeded.v1":
            known["refunded"] += Decimal(said["amount"])
        elif kind == "payments.refund.failed.v1":
            known["refunded"] -= Decimal(said["amount"]) if said["reversed"] else 0
        else:
            known["kinds"].append((kind, said["amount"], said.get("outcome"), said.get("fee")))
    known["kinds"].sort(key=str)
    return known


def in_some_order(steps: list[Step], *, seed: int) -> list[Step]:
    chance = random.Random(seed)
    deliveries = [step for step in steps for _ in range(chance.randint(1, 3))]
    chance.shuffle(deliveries)
    return deliveries


def run(workers: ThreadPoolExecutor, payment: Payment, deliveries: list[Step]) -> None:
    for done in [workers.submit(deliver, payment.id, each) for each in deliveries]:
        done.result()


def test_late_events_in_any_order_end_in_the_same_state_ledger_and_facts(workers: ThreadPoolExecutor) -> None:
    campaign = CampaignFactory.create()
    ends = set()
    for seed in range(LATE):
        payment, name = open_payment(campaign)
        steps = life(name)
        run(workers, payment, [replace(s, standing=steps[-1].standing) for s in in_some_order(steps, seed=seed)])
        ends.add(repr((state(payment), books(payment, name), facts(payment, name))))
    assert len(ends) == 1


def test_looks_brought_in_any_order_end_in_the_same_state_balances_and_story(workers: ThreadPoolExecutor) -> None:
    campaign = CampaignFactory.create()
    ends = set()
    for seed in range(LATE, ORDERS):
        payment, name = open_payment(campaign)
        run(workers, payment, in_some_order(life(name), seed=seed))
        ends.add(repr((state(payment), balances(payment), told(payment))))
    assert len(ends) == 1


def test_the_end_is_the_right_one(workers: ThreadPoolExecutor) -> None:
    """What all orders agree on, by hand: 100.00 less fees 1.70 and 2.00, less 15.00 refunded, less 30.00 lost."""
    payment, name = open_payment(CampaignFactory.create())
    for step in life(name):
        deliver(payment.id, step)
    assert state(payment)[0] == ("succeeded", 1500, "lost", None, 170)
    assert balances(payment) == {
        "stripe_balance": 10_000 - 170 - 1500 - 3000 - 2000,
        "campaign_payable": -(10_000 - 170 - 200 - 1500 - 3000),
        "platform_revenue": -200,
        "processing_fees": 2000,
    }
    kinds = [kind.split(".", 1)[1] for kind, *_ in told(payment)["kinds"]]
    assert kinds == [
        "dispute.answered.v1",
        "dispute.closed.v1",
        "dispute.closed.v1",
        "dispute.opened.v1",
        "dispute.opened.v1",
        "donation.failed.v1",
        "donation.succeeded.v1",
    ]
    assert told(payment)["refunded"] == Decimal("15.00")
    with transaction.atomic():
        sums = Journal.objects.filter(payment_id=payment.id).annotate(total=Sum("entries__amount"))
        assert {journal.total for journal in sums} == {0}
