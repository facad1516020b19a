"""What other slices ask about disputes."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Sum

from payments_svc.disputes.models import Dispute


def lost(payment_id: UUID) -> int:
    """What banks have taken back for good on a payment, in minor units."""
    kept = Dispute.objects.filter(payment_id=payment_id, status="lost").aggregate(total=Sum("amount"))
    return kept["total"] or 0
