"""Asking for campaign funds through the client, against the service in memory."""

from __future__ import annotations

from uuid import uuid4

import pytest

from bh_sdk.errors import Forbidden, FundsNotAvailable, Invalid, NotFound, PayoutNotOpen
from bh_sdk.money import Money
from bh_sdk.testing import FakePayments, PaymentsWorld


def funded() -> tuple[PaymentsWorld, FakePayments, str]:
    """A campaign with 100.00, and its organiser's client."""
    world, owner, donor = PaymentsWorld(), uuid4(), uuid4()
    mine = FakePayments(as_user=owner, world=world)
    campaign = mine.campaign(owner_id=str(owner))
    giver = FakePayments(as_user=donor, world=world)
    gift = giver.create_intent(campaign_id=campaign, amount="100.00", currency="GBP")
    giver.confirm(payment_intent_id=str(gift.payment_intent_id), payment_method_id="pm_card_visa")
    return world, mine, str(campaign)


def test_an_organiser_asks_takes_back_and_asks_again() -> None:
    _, mine, campaign = funded()
    first = mine.request_payout(campaign_id=campaign, amount=Money(6_000, "GBP"))
    assert (first.amount, first.status) == ("60.00", "requested")
    with pytest.raises(FundsNotAvailable) as refused:
        mine.request_payout(campaign_id=campaign, amount="50.00")
    assert refused.value.facts["available"] == "40.00"
    assert mine.cancel_payout(first.payout_id).status == "canceled"
    with pytest.raises(PayoutNotOpen):
        mine.cancel_payout(first.payout_id)
    second = mine.request_payout(campaign_id=campaign)
    assert [row.payout_id for row in mine.payouts()] == [second.payout_id, first.payout_id]
    assert mine.payout(second.payout_id).amount == "100.00"


def test_the_same_key_asks_once() -> None:
    _, mine, campaign = funded()
    key = uuid4()
    first, again = (mine.request_payout(campaign_id=campaign, idempotency_key=key) for _ in range(2))
    assert first == again
    assert len(list(mine.payouts(campaign_id=campaign))) == 1


def test_escrow_says_what_is_left() -> None:
    _, mine, campaign = funded()
    mine.request_payout(campaign_id=campaign, amount="60.00")
    (balance,) = mine.escrow(campaign).balances
    assert (balance.raised, balance.reserved, balance.available) == ("100.00", "60.00", "40.00")


def test_others_see_none_of_it() -> None:
    world, mine, campaign = funded()
    asked = mine.request_payout(campaign_id=campaign)
    stranger = FakePayments(as_user=uuid4(), world=world)
    for call in (
        lambda: stranger.request_payout(campaign_id=campaign),
        lambda: stranger.payout(asked.payout_id),
        lambda: stranger.escrow(campaign),
    ):
        with pytest.raises(NotFound):
            call()
    assert list(stranger.payouts()) == []


def test_the_platform_sets_accounts_and_nobody_else() -> None:
    world, mine, _ = funded()
    platform = FakePayments(as_service="monolith", world=world)
    owner = uuid4()
    assert platform.set_payout_account(owner, account_id="acct_1").transfers_active is True
    assert platform.set_payout_account(owner, account_id=None).account_id is None
    with pytest.raises(Forbidden):
        mine.set_payout_account(owner, account_id="acct_1")
    with pytest.raises(Invalid):
        platform.set_payout_account(owner, account_id="card 4242")
