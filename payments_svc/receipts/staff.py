"""Staff reports: receipts, and what came of each donor in the yearly run."""

from __future__ import annotations

from typing import ClassVar

from rest_framework import serializers

from bh_sdk.server.admin.reports import NewestFirst, Report
from payments_svc.receipts.models import Receipt, RunRow


class ReceiptRow(serializers.ModelSerializer[Receipt]):
    amount = serializers.SerializerMethodField()
    gift_aid = serializers.SerializerMethodField()

    class Meta:
        model = Receipt
        fields = (
            "id",
            "number",
            "kind",
            "year",
            "donor_id",
            "amount",
            "currency",
            "gift_aid",
            "issued_at",
            "issued_by",
            "voided_at",
            "voided_by",
            "void_reason",
        )

    def get_amount(self, row: Receipt) -> str:
        return row.money.decimal

    def get_gift_aid(self, row: Receipt) -> str | None:
        told: str | None = row.content.get("gift_aid")
        return told


class NewestNumberFirst(NewestFirst):
    ordering = "-issued_at"


class ReceiptReport(Report[Receipt]):
    """Every receipt, newest first, voided ones too."""

    thing = "receipt"
    queryset = Receipt.objects.all()
    serializer_class = ReceiptRow
    pagination_class = NewestNumberFirst
    filters = ("kind", "year", "currency", "donor_id")
    times = ("issued_at", "voided_at")
    search_fields = ("=number",)
    ordering_fields = ("issued_at", "number", "amount")
    ordering = ("-issued_at",)


class AnnualRow(serializers.ModelSerializer[RunRow]):
    year = serializers.IntegerField(source="run.year")
    receipts = serializers.SerializerMethodField()

    class Meta:
        model = RunRow
        fields = ("id", "run_id", "year", "donor_id", "currency", "state", "receipts", "reason", "done_at")

    def get_receipts(self, row: RunRow) -> str:
        return " ".join(sorted(receipt.number for receipt in row.receipts.all()))


class InOrder(NewestFirst):
    ordering = "id"


class AnnualRunReport(Report[RunRow]):
    """What came of each donor and currency in the yearly runs: the receipts, or why there is none."""

    thing = "annual_run"
    queryset = RunRow.objects.select_related("run").prefetch_related("receipts")
    serializer_class = AnnualRow
    pagination_class = InOrder
    filters: ClassVar = {"year": "run__year", "run_id": "run_id", "state": "state", "currency": "currency"}
    times = ("done_at",)
    search_fields = ("=donor_id",)
    ordering_fields = ("id",)
    ordering = ("id",)
