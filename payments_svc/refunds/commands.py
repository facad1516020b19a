"""Booking what Stripe says of a payment's refunds."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from bh_sdk.events import RefundFailed, RefundSucceeded
from bh_sdk.server.events import record
from payments_svc.gateway.standing import RefundStanding, Standing
from payments_svc.ledger import commands as ledger
from payments_svc.ledger import rules as postings
from payments_svc.refunds.models import Refund
from payments_svc.refunds.rules import REFUND_MOVES, for_cause

if TYPE_CHECKING:
    from payments_svc.donations.models import Payment


def bring_to(payment: Payment, standing: Standing, *, at: datetime) -> None:
    """Make refunds, ledger and facts of a succeeded payment say what Stripe says.

    The caller holds the payment's lock. States move forward only, so an older look than the last changes nothing.
    """
    for refund in standing.refunds:
        _bring_refund(payment, refund, at=at)


def _bring_refund(payment: Payment, told: RefundStanding, *, at: datetime) -> None:
    known = Refund.objects.filter(stripe_id=told.id).first()
    before = known.status if known else None
    if known is None:
        known = Refund(
            payment=payment, stripe_id=told.id, amount=told.amount.minor, currency=told.amount.code, created_at=at
        )
    elif told.state == before or told.state not in REFUND_MOVES[known.status]:
        return
    known.status, known.reason, known.failure_reason = told.state, told.reason, told.failure_reason
    known.settled_at = None if told.state == "pending" else at
    known.save()
    if told.state == "succeeded":
        _book_refund(payment, known, at=at)
    elif told.state in ("failed", "canceled"):
        _book_failure(payment, known, booked=before == "succeeded", at=at)


def _book_refund(payment: Payment, refund: Refund, *, at: datetime) -> None:
    payment.refunded += refund.amount
    payment.save(update_fields=["refunded"])
    ledger.post(
        reference=f"refund:{refund.stripe_id}:succeeded",
        kind="refund",
        source=refund.stripe_id,
        payment_id=payment.id,
        campaign_id=payment.campaign_id,
        currency=payment.currency,
        postings=postings.refund(amount=refund.amount),
        at=at,
    )
    record(
        RefundSucceeded(
            refund_id=refund.id,
            payment_id=payment.id,
            campaign_id=payment.campaign_id,
            donor_id=payment.donor_id,
            guest=payment.is_guest,
            amount=refund.money.decimal,
            currency=refund.currency,
            refunded_total=payment.money(payment.refunded).decimal,
            full=payment.refund_status == "full",
            for_cause=for_cause(refund.reason),
        ),
        subject=payment.id,
    )


def _book_failure(payment: Payment, refund: Refund, *, booked: bool, at: datetime) -> None:
    if booked:
        payment.refunded -= refund.amount
        payment.save(update_fields=["refunded"])
        ledger.post(
            reference=f"refund:{refund.stripe_id}:failed",
            kind="refund_reversal",
            source=refund.stripe_id,
            payment_id=payment.id,
            campaign_id=payment.campaign_id,
            currency=payment.currency,
            postings=postings.refund_reversal(amount=refund.amount),
            at=at,
        )
    record(
        RefundFailed(
            refund_id=refund.id,
            payment_id=payment.id,
            campaign_id=payment.campaign_id,
            donor_id=payment.donor_id,
            guest=payment.is_guest,
            amount=refund.money.decimal,
            currency=refund.currency,
            refunded_total=payment.money(payment.refunded).decimal,
            reversed=booked,
            reason=refund.failure_reason or refund.status,
        ),
        subject=payment.id,
    )
