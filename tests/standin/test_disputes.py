"""docs.stripe.com/api/disputes, docs.stripe.com/testing#disputes"""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from .conftest import StandIn


def test_the_dispute_card_is_disputed_at_once_and_blocks_refunds(standin: StandIn, v1: Any) -> None:
    paid = standin.given(card="pm_card_createDispute")
    (dispute,) = v1.disputes.list({"payment_intent": paid.id, "expand": ["data.charge"]}).data
    assert (dispute.status, dispute.reason, dispute.amount, dispute.is_charge_refundable) == (
        "needs_response", "fraudulent", 5000, False
    )  # fmt: skip
    assert dispute.charge.disputed is True
    (moved,) = dispute.balance_transactions
    assert (moved.type, moved.amount, moved.fee, moved.net) == ("adjustment", -5000, 1500, -6500)
    assert standin.happened()[-2:] == ["charge.dispute.created", "charge.dispute.funds_withdrawn"]
    with pytest.raises(stripe.InvalidRequestError, match="has been charged back; cannot issue a refund"):
        v1.refunds.create({"payment_intent": paid.id})
    assert v1.refunds.list().data == []


def test_winning_evidence_brings_the_money_back(standin: StandIn, v1: Any) -> None:
    standin.given(card="pm_card_createDisputeProductNotReceived")
    (dispute,) = v1.disputes.list().data
    kept = v1.disputes.update(dispute.id, {"evidence": {"product_description": "A well"}, "submit": False})
    assert (kept.status, kept.evidence_details.submission_count) == ("needs_response", 0)
    won = v1.disputes.update(dispute.id, {"evidence": {"uncategorized_text": "winning_evidence"}})
    assert (won.status, [one.amount for one in won.balance_transactions]) == ("won", [-5000, 5000])
    assert standin.happened("charge.dispute.")[-3:] == [
        "charge.dispute.updated", "charge.dispute.closed", "charge.dispute.funds_reinstated"
    ]  # fmt: skip


def test_closing_a_dispute_loses_it(standin: StandIn, v1: Any) -> None:
    standin.given(card="pm_card_createDispute")
    (dispute,) = v1.disputes.list().data
    assert v1.disputes.close(dispute.id).status == "lost"
    with pytest.raises(stripe.InvalidRequestError, match="already closed"):
        v1.disputes.close(dispute.id)
    assert standin.happened()[-1] == "charge.dispute.closed"


def test_an_inquiry_takes_no_money_and_allows_refunds(standin: StandIn, v1: Any) -> None:
    paid = standin.given(card="pm_card_createDisputeInquiry")
    (dispute,) = v1.disputes.list({"charge": paid.latest_charge.id}).data
    assert (dispute.status, dispute.balance_transactions) == ("warning_needs_response", [])
    assert v1.refunds.create({"payment_intent": paid.id}).status == "succeeded"


def test_any_charge_can_be_disputed_and_decided_through_the_control_door(standin: StandIn, v1: Any) -> None:
    paid = standin.given(500, "jpy")
    path = f"charges/{paid.latest_charge.id}/dispute"
    opened = standin.control(path, {"reason": "product_not_received", "amount": 300})
    assert (opened["amount"], opened["currency"], opened["status"]) == (300, "jpy", "needs_response")
    assert standin.control(f"disputes/{opened['id']}", {"status": "won"})["status"] == "won"
    assert v1.disputes.retrieve(opened["id"]).status == "won"
