"""Adding facts up. Every command is called once per fact: the consumer's checkpoint sees to that."""

from __future__ import annotations

from uuid import UUID

from django.db import connection
from django.db.models import F

from bh_sdk.money import Money
from payments_svc.insights.models import CampaignDonor, CampaignTotal

# One statement, because a popular campaign's gifts pass here one after the other.
_ADD_GIFT = """
WITH person AS (
    INSERT INTO payments_insights_campaigndonor AS d (campaign_id, donor_id, gifts)
    VALUES (%(campaign_id)s, %(donor_id)s, 1)
    ON CONFLICT (campaign_id, donor_id) DO UPDATE SET gifts = d.gifts + 1
    RETURNING gifts
)
INSERT INTO payments_insights_campaigntotal AS t (campaign_id, currency, raised, refunded, donors, gifts)
SELECT %(campaign_id)s, %(currency)s, %(minor)s, 0, CASE WHEN person.gifts = 1 THEN 1 ELSE 0 END, 1 FROM person
ON CONFLICT (campaign_id) DO UPDATE SET
    raised = t.raised + EXCLUDED.raised, donors = t.donors + EXCLUDED.donors, gifts = t.gifts + 1
"""


def add_gift(*, campaign_id: UUID, donor_id: UUID, gift: Money) -> None:
    """Count a gift, and its donor when it is their first to this campaign."""
    told: dict[str, UUID | str | int] = {
        "campaign_id": campaign_id,
        "donor_id": donor_id,
        "currency": gift.code,
        "minor": gift.minor,
    }
    with connection.cursor() as cursor:
        cursor.execute(_ADD_GIFT, told)


def add_refund(*, campaign_id: UUID, amount: Money) -> None:
    """A negative amount takes a refund back that failed later."""
    CampaignTotal.objects.filter(campaign_id=campaign_id).update(refunded=F("refunded") + amount.minor)


def forget() -> None:
    """Empty the read model, before it is built again."""
    CampaignDonor.objects.all().delete()
    CampaignTotal.objects.all().delete()
