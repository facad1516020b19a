"""Staff report: the daily figures, for whoever wants to calculate with them."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework import serializers

from bh_sdk.money import Money
from bh_sdk.server.admin.reports import NewestFirst, Report
from payments_svc.insights.models import DailyFigure
from payments_svc.insights.rules import UNKNOWN_METHOD

_AMOUNTS = (
    "gross",
    "covered",
    "net",
    "processing_fees",
    "platform_fees",
    "undivided_fees",
    "recurring_gross",
    "refunded",
    "reversed",
    "disputed",
)


class DailyRow(serializers.ModelSerializer[DailyFigure]):
    class Meta:
        model = DailyFigure
        fields = (
            "day",
            "campaign_id",
            "currency",
            "method",
            "opened",
            "converted",
            "gifts",
            "gross",
            "covered",
            "net",
            "processing_fees",
            "platform_fees",
            "undivided_fees",
            "recurring_gifts",
            "recurring_gross",
            "refunds",
            "refunded",
            "reversals",
            "reversed",
            "disputes_lost",
            "disputed",
        )

    def to_representation(self, instance: DailyFigure) -> dict[str, Any]:
        row: dict[str, Any] = super().to_representation(instance)
        amounts = {name: Money(row[name], instance.currency).decimal for name in _AMOUNTS}
        return row | amounts | {"method": instance.method or (UNKNOWN_METHOD if instance.gifts else "")}


class NewestDayFirst(NewestFirst):
    ordering = "-day"


class DailyReport(Report[DailyFigure]):
    """What happened on each day with each campaign, by currency and method. People are not in it: they do not add up."""

    thing = "analytics"
    queryset = DailyFigure.objects.all()
    serializer_class = DailyRow
    pagination_class = NewestDayFirst
    filters = ("campaign_id", "method")
    times: ClassVar = ("day",)
    ordering_fields = ("day",)
    ordering = ("-day",)
