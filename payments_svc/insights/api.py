"""What the gifts add up to: `/api/v1/payments/campaigns/{id}/totals`."""

from __future__ import annotations

from uuid import UUID

from bh_sdk.server.access import may
from bh_sdk.server.api import Call, Router
from bh_sdk.wire.payments import CampaignTotals
from payments_svc.insights import queries

router = Router(tags=["insights"])


@router.get("/campaigns/{uuid:campaign_id}/totals", auth=may("totals", "read"), response=CampaignTotals)
def campaign_totals(request: Call, campaign_id: UUID) -> CampaignTotals:
    """Raised, refunded, donors, gifts and the latest public gifts of a campaign. Public."""
    return queries.campaign_totals(campaign_id)
