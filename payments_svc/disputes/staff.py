"""Staff report: disputes."""

from __future__ import annotations

from rest_framework import serializers

from bh_sdk.money import Money
from bh_sdk.server.admin.reports import Report
from payments_svc.disputes.models import Dispute


class DisputeRow(serializers.ModelSerializer[Dispute]):
    amount = serializers.SerializerMethodField()
    fee = serializers.SerializerMethodField()
    campaign_id = serializers.UUIDField(source="payment.campaign_id")

    class Meta:
        model = Dispute
        fields = (
            "id",
            "created_at",
            "status",
            "stripe_status",
            "reason",
            "amount",
            "fee",
            "currency",
            "evidence_due_at",
            "submissions",
            "answered_at",
            "closed_at",
            "payment_id",
            "campaign_id",
            "stripe_id",
        )

    def get_amount(self, row: Dispute) -> str:
        return row.money.decimal

    def get_fee(self, row: Dispute) -> str:
        return Money(row.fee, row.currency).decimal


class DisputeReport(Report[Dispute]):
    """Every dispute with its deadline, what it cost and how it ended."""

    thing = "dispute"
    queryset = Dispute.objects.select_related("payment")
    serializer_class = DisputeRow
    filters = ("status", "currency", "reason", "payment_id")
    search_fields = ("=stripe_id", "=payment__intent_id", "=payment__charge_id")
    ordering_fields = ("created_at", "evidence_due_at", "amount")
