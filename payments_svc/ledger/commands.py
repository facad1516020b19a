"""Writing the ledger. Always inside the transaction of the command that moves the money."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from payments_svc.ledger.models import Entry, Journal
from payments_svc.ledger.rules import Posting


def post(
    *,
    reference: str,
    kind: str,
    currency: str,
    postings: list[Posting],
    at: datetime,
    payment_id: UUID | None = None,
    campaign_id: UUID | None = None,
    source: str | None = None,
) -> Journal:
    """Append one balanced journal. A reference that is there already raises IntegrityError: callers hold the lock of what
    moves (the payment, the payout). `source` is Stripe's object (ch_, re_, du_, tr_, po_) whose balance transaction this
    books; without one nothing at Stripe moved."""
    journal = Journal.objects.create(
        reference=reference,
        kind=kind,
        payment_id=payment_id,
        campaign_id=campaign_id,
        source=source,
        currency=currency,
        entry_count=len(postings),
        created_at=at,
    )
    Entry.objects.bulk_create(
        Entry(journal=journal, account=posting.account, line=posting.line, amount=posting.amount)
        for posting in postings
    )
    return journal
