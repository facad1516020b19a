"""Staff report: cases. What staff noted and what people reported in words is in none."""

from __future__ import annotations

from typing import ClassVar

from rest_framework import serializers

from bh_sdk.server.admin.reports import NewestFirst
from trust_svc.cases.models import Case
from trust_svc.evidence import queries as evidence
from trust_svc.ones_own import OthersReport


class CaseRow(serializers.ModelSerializer[Case]):
    title = serializers.CharField()
    hours_to_decision = serializers.SerializerMethodField()

    class Meta:
        model = Case
        fields = (
            "id",
            "opened_at",
            "entity_kind",
            "entity_id",
            "title",
            "owner_id",
            "state",
            "outcome",
            "summary",
            "probability",
            "open_money",
            "harm",
            "assignee",
            "due_at",
            "snoozed_until",
            "closed_at",
            "decided_by",
            "hours_to_decision",
        )

    def get_hours_to_decision(self, row: Case) -> float | None:
        return None if row.closed_at is None else round((row.closed_at - row.opened_at).total_seconds() / 3600, 2)


class LastOpenedFirst(NewestFirst):
    ordering = "-opened_at"


class CaseReport(OthersReport[Case]):
    """Every case, what it was about and how it ended, newest first."""

    thing = "insight"
    queryset = Case.objects.annotate(title=evidence.title_of("entity_id"))
    serializer_class = CaseRow
    pagination_class = LastOpenedFirst
    filters = ("entity_kind", "entity_id", "state", "outcome", "assignee", "decided_by")
    times: ClassVar = ("opened_at", "due_at", "closed_at")
    search_fields = ("=id", "=entity_id")
    ordering_fields = ("opened_at", "due_at", "closed_at", "harm")
    ordering = ("-opened_at",)
