"""What the desk's pages call a payout's status and its way."""

from __future__ import annotations

from bh_sdk.server.admin import parts
from payments_svc.payouts.models import Payout

STATUS: dict[str, tuple[str, parts.Tone]] = {
    "requested": ("Waits for approval", "warning"),
    "approved_once": ("Needs a second approval", "warning"),
    "approved": ("Approved", "info"),
    "submitting": ("On its way", "info"),
    "paid": ("Paid", "success"),
    "failed": ("Failed", "danger"),
    "rejected": ("Rejected", ""),
    "canceled": ("Taken back", ""),
}
TONES = {text: tone for text, tone in STATUS.values() if tone}
BY_BANK = ("To be transferred by bank", "warning")
STOPPED = "On hold"
METHOD = {"stripe_transfer": "Transfer at Stripe", "bank_transfer": "Bank transfer"}


def status_of(row: Payout) -> tuple[str, parts.Tone]:
    if row.status == "approved" and row.method == "bank_transfer":
        return BY_BANK  # type: ignore[return-value]
    return STATUS[row.status]
