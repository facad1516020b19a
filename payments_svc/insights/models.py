"""Read models: what the facts add up to. Fed by events, and built again from them by command.

Nothing here is the truth about money: the ledger is. Amounts are minor units; days are UTC. Columns that a fact may lower
have no lower bound in the database: PostgreSQL checks the row that is proposed before it finds the one to change.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q


class CountedGift(models.Model):
    """What the facts said of one payment so far: enough to say whether its gift still counts.

    `amount` is 0 until the gift arrived. `refunded` and `disputed` are what went back to the donor, in what the card paid.
    """

    payment_id = models.UUIDField(primary_key=True)
    campaign_id = models.UUIDField()
    donor_id = models.UUIDField(null=True)
    currency = models.CharField(max_length=3)
    method = models.CharField(max_length=40, default="", help_text="Empty until the gift arrived, and in older facts")
    opened_on = models.DateField(null=True)
    arrived_on = models.DateField(null=True)
    amount = models.BigIntegerField(default=0)
    refunded = models.BigIntegerField(default=0)
    disputed = models.BigIntegerField(default=0)

    class Meta:
        ordering: ClassVar = ["payment_id"]
        indexes: ClassVar = [
            # Who gave when: answered from the index alone.
            models.Index(
                fields=["campaign_id", "arrived_on"],
                include=["donor_id", "currency", "method"],
                name="counted_by_campaign",
                condition=Q(arrived_on__isnull=False),
            ),
            models.Index(fields=["arrived_on"], name="counted_by_day", condition=Q(arrived_on__isnull=False)),
        ]

    def __str__(self) -> str:
        return str(self.payment_id)


class CampaignTotal(models.Model):
    """What a campaign has received so far. `donors` counts people, once each.

    `raised` is every gift that arrived. `refunded` and `disputed` are the parts of these gifts that went back, by refunds
    and by disputes that were lost: never more than the gift itself, so `raised - refunded - disputed` is what is left. A
    gift of which nothing is left is no gift, and its giver no donor, until a refund fails and it is left again.
    """

    campaign_id = models.UUIDField(primary_key=True)
    currency = models.CharField(max_length=3)
    raised = models.BigIntegerField(default=0)
    refunded = models.BigIntegerField(default=0)
    disputed = models.BigIntegerField(default=0, db_default=0)
    donors = models.IntegerField(default=0)
    gifts = models.IntegerField(default=0)

    class Meta:
        ordering: ClassVar = ["campaign_id"]
        verbose_name_plural = "analytics"

    def __str__(self) -> str:
        return str(self.campaign_id)


class CampaignDonor(models.Model):
    """What one donor gave to one campaign: `gifts` that are left, and the sums as in the campaign's total."""

    campaign_id = models.UUIDField()
    donor_id = models.UUIDField()
    currency = models.CharField(max_length=3, default="", db_default="")
    gifts = models.IntegerField(default=0)
    given = models.BigIntegerField(default=0, db_default=0)
    refunded = models.BigIntegerField(default=0, db_default=0)
    disputed = models.BigIntegerField(default=0, db_default=0)
    first_on = models.DateField(null=True)
    last_on = models.DateField(null=True)

    class Meta:
        ordering: ClassVar = ["campaign_id", "donor_id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["campaign_id", "donor_id"], name="campaign_donor_once")
        ]
        indexes: ClassVar = [
            models.Index(fields=["donor_id"], include=["campaign_id", "first_on"], name="campaign_donor_by_donor")
        ]

    def __str__(self) -> str:
        return f"{self.donor_id} to {self.campaign_id}"


class DonorDay(models.Model):
    """A day on which a donor gave to a campaign, and the last such day before it.

    The link counts people without looking for equals: whoever gave in a range has exactly one day in it whose day before
    lies outside.
    """

    pk = models.CompositePrimaryKey("campaign_id", "donor_id", "day")
    campaign_id = models.UUIDField()
    donor_id = models.UUIDField()
    day = models.DateField()
    previous_on = models.DateField(null=True)
    currency = models.CharField(max_length=3)

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["campaign_id", "day"], include=["previous_on", "currency"], name="donor_day_by_campaign"
            )
        ]

    def __str__(self) -> str:
        return f"{self.donor_id} to {self.campaign_id} on {self.day}"


class DailyFigure(models.Model):
    """What happened on one day with a campaign, by currency and method: sums that add up to any longer period.

    Each thing counts on the day on which it happened, and a day that is over does not change: a gift on the day it
    arrived, a refund on the day the money went back, one that failed afterwards on the day it came back. Only
    `converted` belongs to the day on which the payment was opened. Openings have no method yet.
    """

    pk = models.CompositePrimaryKey("campaign_id", "day", "currency", "method")
    campaign_id = models.UUIDField()
    day = models.DateField()
    currency = models.CharField(max_length=3)
    method = models.CharField(max_length=40, help_text="Empty where it is not known")

    opened = models.BigIntegerField(default=0, help_text="Payments that were opened")
    converted = models.BigIntegerField(default=0, help_text="Of these, the ones that arrived, whenever they did")
    gifts = models.BigIntegerField(default=0)
    gross = models.BigIntegerField(default=0, help_text="The gifts")
    covered = models.BigIntegerField(default=0, help_text="Fees that donors paid on top")
    net = models.BigIntegerField(default=0, help_text="What the campaign receives: gross + covered - all fees")
    processing_fees = models.BigIntegerField(default=0)
    platform_fees = models.BigIntegerField(default=0)
    undivided_fees = models.BigIntegerField(default=0, help_text="Of older facts, which do not tell whose they were")
    recurring_gifts = models.BigIntegerField(default=0)
    recurring_gross = models.BigIntegerField(default=0)
    refunds = models.BigIntegerField(default=0)
    refunded = models.BigIntegerField(default=0)
    reversals = models.BigIntegerField(default=0, help_text="Refunds that came back")
    reversed = models.BigIntegerField(default=0)
    disputes_lost = models.BigIntegerField(default=0)
    disputed = models.BigIntegerField(default=0)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["day"], name="daily_figure_by_day")]

    def __str__(self) -> str:
        return f"{self.campaign_id} {self.day} {self.currency}"
