"""Everything that changes a campaign. A payment's life has a file for each part of it: `opening`, `charging`, `settling`."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction

from bh_sdk.errors import Conflict, Invalid
from bh_sdk.money import Money
from bh_sdk.server.ops import clock
from payments_svc.donations import handoffs
from payments_svc.donations.models import Campaign


@transaction.atomic
def describe_campaign(
    *,
    campaign_id: UUID,
    title: str,
    owner_id: UUID,
    currency: str,
    goal: Money,
    status: str,
    min_amount: Money | None,
    max_amount: Money | None,
    ends_at: datetime | None,
    category: str | None,
) -> tuple[Campaign, bool]:
    """Take over what the platform says of a campaign; True when it is new. Trust and notify are told.

    Raises Conflict when the currency would change under gifts that were given, Invalid when no gift could be accepted.
    """
    if min_amount is not None and max_amount is not None and min_amount > max_amount:
        raise Invalid(errors=[{"pointer": "/min_amount", "message": "must not exceed max_amount"}])
    now = clock.now()
    known = Campaign.objects.select_for_update().filter(id=campaign_id).first()
    if known is not None and known.currency != currency and known.payments.exists():
        raise Conflict(f"The campaign has gifts in {known.currency}", currency=known.currency)
    told = {
        "title": title,
        "owner_id": owner_id,
        "currency": currency,
        "goal": goal.minor,
        "status": status,
        "min_amount": min_amount.minor if min_amount else None,
        "max_amount": max_amount.minor if max_amount else None,
        "ends_at": ends_at,
        "category": category,
        "updated_at": now,
    }
    campaign, created = Campaign.objects.update_or_create(
        id=campaign_id, defaults=told, create_defaults=told | {"created_at": now}
    )
    handoffs.campaign_changed(campaign.id, at=now)
    return campaign, created
