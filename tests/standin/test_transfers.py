"""docs.stripe.com/api/transfers, docs.stripe.com/api/transfer_reversals, docs.stripe.com/api/accounts,
docs.stripe.com/connect/separate-charges-and-transfers
"""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from .conftest import StandIn, told


@pytest.fixture
def account(v1: Any) -> str:
    made = v1.accounts.create({"type": "express", "country": "US", "capabilities": {"transfers": {"requested": True}}})
    return str(made.id)


@pytest.fixture
def funded(standin: StandIn) -> StandIn:
    """Money that is available at once: 10.00 less the fee."""
    standin.given(1000, card="pm_card_bypassPending")
    return standin


def send(v1: Any, account: str, amount: int = 500, **more: Any) -> Any:
    return v1.transfers.create({"amount": amount, "currency": "usd", "destination": account} | more)


def test_a_connected_account_tells_what_it_may_receive(standin: StandIn, v1: Any, account: str) -> None:
    assert v1.accounts.retrieve(account).capabilities.transfers == "active"
    standin.control(f"accounts/{account}", {"transfers": "inactive"})
    assert v1.accounts.retrieve(account).capabilities.transfers == "inactive"
    assert [one.id for one in v1.accounts.list({}).data] == [account]
    assert standin.happened("account.") == ["account.updated", "account.updated"]
    with pytest.raises(stripe.PermissionError):
        v1.accounts.retrieve("acct_nobody")


def test_a_transfer_leaves_the_balance_at_once(funded: StandIn, v1: Any, account: str) -> None:
    made = send(v1, account, transfer_group="payout-1", metadata={"payout_id": "1"}, expand=["balance_transaction"])
    assert (made.amount, made.destination, made.reversed, made.transfer_group) == (500, account, False, "payout-1")
    booked = made.balance_transaction
    assert (booked.type, booked.reporting_category, booked.net, booked.status) == (
        "transfer", "transfer", -500, "available",
    )  # fmt: skip
    assert booked.source == made.id
    assert {one.currency: one.amount for one in v1.balance.retrieve().available} == {"usd": 441}
    assert funded.happened("transfer.") == ["transfer.created"]
    assert [one.id for one in v1.transfers.list({"transfer_group": "payout-1"}).data] == [made.id]
    assert v1.transfers.list({"transfer_group": "payout-2"}).data == []
    assert v1.transfers.retrieve(made.id).metadata["payout_id"] == "1"


def test_pending_money_cannot_be_transferred(standin: StandIn, v1: Any, account: str) -> None:
    standin.given(5000)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        send(v1, account)
    assert told(refused).code == "balance_insufficient"
    assert v1.transfers.list({}).data == []


def test_never_more_than_is_available(funded: StandIn, v1: Any, account: str) -> None:
    send(v1, account, 941)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        send(v1, account, 1)
    assert told(refused).code == "balance_insufficient"


def test_an_account_without_the_capability_receives_nothing(funded: StandIn, v1: Any) -> None:
    bare = v1.accounts.create({"type": "express"}).id
    for destination, code in ((bare, "insufficient_capabilities_for_transfer"), ("acct_nobody", "resource_missing")):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            send(v1, destination)
        assert told(refused).code == code
    assert v1.transfers.list({}).data == []


@pytest.mark.parametrize("changes", [{"amount": 0}, {"amount": "x"}, {"currency": "xxx"}, {"colour": "red"}])
def test_a_wrong_parameter_is_refused(funded: StandIn, v1: Any, account: str, changes: dict[str, Any]) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        send(v1, account, **changes)


def test_the_same_key_transfers_once(funded: StandIn, v1: Any, account: str) -> None:
    params: Any = {"amount": 300, "currency": "usd", "destination": account}
    made = [v1.transfers.create(params, {"idempotency_key": "payout-1"}).id for _ in range(2)]
    assert made[0] == made[1]
    assert len(v1.transfers.list({}).data) == 1


def test_a_reversal_brings_the_money_back_in_parts(funded: StandIn, v1: Any, account: str) -> None:
    made = send(v1, account)
    back = v1.transfers.reversals.create(made.id, {"amount": 200, "expand": ["balance_transaction"]})
    assert (back.amount, back.transfer, back.balance_transaction.type) == (200, made.id, "transfer_refund")
    assert back.balance_transaction.net == 200
    half = v1.transfers.retrieve(made.id)
    assert (half.amount_reversed, half.reversed, [one.id for one in half.reversals.data]) == (200, False, [back.id])
    with pytest.raises(stripe.InvalidRequestError):
        v1.transfers.reversals.create(made.id, {"amount": 301})
    funded.control(f"transfers/{made.id}/reverse", {})
    whole = v1.transfers.retrieve(made.id)
    assert (whole.amount_reversed, whole.reversed, len(v1.transfers.reversals.list(made.id).data)) == (500, True, 2)
    with pytest.raises(stripe.InvalidRequestError):
        v1.transfers.reversals.create(made.id, {})
    assert {one.currency: one.amount for one in v1.balance.retrieve().available} == {"usd": 941}
    assert funded.happened("transfer.") == ["transfer.created", "transfer.reversed", "transfer.reversed"]
