"""Staff reports: the daily figures, why messages failed, and how each version of words fared."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import Max, QuerySet, Sum
from rest_framework import serializers

from bh_sdk.server.admin.reports import NewestFirst, Report
from notify_svc.insights import rules
from notify_svc.insights.models import Day, Failure


class NewestDayFirst(NewestFirst):
    ordering = "-day"


class DailyRow(serializers.ModelSerializer[Day]):
    class Meta:
        model = Day
        fields = ("day", "type", "channel", "provider", "version_id", *rules.COUNTED)


class DailyReport(Report[Day]):
    """What became of each day's messages, by version of words and provider. Days are those of acceptance, in UTC."""

    thing = "insight"
    queryset = Day.objects.all()
    serializer_class = DailyRow
    pagination_class = NewestDayFirst
    filters = ("type", "channel", "provider", "version_id")
    times: ClassVar = ("day",)
    ordering_fields = ("day",)
    ordering = ("-day",)


class FailureRow(serializers.ModelSerializer[Failure]):
    next_step = serializers.SerializerMethodField()

    class Meta:
        model = Failure
        fields = ("day", "type", "channel", "provider", "outcome", "reason", "count", "next_step")

    def get_next_step(self, row: Failure) -> str:
        return "" if row.outcome == "bounced" else rules.next_step(row.reason)


class FailureReport(Report[Failure]):
    """Why each day's messages failed or came back, and what to do about it."""

    thing = "insight"
    queryset = Failure.objects.all()
    serializer_class = FailureRow
    pagination_class = NewestDayFirst
    filters = ("type", "channel", "provider", "outcome", "reason")
    times: ClassVar = ("day",)
    ordering_fields = ("day", "count")
    ordering = ("-day",)


class VersionRow(serializers.Serializer[dict[str, Any]]):
    """The sums of one version; the names of its counts are those of the daily figures."""

    version_id = serializers.UUIDField()
    type = serializers.CharField()
    channel = serializers.CharField()
    last_day = serializers.DateField()

    def get_fields(self) -> dict[str, Any]:
        return {
            **super().get_fields(),
            **{name: serializers.IntegerField(source=f"all_{name}") for name in rules.COUNTED},
        }


class LastUsedFirst(NewestFirst):
    ordering = "-last_day"


class VersionReport(Report[Day]):
    """How each version of words fared over the days asked for: the version used last comes first."""

    thing = "insight"
    serializer_class = VersionRow  # type: ignore[assignment]  # sums over rows are no rows
    pagination_class = LastUsedFirst
    filters = ("type", "channel", "provider", "version_id")
    times: ClassVar = ("day",)
    ordering_fields = ("last_day",)
    ordering = ("-last_day",)

    def get_queryset(self) -> Any:
        return Day.objects.order_by().values("version_id", "type", "channel")

    def filter_queryset(self, queryset: QuerySet[Day, Any]) -> QuerySet[Day, Any]:
        sums = {f"all_{name}": Sum(name) for name in rules.COUNTED}
        return super().filter_queryset(queryset.annotate(last_day=Max("day"), **sums))
