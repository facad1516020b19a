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
    payment_id: UUID,
    campaign_id: UUID,
    currency: str,
    postings: list[Posting],
    at: datetime,
) -> Journal:
    """Append one balanced journal. A reference that is there already raises IntegrityError: callers hold the payment's lock."""
    journal = Journal.objects.create(
        reference=reference,
        kind=kind,
        payment_id=payment_id,
        campaign_id=campaign_id,
        currency=currency,
        entry_count=len(postings),
        created_at=at,
    )
    Entry.objects.bulk_create(
        Entry(journal=journal, account=posting.account, line=posting.line, amount=posting.amount)
        for posting in postings
    )
    return journal
