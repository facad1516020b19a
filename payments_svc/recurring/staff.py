"""Staff report: recurring gifts."""

from __future__ import annotations

from rest_framework import serializers

from bh_sdk.server.admin.reports import Report
from payments_svc.recurring.models import RecurringGift


class RecurringRow(serializers.ModelSerializer[RecurringGift]):
    amount = serializers.SerializerMethodField()
    campaign = serializers.CharField(source="campaign.title")

    class Meta:
        model = RecurringGift
        fields = (
            "id",
            "created_at",
            "started_at",
            "campaign",
            "campaign_id",
            "donor_id",
            "amount",
            "currency",
            "interval",
            "status",
            "next_at",
            "ended_at",
            "ended_why",
        )

    def get_amount(self, row: RecurringGift) -> str:
        return row.money.decimal


class RecurringReport(Report[RecurringGift]):
    """Every recurring gift, newest first."""

    thing = "recurring"
    queryset = RecurringGift.objects.select_related("campaign")
    serializer_class = RecurringRow
    filters = ("status", "currency", "interval", "campaign_id", "donor_id", "ended_why")
    times = ("created_at", "started_at", "next_at", "ended_at")
    amounts = ("amount",)
    search_fields = ("campaign__title",)
    ordering_fields = ("created_at", "amount", "next_at")
