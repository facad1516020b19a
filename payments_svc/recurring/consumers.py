"""What becomes of a payment is a doorbell for the series it belongs to."""

from __future__ import annotations

from bh_sdk.events import DonationCanceled, DonationFailed, DonationSucceeded
from bh_sdk.server.events import Delivered, handles
from payments_svc.recurring import commands


@handles(DonationSucceeded)
def a_gift_arrived(event: Delivered[DonationSucceeded]) -> None:
    if event.data.recurring_id is not None:
        commands.payment_moved(payment_id=event.data.payment_id)


@handles(DonationFailed)
def a_try_failed(event: Delivered[DonationFailed]) -> None:
    if event.data.off_session:
        commands.payment_moved(payment_id=event.data.payment_id)


@handles(DonationCanceled)
def a_payment_was_given_up(event: Delivered[DonationCanceled]) -> None:
    commands.payment_moved(payment_id=event.data.payment_id)
