"""Staff report: reports. Who reported, and in which words, is in none."""

from __future__ import annotations

from typing import ClassVar

from rest_framework import serializers

from trust_svc.evidence import queries as evidence
from trust_svc.ones_own import OthersReport
from trust_svc.reports.models import Report


class ReportRow(serializers.ModelSerializer[Report]):
    title = serializers.CharField()
    hours_to_decision = serializers.SerializerMethodField()

    class Meta:
        model = Report
        fields = (
            "id",
            "created_at",
            "entity_kind",
            "entity_id",
            "title",
            "kind",
            "state",
            "decided_at",
            "hours_to_decision",
        )

    def get_hours_to_decision(self, row: Report) -> float | None:
        return None if row.decided_at is None else round((row.decided_at - row.created_at).total_seconds() / 3600, 2)


class ReportReport(OthersReport[Report]):
    """Every report and what came of it, newest first."""

    thing = "insight"
    queryset = Report.objects.annotate(title=evidence.title_of("entity_id"))
    serializer_class = ReportRow
    filters = ("entity_kind", "entity_id", "kind", "state")
    times: ClassVar = ("created_at", "decided_at")
    search_fields = ("=id", "=entity_id")
    ordering_fields = ("created_at", "decided_at")
