"""Staff reports: the lines of days behind the analytics, for whoever wants to calculate with them."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework import serializers

from bh_sdk.server.admin.reports import NewestFirst, Report
from trust_svc.insights.counting import FACTORS, TIERS
from trust_svc.insights.models import ReviewDay, ScoreDay


class _Made(serializers.ReadOnlyField):
    """A column whose value the row makes."""

    def get_attribute(self, instance: Any) -> None:
        return None


class ScoreDayRow(serializers.ModelSerializer[ScoreDay]):
    class Meta:
        model = ScoreDay
        fields = (
            "day",
            "kind",
            "rated",
            "unrated",
            "mean",
            "low",
            "median",
            "high",
            "moved",
            "movement",
            "tier_up",
            "tier_down",
        )

    def to_representation(self, instance: ScoreDay) -> dict[str, Any]:
        row: dict[str, Any] = super().to_representation(instance)
        row |= instance.tiers
        row |= instance.factors
        return row

    def get_fields(self) -> dict[str, Any]:
        return super().get_fields() | {name: _Made() for name in (*TIERS, *FACTORS)}


class LatestDayFirst(NewestFirst):
    ordering = "-day"


class ScoreDayReport(Report[ScoreDay]):
    """How scores stood at the end of each day: how many in each tier, mean points of each factor, and what moved."""

    thing = "insight"
    queryset = ScoreDay.objects.all()
    serializer_class = ScoreDayRow
    pagination_class = LatestDayFirst
    filters = ("kind",)
    times: ClassVar = ("day",)
    ordering_fields = ("day",)
    ordering = ("-day",)


class ReviewDayRow(serializers.ModelSerializer[ReviewDay]):
    class Meta:
        model = ReviewDay
        fields = (
            "day",
            "filed",
            "upheld",
            "dismissed",
            "hours",
            "hours_slow",
            "cases_opened",
            "confirmed",
            "valuable",
            "false",
            "case_hours",
            "case_hours_slow",
        )


class ReviewDayReport(Report[ReviewDay]):
    """What was reported and decided on each day, and how long decisions took in hours."""

    thing = "insight"
    queryset = ReviewDay.objects.all()
    serializer_class = ReviewDayRow
    pagination_class = LatestDayFirst
    times: ClassVar = ("day",)
    ordering_fields = ("day",)
    ordering = ("-day",)
