"""Doors through which payments and the platform tell us about people and campaigns."""

from __future__ import annotations

from uuid import UUID

from bh_sdk.server.access import may
from bh_sdk.server.api import Call, Router
from bh_sdk.wire import notify as wire
from notify_svc.audience import commands
from notify_svc.audience.models import Campaign, Contact

router = Router(tags=["audience"])


@router.put("/contacts/{uuid:user_id}", auth=may("contact", "describe"), response=wire.Contact)
def describe_contact(request: Call, user_id: UUID, body: wire.DescribeContact) -> Contact:
    """Say how a person is reached. Replaces the whole contact; the answer never holds an address."""
    return commands.describe_contact(user_id=user_id, **body.model_dump())


@router.put("/campaigns/{uuid:campaign_id}", auth=may("campaign", "describe"), response=wire.Campaign)
def describe_campaign(request: Call, campaign_id: UUID, body: wire.DescribeCampaign) -> Campaign:
    """Say what notifications must know of a campaign."""
    return commands.describe_campaign(campaign_id=campaign_id, **body.model_dump())
