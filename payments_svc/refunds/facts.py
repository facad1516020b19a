"""The public facts of a refund, made from its row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bh_sdk.events import RefundFailed, RefundSucceeded
from payments_svc.refunds.rules import for_cause

if TYPE_CHECKING:
    from payments_svc.donations.models import Payment
    from payments_svc.refunds.models import Refund


def common(payment: Payment, refund: Refund) -> dict[str, Any]:
    """The fields that every fact about a refund carries."""
    return {
        "refund_id": refund.id,
        "payment_id": payment.id,
        "campaign_id": payment.campaign_id,
        "donor_id": payment.donor_id,
        "amount": refund.money.decimal,
        "currency": refund.currency,
    }


def succeeded(payment: Payment, refund: Refund) -> RefundSucceeded:
    return RefundSucceeded(
        **common(payment, refund),
        guest=payment.is_guest,
        refunded_total=payment.money(payment.refunded).decimal,
        full=payment.refund_status == "full",
        for_cause=for_cause(refund.reason),
    )


def failed(payment: Payment, refund: Refund, *, reversed: bool) -> RefundFailed:
    return RefundFailed(
        **common(payment, refund),
        guest=payment.is_guest,
        refunded_total=payment.money(payment.refunded).decimal,
        reversed=reversed,
        reason=refund.failure_reason or refund.status,
    )
