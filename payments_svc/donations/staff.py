"""Staff report: payments."""

from __future__ import annotations

from rest_framework import serializers

from bh_sdk.server.admin.reports import Report
from payments_svc.donations.models import Payment


class PaymentRow(serializers.ModelSerializer[Payment]):
    amount = serializers.SerializerMethodField()
    charged = serializers.SerializerMethodField()
    refunded = serializers.SerializerMethodField()
    processing_fee = serializers.SerializerMethodField()
    platform_fee = serializers.SerializerMethodField()
    campaign = serializers.CharField(source="campaign.title")

    class Meta:
        model = Payment
        fields = (
            "id",
            "created_at",
            "succeeded_at",
            "campaign",
            "campaign_id",
            "donor_id",
            "amount",
            "charged",
            "refunded",
            "processing_fee",
            "platform_fee",
            "currency",
            "method",
            "recurring_id",
            "status",
            "dispute_status",
            "failure_code",
            "intent_id",
        )

    def get_amount(self, row: Payment) -> str:
        return row.money(row.amount).decimal

    def get_charged(self, row: Payment) -> str:
        return row.charged_money.decimal

    def get_processing_fee(self, row: Payment) -> str:
        return row.money(row.processing_fee).decimal

    def get_platform_fee(self, row: Payment) -> str:
        return row.money(row.platform_fee).decimal

    def get_refunded(self, row: Payment) -> str:
        return row.money(row.refunded).decimal


class PaymentReport(Report[Payment]):
    """Every payment, newest first."""

    thing = "payment"
    queryset = Payment.objects.select_related("campaign")
    serializer_class = PaymentRow
    filters = (
        "status",
        "currency",
        "dispute_status",
        "method",
        "campaign_id",
        "donor_id",
        "recurring_id",
        "failure_code",
    )
    times = ("created_at", "succeeded_at")
    amounts = ("amount", "charged", "refunded")
    search_fields = ("=intent_id", "=charge_id", "campaign__title")
    ordering_fields = ("created_at", "amount", "charged", "refunded")
