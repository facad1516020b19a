"""Journals that are older than the audit get the fact that seals them: from now on nobody changes them unnoticed."""

from __future__ import annotations

from typing import Any

from django.db import migrations

from bh_sdk.events import EntryFact, JournalPosted
from bh_sdk.money import Money
from bh_sdk.server.events import record
from payments_svc.ledger.digests import digest_of


def seal_older(apps: Any, schema_editor: Any) -> None:
    for journal in apps.get_model("payments_ledger", "Journal").objects.order_by("created_at", "id").iterator(500):
        entries = list(journal.entries.order_by("id"))
        fact = JournalPosted(
            journal_id=journal.id,
            reference=journal.reference,
            kind=journal.kind,
            currency=journal.currency,
            payment_id=journal.payment_id,
            campaign_id=journal.campaign_id,
            entries=[
                EntryFact(id=e.id, account=e.account, line=e.line, amount=Money(e.amount, journal.currency).decimal)
                for e in entries
            ],
            digest=digest_of(journal, entries),
        )
        record(fact, subject=journal.id, actor="system")


class Migration(migrations.Migration):
    dependencies = [("payments_ledger", "0004_audit"), ("bh_events", "0001_road")]
    operations = [migrations.RunPython(seal_older, migrations.RunPython.noop)]
