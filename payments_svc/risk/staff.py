"""Staff report: refused tries."""

from __future__ import annotations

from rest_framework import serializers

from bh_sdk.server.admin.reports import Report
from payments_svc.risk.models import RefusedTry


class RefusedTryRow(serializers.ModelSerializer[RefusedTry]):
    amount = serializers.SerializerMethodField()

    class Meta:
        model = RefusedTry
        fields = (
            "created_at", "last_at", "rule", "step", "tries", "who", "guest", "address", "campaign_id", "amount", "currency",
        )  # fmt: skip

    def get_amount(self, row: RefusedTry) -> str:
        return row.money.decimal


class RefusedTryReport(Report[RefusedTry]):
    """Every refused try, newest first: rule, hashed donor, network, campaign, amount."""

    thing = "refused_try"
    queryset = RefusedTry.objects.all()
    serializer_class = RefusedTryRow
    filters = ("rule", "step", "guest", "currency", "campaign_id", "address")
    search_fields = ("=who", "=address")
    ordering_fields = ("created_at", "tries", "amount")
