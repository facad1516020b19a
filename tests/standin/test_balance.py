"""docs.stripe.com/api/balance_transactions, docs.stripe.com/api/balance, docs.stripe.com/payouts/reconciliation"""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import StandIn


def test_the_balance_is_the_sum_of_its_transactions(standin: StandIn, v1: Any) -> None:
    standin.given(5000)
    standin.given(1000, card="pm_card_bypassPending")
    v1.refunds.create({"payment_intent": standin.given(500, "jpy").id, "amount": 100})
    balance = v1.balance.retrieve()
    assert {one.currency: one.amount for one in balance.pending} == {"usd": 4825, "jpy": 385}
    assert {one.currency: one.amount for one in balance.available} == {"usd": 941, "jpy": 0}
    statuses = {one.status for one in v1.balance_transactions.list({"currency": "usd"}).data}
    assert statuses == {"available", "pending"}


def test_a_payout_names_its_transactions(standin: StandIn, v1: Any) -> None:
    standin.given(5000)
    standin.given(1000)
    paid = standin.control("payouts", {"currency": "usd"})
    assert paid["amount"] == 4825 + 941
    assert [one.id for one in v1.payouts.list({"status": "paid"}).data] == [paid["id"]]
    booked = v1.balance_transactions.list({"payout": paid["id"]}).data
    assert sorted((one.type, one.net) for one in booked) == [("charge", 941), ("charge", 4825), ("payout", -5766)]
    assert v1.payouts.retrieve(paid["id"], {"expand": ["balance_transaction"]}).balance_transaction.net == -5766
    assert standin.happened("payout.") == ["payout.created", "payout.paid", "payout.reconciliation_completed"]
    with pytest.raises(AssertionError, match="nothing to pay out"):
        standin.control("payouts", {"currency": "usd"})


def test_a_charge_can_be_described_later(standin: StandIn, v1: Any) -> None:
    charge = standin.given().latest_charge
    changed = v1.charges.update(charge.id, {"description": "Well", "metadata": {"a": "b"}})
    assert (changed.description, changed.metadata["a"]) == ("Well", "b")
    assert standin.happened()[-1] == "charge.updated"
    assert "Receipt" in standin.http.get(charge.receipt_url.removeprefix(standin.url)).text
