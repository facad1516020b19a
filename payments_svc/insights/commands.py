"""Adding facts up. Every command is called once per fact: the consumer's checkpoint sees to that."""

from __future__ import annotations

from uuid import UUID

from django.db.models import F

from bh_sdk.money import Money
from payments_svc.insights.models import CampaignDonor, CampaignTotal


def add_gift(*, campaign_id: UUID, donor_id: UUID, gift: Money) -> None:
    CampaignTotal.objects.bulk_create(
        [CampaignTotal(campaign_id=campaign_id, currency=gift.code)], ignore_conflicts=True
    )
    donor, first = CampaignDonor.objects.get_or_create(campaign_id=campaign_id, donor_id=donor_id)
    CampaignDonor.objects.filter(id=donor.id).update(gifts=F("gifts") + 1)
    CampaignTotal.objects.filter(campaign_id=campaign_id).update(
        raised=F("raised") + gift.minor, gifts=F("gifts") + 1, donors=F("donors") + int(first)
    )


def add_refund(*, campaign_id: UUID, amount: Money) -> None:
    """A negative amount takes a refund back that failed later."""
    CampaignTotal.objects.filter(campaign_id=campaign_id).update(refunded=F("refunded") + amount.minor)


def forget() -> None:
    """Empty the read model, before it is built again."""
    CampaignDonor.objects.all().delete()
    CampaignTotal.objects.all().delete()
