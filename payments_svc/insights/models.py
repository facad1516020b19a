"""Read models: what the facts add up to. Fed by events, and built again from them by command."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class CampaignTotal(models.Model):
    """What a campaign has received so far. Amounts are minor units; `donors` counts people, once each."""

    campaign_id = models.UUIDField(primary_key=True)
    currency = models.CharField(max_length=3)
    raised = models.BigIntegerField(default=0)
    refunded = models.BigIntegerField(default=0)
    donors = models.PositiveIntegerField(default=0)
    gifts = models.PositiveIntegerField(default=0)

    class Meta:
        ordering: ClassVar = ["campaign_id"]

    def __str__(self) -> str:
        return str(self.campaign_id)


class CampaignDonor(models.Model):
    """Who gave to a campaign, so that a second gift does not count as a second person."""

    campaign_id = models.UUIDField()
    donor_id = models.UUIDField()
    gifts = models.PositiveIntegerField(default=0)

    class Meta:
        ordering: ClassVar = ["campaign_id", "donor_id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["campaign_id", "donor_id"], name="campaign_donor_once")
        ]

    def __str__(self) -> str:
        return f"{self.donor_id} to {self.campaign_id}"
