"""Staff report: broadcasts. Its words are on its page; who was told is in none."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers

from bh_sdk.server.admin.reports import Report
from notify_svc.broadcasts import queries
from notify_svc.broadcasts.models import Broadcast


class BroadcastRow(serializers.ModelSerializer[Broadcast]):
    state = serializers.CharField(source="stage")
    people = serializers.IntegerField(source="mailing.expected", default=None)
    told = serializers.IntegerField(source="mailing.reached", default=None)
    finished_at = serializers.DateTimeField(source="mailing.finished_at", default=None)

    class Meta:
        model = Broadcast
        fields = (
            "id",
            "created_at",
            "title",
            "type",
            "category",
            "audience",
            "campaign_id",
            "state",
            "people",
            "told",
            "start_at",
            "expires_at",
            "per_minute",
            "created_by",
            "asked_by",
            "asked_at",
            "approved_by",
            "approved_at",
            "finished_at",
            "mailing_id",
        )


class BroadcastReport(Report[Broadcast]):
    """Every broadcast, who wrote and approved it and how many it told, newest first."""

    thing = "broadcast"
    queryset = Broadcast.objects.select_related("mailing")
    serializer_class = BroadcastRow
    filters = ("category", "type", "audience", "campaign_id", "status")
    times = ("created_at", "approved_at")
    search_fields = ("title",)
    ordering_fields = ("created_at", "approved_at")

    def get_queryset(self) -> QuerySet[Any]:
        return queries.staged(super().get_queryset())
