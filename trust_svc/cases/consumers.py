"""Money that moves at payments changes what a case can still save. The event's id keeps each from counting twice."""

from __future__ import annotations

from bh_sdk.events import DisputeClosed, DonationSucceeded, PayoutFailed, PayoutPaid, RefundFailed, RefundSucceeded
from bh_sdk.server.events import Delivered, handles
from trust_svc.cases import money


@handles(DonationSucceeded)
def gift_came(event: Delivered[DonationSucceeded]) -> None:
    gift = event.data
    money.moved(event.id, "given", gift.campaign_id, gift.amount, gift.currency)


@handles(RefundSucceeded)
def gift_went_back(event: Delivered[RefundSucceeded]) -> None:
    refund = event.data
    money.moved(event.id, "back", refund.campaign_id, refund.amount, refund.currency)


@handles(RefundFailed)
def refund_came_back(event: Delivered[RefundFailed]) -> None:
    """One that never succeeded had taken nothing away."""
    refund = event.data
    if refund.reversed:
        money.moved(event.id, "again", refund.campaign_id, refund.amount, refund.currency)


@handles(DisputeClosed)
def dispute_closed(event: Delivered[DisputeClosed]) -> None:
    dispute = event.data
    if dispute.outcome == "lost":
        money.moved(event.id, "back", dispute.campaign_id, dispute.amount, dispute.currency)


@handles(PayoutPaid)
def paid_out(event: Delivered[PayoutPaid]) -> None:
    payout = event.data
    money.moved(event.id, "paid", payout.campaign_id, payout.amount, payout.currency, payout.payout_id)


@handles(PayoutFailed)
def payout_failed(event: Delivered[PayoutFailed]) -> None:
    payout = event.data
    money.moved(event.id, "failed", payout.campaign_id, payout.amount, payout.currency, payout.payout_id)
