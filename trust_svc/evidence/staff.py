"""Staff report: decisions, as they entered the evidence."""

from __future__ import annotations

from typing import ClassVar

from rest_framework import serializers

from bh_sdk.server.admin.reports import NewestFirst, Report
from trust_svc.evidence.models import Fact

DECISIONS = (
    "report.decided",
    "case.decided",
    "verification.granted",
    "verification.revoked",
    "hold.placed",
    "hold.lifted",
)


class DecisionRow(serializers.ModelSerializer[Fact]):
    outcome = serializers.CharField(source="data.outcome", default=None)
    item = serializers.CharField(source="data.item", default=None)

    class Meta:
        model = Fact
        fields = ("time", "type", "subject_kind", "subject_id", "outcome", "item", "source", "recorded_at", "id")


class LatestFirst(NewestFirst):
    ordering = "-time"


class DecisionReport(Report[Fact]):
    """What was decided about reports, cases, verifications and holds, whoever told us, newest first."""

    thing = "insight"
    queryset = Fact.objects.filter(type__in=DECISIONS).only(
        "time", "type", "subject_kind", "subject_id", "data", "source", "recorded_at"
    )
    serializer_class = DecisionRow
    pagination_class = LatestFirst
    filters = ("type", "subject_kind", "subject_id", "source")
    times: ClassVar = ("time", "recorded_at")
    search_fields = ("=subject_id", "=id")
    ordering_fields = ("time", "recorded_at")
    ordering = ("-time",)
