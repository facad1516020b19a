"""Staff report: appeals and how long they took. What people wrote is in none."""

from __future__ import annotations

from typing import ClassVar

from rest_framework import serializers

from bh_sdk.server.admin.reports import Report
from trust_svc.appeals.models import Appeal


class AppealRow(serializers.ModelSerializer[Appeal]):
    class Meta:
        model = Appeal
        fields = (
            "id",
            "filed_at",
            "entity_kind",
            "entity_id",
            "filed_by",
            "against",
            "target_id",
            "state",
            "due_at",
            "claimed_by",
            "decided_at",
            "decided_by",
        )


class AppealReport(Report[Appeal]):
    """Every appeal, newest first."""

    thing = "appeal"
    queryset = Appeal.objects.all()
    serializer_class = AppealRow
    filters = ("state", "against", "entity_kind", "entity_id", "filed_by")
    search_fields = ("=id",)
    ordering = ("-filed_at",)
    times: ClassVar = ("filed_at", "decided_at")
    ordering_fields = ("filed_at", "due_at", "decided_at")
