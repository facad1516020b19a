"""Staff report: suppressed addresses, by the ends of their hashes."""

from __future__ import annotations

from typing import ClassVar

from rest_framework import serializers

from bh_sdk.server.admin.reports import NewestFirst, Report
from notify_svc.tracking.models import Suppression


class SuppressionRow(serializers.ModelSerializer[Suppression]):
    address = serializers.SerializerMethodField()

    class Meta:
        model = Suppression
        fields = ("id", "channel", "address", "reason", "since", "added_by", "released_at", "released_by")

    def get_address(self, row: Suppression) -> str:
        """As the page shows it; the address itself is nowhere."""
        return f"…{row.address_hash[-12:]}"


class LastSuppressedFirst(NewestFirst):
    ordering = "-since"


class SuppressionReport(Report[Suppression]):
    """Addresses that get nothing more, and those that were let go again."""

    thing = "suppression"
    queryset = Suppression.objects.all()
    serializer_class = SuppressionRow
    pagination_class = LastSuppressedFirst
    filters = ("channel", "reason")
    times: ClassVar = ("since", "released_at")
    ordering_fields = ("since",)
    ordering = ("-since",)
