"""What the read models learn from payments' own facts."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from bh_sdk.events import DisputeClosed, DonationCreated, DonationSucceeded, RefundFailed, RefundSucceeded
from bh_sdk.server.events import Delivered, handles
from payments_svc.insights import commands
from payments_svc.insights.rules import change_of

# In the order of a payment's life; a rebuild goes through the same.
COUNTED = (DonationCreated, DonationSucceeded, RefundSucceeded, RefundFailed, DisputeClosed)


def count(event: Delivered[Any]) -> None:
    """Count the fact on the day on which it happened, in UTC."""
    change = change_of(event.data, day=event.time.astimezone(UTC).date())
    if change is not None:
        commands.count(change)


for _kind in COUNTED:
    handles(_kind)(count)
