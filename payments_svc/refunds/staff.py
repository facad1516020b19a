"""Staff report: refunds."""

from __future__ import annotations

from rest_framework import serializers

from bh_sdk.server.admin.reports import Report
from payments_svc.refunds.models import Refund


class RefundRow(serializers.ModelSerializer[Refund]):
    amount = serializers.SerializerMethodField()
    campaign = serializers.CharField(source="payment.campaign.title")
    campaign_id = serializers.UUIDField(source="payment.campaign_id")

    class Meta:
        model = Refund
        fields = (
            "id",
            "created_at",
            "payment_id",
            "campaign",
            "campaign_id",
            "amount",
            "currency",
            "status",
            "reason",
            "source",
            "second_person",
            "requested_by",
            "approved_by",
            "rejected_by",
            "decided_at",
            "settled_at",
            "failure_reason",
            "reopened_at",
            "batch_id",
            "retry_of_id",
            "stripe_id",
        )

    def get_amount(self, row: Refund) -> str:
        return row.money.decimal


class RefundReport(Report[Refund]):
    """Every refund, newest first."""

    thing = "refund"
    queryset = Refund.objects.select_related("payment__campaign")
    serializer_class = RefundRow
    filters = ("status", "currency", "reason", "source", "batch_id")
    search_fields = ("=stripe_id", "=payment__intent_id", "payment__campaign__title")
    ordering_fields = ("created_at", "amount")
