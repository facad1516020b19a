"""The way of a refund to Stripe and back: lost answers, crashes, refusals, late failures, and what the books say at each."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from bh_sdk.errors import Invalid, RefundDecided
from bh_sdk.server.ops import clock
from payments_svc.donations import settling
from payments_svc.donations.models import Payment
from payments_svc.ledger import queries as ledger
from payments_svc.ledger import rules
from payments_svc.ledger.commands import post
from payments_svc.ledger.models import Journal
from payments_svc.refunds import commands, queries, saga
from payments_svc.refunds.models import Refund, RefundStep
from tests.payments.conftest import Caller, StandIn, person
from tests.payments.refunding import ask, at_stripe, balances, decide, facts_of, work

pytestmark = pytest.mark.django_db
EFFECTS = ["lose_answer", "error_after", "error_before", "rate_limit"]


@pytest.fixture
def support() -> Caller:
    return person("support")


def given(donor: Caller, campaign: Any, card: str = "pm_card_visa") -> str:
    return str(donor.give(campaign, "25.00", card)["payment_id"])


def settle(payment_id: str) -> None:
    settling.settle(uuid.UUID(payment_id))


def steps() -> list[str]:
    return [step.name for step in RefundStep.objects.all()]


@pytest.mark.parametrize("effect", EFFECTS)
@pytest.mark.parametrize("saved", [True, False])
def test_after_a_lost_answer_the_sweeper_finds_out_and_nothing_is_refunded_twice(
    standin: StandIn, donor: Caller, support: Caller, campaign: Any, effect: str, saved: bool
) -> None:
    payment = given(donor, campaign)
    asked = ask(support, payment, "10.00").json()
    standin.pull(method="POST", path="/v1/refunds", effect=effect, saved=saved)
    work()
    refund = Refund.objects.get()
    assert (refund.status, refund.stripe_id) == ("submitting", None)
    # Unknown is not failed: nothing is released on a guess.
    assert queries.reserved(refund.payment_id) == 1000
    assert ask(support, payment, "15.01").json()["left"] == "15.00"
    assert work() == 0
    work(minutes=5)
    assert Refund.objects.get().status == "succeeded"
    assert [made.metadata["refund_id"] for made in at_stripe(standin, payment)] == [asked["refund_id"]]
    assert facts_of(payment).count("succeeded") == 1
    assert steps()[:5] == ["asked", "approved", "sent", "unanswered", "accepted"]


def test_a_webhook_may_tell_before_the_answer_was_lost(
    standin: StandIn, donor: Caller, support: Caller, campaign: Any
) -> None:
    payment = given(donor, campaign)
    asked = ask(support, payment, "10.00").json()
    standin.pull(method="POST", path="/v1/refunds", effect="lose_answer")
    work()
    for _ in range(2):
        settle(payment)
    refund = Refund.objects.get()
    assert (str(refund.id), refund.status, refund.source) == (asked["refund_id"], "succeeded", "staff")
    assert refund.stripe_id == at_stripe(standin, payment)[0].id
    assert work(minutes=60) == 0
    assert facts_of(payment) == ["requested", "approved", "succeeded"]


def test_a_worker_that_dies_before_the_call_is_taken_over(
    standin: StandIn, donor: Caller, support: Caller, campaign: Any
) -> None:
    payment = given(donor, campaign)
    ask(support, payment, "10.00")
    (refund_id,) = saga.claim(10)
    assert saga._begin(refund_id) is not None
    assert Refund.objects.get().status == "submitting"
    assert work() == 0
    work(minutes=1)
    assert Refund.objects.get().status == "succeeded"
    assert len(at_stripe(standin, payment)) == 1


def test_a_worker_that_dies_after_the_call_is_taken_over_too(
    standin: StandIn, donor: Caller, support: Caller, campaign: Any
) -> None:
    payment = given(donor, campaign)
    ask(support, payment, "10.00")
    (refund_id,) = saga.claim(10)
    attempt = saga._begin(refund_id)
    assert attempt is not None
    saga._send(attempt)
    assert Refund.objects.get().stripe_id is None
    work(minutes=1)
    assert Refund.objects.get().status == "succeeded"
    assert len(at_stripe(standin, payment)) == 1


def test_the_key_at_stripe_is_the_refunds_own_id(
    standin: StandIn, donor: Caller, support: Caller, campaign: Any
) -> None:
    payment = given(donor, campaign)
    asked = ask(support, payment, "10.00").json()
    work()
    keys = [request["idempotency_key"] for request in standin.asked("/v1/refunds", "POST")]
    assert keys[-1] == f"refund-{asked['refund_id']}"


def test_what_stripe_refuses_is_rejected_and_free_again(
    standin: StandIn, donor: Caller, support: Caller, campaign: Any
) -> None:
    payment = given(donor, campaign)
    ask(support, payment, "20.00")
    intent = str(Payment.objects.get().intent_id)
    standin.stripe.v1.refunds.create({"payment_intent": intent, "amount": 2500})
    work()
    refund = Refund.objects.get()
    assert (refund.status, refund.failure_reason) == ("rejected", "charge_already_refunded")
    assert queries.left(refund.payment).minor == 2500
    settle(payment)
    assert queries.left(Payment.objects.get()).minor == 0
    assert facts_of(payment) == ["requested", "approved", "rejected", "succeeded"]


def test_one_made_at_stripes_desk_takes_the_place_of_what_was_only_asked_for(
    standin: StandIn, donor: Caller, support: Caller, campaign: Any
) -> None:
    payment = str(donor.give(campaign, "900.00")["payment_id"])
    first, second = ask(support, payment, "600.00").json(), ask(support, payment, "300.00").json()
    assert [first["status"], second["status"]] == ["pending_approval", "approved"]
    intent = str(Payment.objects.get().intent_id)
    standin.stripe.v1.refunds.create({"payment_intent": intent, "amount": 20000})
    settle(payment)
    states = {str(refund.id): refund.status for refund in Refund.objects.filter(source="staff")}
    # The newest request goes first; the older one still fits.
    assert states == {first["refund_id"]: "pending_approval", second["refund_id"]: "rejected"}
    adopted = Refund.objects.get(source="stripe")
    assert (adopted.status, adopted.requested_by, adopted.amount) == ("succeeded", None, 20000)
    assert queries.left(Payment.objects.get()).minor == 10000


def test_a_refund_that_names_ours_but_does_not_fit_is_not_taken_for_it(
    standin: StandIn, donor: Caller, support: Caller, campaign: Any
) -> None:
    payment = given(donor, campaign)
    asked = ask(support, payment, "10.00").json()
    intent = str(Payment.objects.get().intent_id)
    standin.stripe.v1.refunds.create(
        {"payment_intent": intent, "amount": 500, "metadata": {"refund_id": asked["refund_id"]}}
    )
    settle(payment)
    assert Refund.objects.get(id=asked["refund_id"]).stripe_id is None
    assert Refund.objects.get(source="stripe").amount == 500


class TestPending:
    @pytest.fixture
    def pending(self, standin: StandIn, donor: Caller, support: Caller, campaign: Any) -> Refund:
        standin.http.post("/_standin/settings", json={"refund_settles_after": None}).raise_for_status()
        payment = given(donor, campaign, "pm_card_pendingRefund")
        ask(support, payment, "10.00")
        work()
        standin.http.delete("/_standin/settings").raise_for_status()
        return Refund.objects.get()

    def test_the_campaign_is_owed_less_from_the_moment_stripe_took_it(self, pending: Refund) -> None:
        assert (pending.status, pending.booked) == ("pending", "taken")
        assert Payment.objects.get().refunded == 0
        assert ledger.owed_to(pending.payment.campaign_id) == {"GBP": pending.payment.net - 1000}
        assert facts_of(pending.payment_id) == ["requested", "approved"]

    def test_the_books_equal_stripes_balance_at_every_moment(self, standin: StandIn, pending: Refund) -> None:
        for state in ("succeeded", "failed"):
            assert self.ours() == self.theirs(standin, pending)
            standin.settle_refund(str(pending.stripe_id), status=state)
            settle(str(pending.payment_id))
        assert self.ours() == self.theirs(standin, pending)

    def ours(self) -> int:
        return balances()["stripe_balance"]

    def theirs(self, standin: StandIn, refund: Refund) -> int:
        mine = [str(refund.payment.charge_id), str(refund.stripe_id)]
        listed = [
            each
            for source in mine
            for each in standin.stripe.v1.balance_transactions.list({"source": source, "limit": 100}).data
        ]
        return sum(each.net for each in listed)

    def test_it_is_looked_at_when_no_webhook_comes(self, standin: StandIn, pending: Refund) -> None:
        standin.settle_refund(str(pending.stripe_id), status="succeeded")
        assert work() == 0
        work(minutes=2)
        refund = Refund.objects.get()
        assert (refund.status, refund.due_at) == ("succeeded", None)
        assert facts_of(pending.payment_id)[-1] == "succeeded"

    @pytest.mark.parametrize("state", ["failed", "canceled"])
    def test_one_that_never_arrives_is_given_back_to_the_campaign(
        self, standin: StandIn, pending: Refund, state: str
    ) -> None:
        standin.settle_refund(str(pending.stripe_id), status=state)
        for _ in range(2):
            settle(str(pending.payment_id))
        refund = Refund.objects.get()
        assert (refund.status, refund.booked) == (state, "")
        assert ledger.owed_to(pending.payment.campaign_id) == {"GBP": pending.payment.net}
        assert "refunds_in_flight" not in balances()
        told = facts_of(pending.payment_id)
        assert told == ["requested", "approved", "failed"]
        assert queries.is_open_case(refund)


class TestOneThatComesBack:
    @pytest.fixture
    def back(self, standin: StandIn, donor: Caller, support: Caller, campaign: Any) -> Refund:
        payment = given(donor, campaign)
        ask(support, payment, "25.00")
        work()
        assert Payment.objects.get().refund_status == "full"
        made = at_stripe(standin, payment)[0]
        standin.settle_refund(made.id, status="failed", failure_reason="lost_or_stolen_card")
        for _ in range(3):
            settle(payment)
        return Refund.objects.get()

    def test_the_ledger_is_reversed_and_the_case_is_open_again(self, back: Refund) -> None:
        assert (back.status, back.failure_reason, back.booked) == ("failed", "lost_or_stolen_card", "")
        assert back.reopened_at is not None
        assert Payment.objects.get().refund_status == "none"
        assert ledger.owed_to(back.payment.campaign_id) == {"GBP": back.payment.net}
        assert [journal.kind for journal in Journal.objects.order_by("created_at", "reference")] == [
            "donation",
            "refund",
            "refund_reversal",
        ]
        assert facts_of(back.payment_id) == ["requested", "approved", "succeeded", "failed"]
        assert [refund.id for refund in queries.came_back()] == [back.id]

    def test_a_new_one_is_asked_from_it_once(self, standin: StandIn, back: Refund) -> None:
        again = commands.request_refund(
            payment_id=back.payment_id,
            amount=back.money,
            reason="requested_by_customer",
            by=uuid.uuid4(),
            may_approve=False,
            request_digest=uuid.uuid4().hex,
            retry_of=back.id,
        )
        assert again.retry_of_id == back.id
        assert list(queries.came_back()) == []
        with pytest.raises(RefundDecided):
            commands.request_refund(
                payment_id=back.payment_id,
                amount=back.money,
                reason="requested_by_customer",
                by=uuid.uuid4(),
                may_approve=False,
                request_digest=uuid.uuid4().hex,
                retry_of=back.id,
            )
        work()
        assert Payment.objects.get().refund_status == "full"
        assert balances()["campaign_payable"] == -(back.payment.net - 2500)

    def test_when_the_new_one_is_not_made_the_case_is_open_again(self, back: Refund, standin: StandIn) -> None:
        again = commands.request_refund(
            payment_id=back.payment_id,
            amount=None,
            reason="requested_by_customer",
            by=uuid.uuid4(),
            may_approve=True,
            request_digest=uuid.uuid4().hex,
            retry_of=back.id,
        )
        assert decide(person("finance"), "reject", again.id).status_code == 200
        assert [refund.id for refund in queries.came_back()] == [back.id]

    def test_staff_close_it_with_a_note(self, back: Refund) -> None:
        with pytest.raises(Invalid):
            commands.close_case(refund_id=back.id, by=uuid.uuid4(), notes=" ")
        commands.close_case(refund_id=back.id, by=uuid.uuid4(), notes="Paid by bank transfer, reference 4711")
        assert list(queries.came_back()) == []
        with pytest.raises(RefundDecided):
            commands.close_case(refund_id=back.id, by=uuid.uuid4(), notes="again")


def test_one_adopted_dead_leaves_both_moves_of_the_balance_in_the_books(
    standin: StandIn, donor: Caller, campaign: Any
) -> None:
    payment = given(donor, campaign)
    made = standin.stripe.v1.refunds.create({"payment_intent": str(Payment.objects.get().intent_id), "amount": 700})
    standin.settle_refund(made.id, status="failed")
    for _ in range(2):
        settle(payment)
    assert Journal.objects.filter(source=made.id).count() == 2
    assert balances()["campaign_payable"] == -Payment.objects.get().net
    assert facts_of(payment) == ["failed"]


def test_one_that_breaks_does_not_hold_up_the_others(
    standin: StandIn, donor: Caller, support: Caller, campaign: Any
) -> None:
    broken, fine = given(donor, campaign), given(donor, campaign)
    ask(support, broken, "5.00")
    standin.pull(method="POST", path="/v1/refunds", effect="lose_answer")
    work()
    # Its journal is there already, so booking it breaks on the unique reference.
    post(
        reference=f"refund:{at_stripe(standin, broken)[0].id}:taken",
        kind="refund",
        payment_id=uuid.UUID(broken),
        campaign_id=campaign.id,
        currency="GBP",
        postings=rules.refund(amount=500),
        at=clock.now(),
    )
    ask(support, fine, "5.00")
    Refund.objects.update(due_at=clock.now())
    assert work() == 1
    assert Refund.objects.get(payment_id=fine).status == "succeeded"
    left = Refund.objects.get(payment_id=broken)
    assert left.status == "submitting"
    assert left.due_at is not None
