"""Payments' facts keep the list of supporters."""

from __future__ import annotations

from bh_sdk.events import DonationSucceeded, RefundFailed, RefundSucceeded
from bh_sdk.server.events import Delivered, handles
from notify_svc.audience import commands


@handles(DonationSucceeded)
def gift_arrived(event: Delivered[DonationSucceeded]) -> None:
    commands.note_gift(event.data)


@handles(RefundSucceeded)
def gift_taken_back(event: Delivered[RefundSucceeded]) -> None:
    commands.note_gift(event.data)


@handles(RefundFailed)
def gift_kept_after_all(event: Delivered[RefundFailed]) -> None:
    commands.note_gift(event.data)
