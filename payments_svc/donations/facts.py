"""The public facts of a payment, made from its row."""

from __future__ import annotations

from typing import Any

from payments_svc.donations.models import Payment


def common(payment: Payment) -> dict[str, Any]:
    """The fields that every fact about a payment carries."""
    return {
        "payment_id": payment.id,
        "campaign_id": payment.campaign_id,
        "donor_id": payment.donor_id,
        "guest": payment.is_guest,
        "amount": payment.money(payment.amount).decimal,
        "charged": payment.charged_money.decimal,
        "currency": payment.currency,
    }
