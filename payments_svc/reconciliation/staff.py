"""Staff reports: runs and breaks."""

from __future__ import annotations

from rest_framework import serializers

from bh_sdk.money import Money
from bh_sdk.server.admin.reports import NewestFirst, Report
from payments_svc.reconciliation.models import Break, Run, RunBreak


class BreakRow(serializers.ModelSerializer[Break]):
    difference = serializers.SerializerMethodField()
    last_run = serializers.IntegerField(source="last_run_id")

    class Meta:
        model = Break
        fields = (
            "id",
            "at",
            "kind",
            "key",
            "currency",
            "difference",
            "state",
            "payment_id",
            "first_seen_at",
            "last_seen_at",
            "last_run",
            "taken_by",
            "settled_at",
            "settled_by",
            "reason",
            "correct_to",
            "proposed_by",
            "approved_by",
        )

    def get_difference(self, row: Break) -> str:
        return _difference(row)


class RunBreakRow(serializers.ModelSerializer[RunBreak]):
    run = serializers.IntegerField(source="run_id")
    break_id = serializers.UUIDField(source="of_id")
    difference = serializers.SerializerMethodField()

    class Meta:
        model = RunBreak
        fields = ("run", "break_id", "at", "kind", "key", "currency", "difference", "state", "payment_id")

    def get_difference(self, row: RunBreak) -> str:
        return _difference(row)


def _difference(row: Break | RunBreak) -> str:
    return ", ".join(f"{code} {Money(minor, code).decimal}" for code, minor in row.difference.items())


class LatestMoveFirst(NewestFirst):
    ordering = "-at"


class BreakReport(Report[Break]):
    """Every difference between Stripe's statement and the ledger: Stripe's net less ours, and what became of it."""

    thing = "break"
    queryset = Break.objects.all()
    serializer_class = BreakRow
    pagination_class = LatestMoveFirst
    filters = {"kind": "kind", "state": "state", "currency": "currency", "last_run": "last_run"}
    times = {"at": "at"}
    search_fields = ("=key",)
    ordering_fields = ("at", "first_seen_at")
    ordering = ("-at",)


class RunBreakReport(Report[RunBreak]):
    """What each reconciliation found, as it stood when the run ended. What became of it since is in the report of breaks."""

    thing = "break"
    queryset = RunBreak.objects.all()
    serializer_class = RunBreakRow
    pagination_class = LatestMoveFirst
    filters = {"run": "run", "kind": "kind", "state": "state", "currency": "currency", "break_id": "of"}
    times = {"at": "at"}
    search_fields = ("=key",)
    ordering_fields = ("at",)
    ordering = ("-at",)


class RunRow(serializers.ModelSerializer[Run]):
    class Meta:
        model = Run
        fields = (
            "id",
            "since",
            "until",
            "state",
            "asked_by",
            "read",
            "matched",
            "found",
            "cleared",
            "sums",
            "started_at",
            "finished_at",
        )


class LatestRunFirst(NewestFirst):
    ordering = "-started_at"


class RunReport(Report[Run]):
    """Every reconciliation: its window, and by currency what moved at Stripe and here, in minor units."""

    thing = "reconciliation"
    queryset = Run.objects.all()
    serializer_class = RunRow
    pagination_class = LatestRunFirst
    filters = ("state",)
    times = {"started_at": "started_at"}
    ordering_fields = ("started_at", "found")
    ordering = ("-started_at",)
