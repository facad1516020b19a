"""The public facts of a recurring gift, made from its row."""

from __future__ import annotations

from typing import Any

from payments_svc.recurring.models import RecurringGift


def common(gift: RecurringGift) -> dict[str, Any]:
    """The fields that every fact about a recurring gift carries."""
    return {
        "recurring_id": gift.id,
        "campaign_id": gift.campaign_id,
        "donor_id": gift.donor_id,
        "amount": gift.money.decimal,
        "currency": gift.currency,
        "interval": gift.interval,
    }
