"""Booking what Stripe says of a payment's disputes."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from bh_sdk.events import DisputeClosed, DisputeOpened
from bh_sdk.server.events import record
from payments_svc.disputes.models import Dispute
from payments_svc.disputes.rules import DISPUTE_MOVES, dispute_status
from payments_svc.gateway.standing import DisputeStanding, Standing
from payments_svc.ledger import commands as ledger
from payments_svc.ledger import rules as postings

if TYPE_CHECKING:
    from payments_svc.donations.models import Payment


def bring_to(payment: Payment, standing: Standing, *, at: datetime) -> None:
    """Make disputes, ledger and facts of a succeeded payment say what Stripe says.

    The caller holds the payment's lock. States move forward only, so an older look than the last changes nothing.
    """
    for dispute in standing.disputes:
        _bring_dispute(payment, dispute, at=at)


def _bring_dispute(payment: Payment, told: DisputeStanding, *, at: datetime) -> None:
    known = Dispute.objects.filter(stripe_id=told.id).first()
    if known is None:
        # One that is told closed at first sight was opened before: the books go through both steps.
        known = Dispute.objects.create(
            payment=payment,
            stripe_id=told.id,
            amount=told.amount.minor,
            currency=told.amount.code,
            status="open",
            created_at=at,
        )
        _book_dispute(payment, known, kind="dispute", lines=postings.dispute(amount=known.amount), at=at)
        record(
            DisputeOpened(
                payment_id=payment.id,
                campaign_id=payment.campaign_id,
                amount=known.money.decimal,
                currency=known.currency,
            ),
            subject=payment.id,
        )
    if told.state in ("won", "lost") and told.state in DISPUTE_MOVES[known.status]:
        known.status, known.closed_at = told.state, at
        known.save()
        lines = postings.dispute_won if told.state == "won" else postings.dispute_lost
        _book_dispute(payment, known, kind=f"dispute_{told.state}", lines=lines(amount=known.amount), at=at)
        record(
            DisputeClosed(
                payment_id=payment.id,
                campaign_id=payment.campaign_id,
                amount=known.money.decimal,
                currency=known.currency,
                outcome=told.state,
            ),
            subject=payment.id,
        )
    payment.dispute_status = dispute_status(list(payment.disputes.values_list("status", flat=True)))
    payment.save(update_fields=["dispute_status"])


def _book_dispute(
    payment: Payment, dispute: Dispute, *, kind: str, lines: list[postings.Posting], at: datetime
) -> None:
    ledger.post(
        reference=f"dispute:{dispute.stripe_id}:{dispute.status}",
        kind=kind,
        source=dispute.stripe_id,
        payment_id=payment.id,
        campaign_id=payment.campaign_id,
        currency=payment.currency,
        postings=lines,
        at=at,
    )
