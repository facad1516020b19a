"""Payments' facts keep the list of supporters."""

from __future__ import annotations

from bh_sdk.events import DonationSucceeded, RefundSucceeded
from bh_sdk.server.events import Delivered, handles
from notify_svc.audience import commands


@handles(DonationSucceeded)
def gift_arrived(event: Delivered[DonationSucceeded]) -> None:
    gift = event.data
    commands.note_gift(
        payment_id=gift.payment_id, campaign_id=gift.campaign_id, donor_id=gift.donor_id, guest=gift.guest
    )


@handles(RefundSucceeded)
def gift_taken_back(event: Delivered[RefundSucceeded]) -> None:
    refund = event.data
    if refund.full:
        commands.note_gift_taken_back(
            payment_id=refund.payment_id, campaign_id=refund.campaign_id, donor_id=refund.donor_id, guest=refund.guest
        )
