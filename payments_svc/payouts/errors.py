"""What the payouts desk refuses; organisers hear the refusals of `bh_sdk.errors`."""

from __future__ import annotations

from bh_sdk.errors import Conflict


class PayoutOnHold(Conflict):
    code, title = (
        "payout_on_hold",
        "Trust has put a hold on the campaign or its organiser; the payout goes on when an analyst lifts it",
    )
