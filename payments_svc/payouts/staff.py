"""Staff report: payouts."""

from __future__ import annotations

from rest_framework import serializers

from bh_sdk.server.admin.reports import Report
from payments_svc.payouts.models import Payout


class PayoutRow(serializers.ModelSerializer[Payout]):
    amount = serializers.SerializerMethodField()
    campaign = serializers.CharField(source="campaign.title")

    class Meta:
        model = Payout
        fields = (
            "id",
            "created_at",
            "campaign",
            "campaign_id",
            "owner_id",
            "amount",
            "currency",
            "status",
            "method",
            "approvals_needed",
            "first_approved_by",
            "second_approved_by",
            "sent_by",
            "transfer_id",
            "bank_reference",
            "reason",
            "settled_at",
        )

    def get_amount(self, row: Payout) -> str:
        return row.money.decimal


class PayoutReport(Report[Payout]):
    """Every payout, newest first."""

    thing = "payout"
    queryset = Payout.objects.select_related("campaign")
    serializer_class = PayoutRow
    filters = ("status", "currency", "method", "campaign_id", "owner_id")
    times = ("created_at", "settled_at")
    amounts = ("amount",)
    search_fields = ("=transfer_id", "=bank_reference", "campaign__title")
    ordering_fields = ("created_at", "settled_at", "amount")
