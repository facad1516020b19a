"""Reading the ledger."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet, Sum

from payments_svc.ledger.models import Entry, Journal


def journals_of(payment_id: UUID) -> QuerySet[Journal]:
    """The journals of one payment with their lines, oldest first."""
    return Journal.objects.filter(payment_id=payment_id).order_by("created_at", "id").prefetch_related("entries")


def imbalance() -> dict[str, int]:
    """What every currency sums to over the whole ledger, in minor units: anything but 0 is an alarm."""
    rows = Entry.objects.values("journal__currency").annotate(total=Sum("amount")).order_by("journal__currency")
    return {row["journal__currency"]: row["total"] for row in rows}


def owed_to(campaign_id: UUID) -> dict[str, int]:
    """What is owed to a campaign, in minor units by currency."""
    rows = (
        Entry.objects.filter(account="campaign_payable", journal__campaign_id=campaign_id)
        .values("journal__currency")
        .annotate(total=Sum("amount"))
    )
    return {row["journal__currency"]: -row["total"] for row in rows}
