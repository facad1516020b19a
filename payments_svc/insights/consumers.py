"""What the totals learn from payments' own facts."""

from __future__ import annotations

from bh_sdk.events import DonationSucceeded, RefundFailed, RefundSucceeded
from bh_sdk.money import Money
from bh_sdk.server.events import Delivered, handles
from payments_svc.insights import commands


@handles(DonationSucceeded)
def count_gift(event: Delivered[DonationSucceeded]) -> None:
    fact = event.data
    commands.add_gift(
        campaign_id=fact.campaign_id, donor_id=fact.donor_id, gift=Money.parse(fact.amount, fact.currency)
    )


@handles(RefundSucceeded)
def count_refund(event: Delivered[RefundSucceeded]) -> None:
    fact = event.data
    commands.add_refund(campaign_id=fact.campaign_id, amount=Money.parse(fact.amount, fact.currency))


@handles(RefundFailed)
def uncount_refund(event: Delivered[RefundFailed]) -> None:
    fact = event.data
    if fact.reversed:
        commands.add_refund(campaign_id=fact.campaign_id, amount=-Money.parse(fact.amount, fact.currency))
