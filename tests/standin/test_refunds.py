"""docs.stripe.com/api/refunds, docs.stripe.com/refunds, docs.stripe.com/testing#refunds"""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from .conftest import StandIn, until


def test_a_partial_refund_takes_money_but_not_the_fee_back(standin: StandIn, v1: Any) -> None:
    paid = standin.given()
    made = v1.refunds.create(
        {
            "payment_intent": paid.id,
            "amount": 1200,
            "reason": "requested_by_customer",
            "metadata": {"refund": "r1"},
            "expand": ["balance_transaction", "charge.payment_intent"],
        }
    )
    assert (made.status, made.reason, made.metadata["refund"]) == ("succeeded", "requested_by_customer", "r1")
    booked = made.balance_transaction
    assert (booked.type, booked.amount, booked.fee, booked.net) == ("refund", -1200, 0, -1200)
    assert made.charge.payment_intent.id == paid.id
    charge = v1.charges.retrieve(paid.latest_charge.id, {"expand": ["refunds"]})
    assert (charge.amount_refunded, charge.refunded, [one.id for one in charge.refunds.data]) == (
        1200,
        False,
        [made.id],
    )
    assert standin.happened()[-2:] == ["charge.refunded", "refund.created"]


def test_more_than_was_given_is_refused_and_nothing_is_written(standin: StandIn, v1: Any) -> None:
    paid = standin.given()
    with pytest.raises(stripe.InvalidRequestError) as refused:
        v1.refunds.create({"payment_intent": paid.id, "amount": 5001})
    assert refused.value.user_message == "Refund amount ($50.01) is greater than charge amount ($50.00)"
    assert (refused.value.http_status, refused.value.param) == (400, "amount")
    v1.refunds.create({"charge": paid.latest_charge.id, "amount": 4000})
    with pytest.raises(stripe.InvalidRequestError) as refused:
        v1.refunds.create({"payment_intent": paid.id, "amount": 2000})
    assert refused.value.user_message == "Refund amount ($20.00) is greater than unrefunded amount on charge ($10.00)"
    assert len(v1.refunds.list({"payment_intent": paid.id}).data) == 1
    assert v1.charges.retrieve(paid.latest_charge.id).amount_refunded == 4000


def test_what_is_left_is_the_default_and_a_second_full_refund_is_refused(standin: StandIn, v1: Any) -> None:
    paid = standin.given(500, "jpy")
    v1.refunds.create({"payment_intent": paid.id, "amount": 200})
    assert v1.refunds.create({"payment_intent": paid.id}).amount == 300
    assert v1.charges.retrieve(paid.latest_charge.id).refunded is True
    with pytest.raises(stripe.InvalidRequestError, match="has already been refunded") as refused:
        v1.refunds.create({"payment_intent": paid.id})
    assert refused.value.code == "charge_already_refunded"
    assert len(v1.refunds.list({"charge": paid.latest_charge.id}).data) == 2


def test_a_refund_needs_one_payment_that_succeeded(standin: StandIn, v1: Any) -> None:
    made = v1.payment_intents.create({"amount": 1000, "currency": "usd"})
    with pytest.raises(stripe.InvalidRequestError, match="does not have a successful charge to refund"):
        v1.refunds.create({"payment_intent": made.id})
    with pytest.raises(stripe.InvalidRequestError, match="One of the following params should be provided"):
        v1.refunds.create({})
    with pytest.raises(stripe.InvalidRequestError, match="No such payment_intent: 'pi_nothing'"):
        v1.refunds.create({"payment_intent": "pi_nothing"})
    with pytest.raises(
        stripe.InvalidRequestError, match="must be one of duplicate, fraudulent, or requested_by_customer"
    ):
        v1.refunds.create({"payment_intent": made.id, "reason": "because"})
    assert v1.refunds.list().data == []


def test_a_pending_refund_reserves_its_money_and_succeeds_later(standin: StandIn, v1: Any) -> None:
    standin.control("settings", {"refund_settles_after": None})
    paid = standin.given(card="pm_card_pendingRefund")
    made = v1.refunds.create({"payment_intent": paid.id, "amount": 3000})
    assert (made.status, made.pending_reason) == ("pending", "processing")
    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded amount"):
        v1.refunds.create({"payment_intent": paid.id, "amount": 2001})
    standin.control(f"refunds/{made.id}", {"status": "succeeded"})
    assert v1.refunds.retrieve(made.id).status == "succeeded"
    assert standin.happened()[-2:] == ["refund.updated", "charge.refund.updated"]


def test_a_refund_that_fails_later_gives_the_money_back_to_the_balance(standin: StandIn, v1: Any) -> None:
    standin.control("settings", {"refund_settles_after": 0.05})
    paid = standin.given(card="pm_card_refundFail")
    made = v1.refunds.create({"payment_intent": paid.id})
    assert made.status == "succeeded"
    until(lambda: v1.refunds.retrieve(made.id).status == "failed")
    failed = v1.refunds.retrieve(made.id, {"expand": ["failure_balance_transaction"]})
    assert failed.failure_reason == "expired_or_canceled_card"
    back = failed.failure_balance_transaction
    assert (back.type, back.amount) == ("refund_failure", 5000)
    charge = v1.charges.retrieve(paid.latest_charge.id)
    assert (charge.refunded, charge.amount_refunded) == (False, 0)
    assert standin.happened()[-3:] == ["refund.updated", "charge.refund.updated", "refund.failed"]
    with pytest.raises(AssertionError, match="moves no more"):
        standin.control(f"refunds/{made.id}", {"status": "succeeded"})
    assert v1.refunds.create({"payment_intent": paid.id}).amount == 5000


def test_a_succeeded_refund_can_be_made_to_fail(standin: StandIn, v1: Any) -> None:
    made = v1.refunds.create({"payment_intent": standin.given().id})
    standin.control(f"refunds/{made.id}", {"status": "failed", "failure_reason": "lost_or_stolen_card"})
    assert v1.refunds.retrieve(made.id).failure_reason == "lost_or_stolen_card"


def test_only_a_refund_that_waits_for_action_can_be_cancelled(standin: StandIn, v1: Any) -> None:
    made = v1.refunds.create({"payment_intent": standin.given().id})
    with pytest.raises(stripe.InvalidRequestError, match="requires_action"):
        v1.refunds.cancel(made.id)
    standin.control(f"refunds/{made.id}", {"status": "requires_action"})
    assert v1.refunds.cancel(made.id).status == "canceled"


def test_metadata_of_a_refund_can_be_changed(standin: StandIn, v1: Any) -> None:
    made = v1.refunds.create({"payment_intent": standin.given().id})
    assert dict(v1.refunds.update(made.id, {"metadata": {"note": "x"}}).metadata) == {"note": "x"}
    assert standin.happened()[-2:] == ["refund.updated", "charge.refund.updated"]
