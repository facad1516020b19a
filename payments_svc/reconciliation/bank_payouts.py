"""Payouts of Stripe to our bank, as rows and journals."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from bh_sdk.server.ops import clock
from payments_svc.gateway.balance import BankPayout as Told
from payments_svc.gateway.balance import look_at_payout
from payments_svc.ledger import commands as ledger
from payments_svc.ledger import rules as postings
from payments_svc.reconciliation.models import BankPayout

# Stripe took it off our balance; whether the bank has it yet is the bank's to say.
_GONE = ("pending", "in_transit", "paid")
_BACK = ("failed", "canceled")


def book_payout(payout_id: str) -> None:
    """Look at a payout of Stripe to our bank and book what it did. May run any number of times.

    Raises OutcomeUnknown when Stripe is away."""
    bring_to(look_at_payout(payout_id))


@transaction.atomic
def bring_to(told: Told) -> None:
    """Make our row and ledger say what Stripe says of a payout. A failed one goes back; it never goes out again."""
    now = clock.now()
    row, _ = BankPayout.objects.select_for_update().get_or_create(
        id=told.id,
        defaults={
            "amount": told.amount.minor,
            "currency": told.amount.code,
            "status": "new",
            "created_at": told.created,
            "arrives_at": told.arrives,
        },
    )
    before = row.status
    if before in _BACK or before == told.status:
        return
    row.status, row.failure, row.arrives_at = told.status, told.failure, told.arrives
    row.save(update_fields=["status", "failure", "arrives_at"])
    if before == "new":
        # One that failed before we heard of it went out and came back: the books go through both.
        _book(row, "paid", at=now)
    if told.status in _BACK:
        _book(row, "failed", at=now)


def _book(row: BankPayout, what: str, *, at: datetime) -> None:
    """Bank ← Stripe's balance, or back. Stripe moves its balance when the payout is made."""
    back = what == "failed"
    ledger.post(
        reference=f"stripe_payout:{row.id}:{what}",
        kind="stripe_payout_reversal" if back else "stripe_payout",
        source=row.id,
        currency=row.currency,
        postings=postings.move(
            row.amount,
            debit="stripe_balance" if back else "bank",
            credit="bank" if back else "stripe_balance",
            line="stripe_payout",
        ),
        at=at,
        reason=f"payout {row.id} is {row.status}",
    )
