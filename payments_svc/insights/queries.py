"""Reading the totals."""

from __future__ import annotations

from uuid import UUID

from bh_sdk.money import Money
from bh_sdk.wire.payments import CampaignTotals, PublicGift
from payments_svc.donations import queries as donations
from payments_svc.insights.models import CampaignTotal


def campaign_totals(campaign_id: UUID) -> CampaignTotals:
    """What everybody may know of a campaign's gifts. Raises NotFound for a campaign that payments does not know."""
    campaign = donations.campaign(campaign_id)
    total = CampaignTotal.objects.filter(campaign_id=campaign_id).first()
    total = total or CampaignTotal(campaign_id=campaign_id, currency=campaign.currency)
    return CampaignTotals(
        campaign_id=campaign_id,
        currency=total.currency,
        raised=Money(total.raised, total.currency).decimal,
        refunded=Money(total.refunded, total.currency).decimal,
        donors=total.donors,
        gifts=total.gifts,
        recent=[
            PublicGift(
                display_name=name,
                amount=payment.money(payment.amount).decimal,
                message=payment.message,
                created_at=payment.created_at,
            )
            for payment, name in donations.recent_public_gifts(campaign_id, limit=10)
        ],
    )
