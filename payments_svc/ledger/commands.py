"""Writing the ledger. Always inside the transaction of the command that moves the money."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from bh_sdk.events import EntryFact, JournalPosted
from bh_sdk.money import Money
from bh_sdk.server.events import record
from bh_sdk.server.ops import cause, trace
from payments_svc.ledger.digests import digest_of
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
    by: str | None = None,
    reason: str | None = None,
) -> Journal:
    """Append one balanced journal and the fact that seals it. A reference that is there already raises IntegrityError:
    callers hold the lock of what moves (the payment, the payout). `source` is Stripe's object (ch_, re_, du_, tr_, po_)
    whose balance transaction this books; without one nothing at Stripe moved. Who, from where and why come from what
    caused the work at hand, unless `by` (an id) and `reason` (never personal data) say it better."""
    why = cause.current()
    journal = Journal.objects.create(
        reference=reference,
        kind=kind,
        payment_id=payment_id,
        campaign_id=campaign_id,
        source=source,
        currency=currency,
        entry_count=len(postings),
        created_at=at,
        actor=by or why.actor,
        door=why.door,
        address=why.address,
        reason=reason or why.reason,
        request_id=trace.request_id(),
    )
    entries = Entry.objects.bulk_create(
        Entry(journal=journal, account=posting.account, line=posting.line, amount=posting.amount)
        for posting in postings
    )
    seal(journal, entries)
    return journal


def seal(journal: Journal, entries: list[Entry]) -> None:
    """Record that the journal was posted, with its digest: from here on the chain over the facts covers it."""
    fact = JournalPosted(
        journal_id=journal.id,
        reference=journal.reference,
        kind=journal.kind,
        currency=journal.currency,
        payment_id=journal.payment_id,
        campaign_id=journal.campaign_id,
        entries=[
            EntryFact(
                id=entry.id,
                account=entry.account,
                line=entry.line,
                amount=Money(entry.amount, journal.currency).decimal,
            )
            for entry in entries
        ],
        digest=digest_of(journal, entries),
    )
    record(fact, subject=journal.id, actor=journal.actor)
