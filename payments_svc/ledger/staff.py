"""Staff report: the lines of the ledger."""

from __future__ import annotations

from typing import ClassVar

from rest_framework import serializers

from bh_sdk.server.admin.reports import NewestFirst, Report
from payments_svc.ledger.models import Entry


class EntryRow(serializers.ModelSerializer[Entry]):
    booked_at = serializers.DateTimeField(source="journal.created_at")
    reference = serializers.CharField(source="journal.reference")
    kind = serializers.CharField(source="journal.kind")
    payment_id = serializers.UUIDField(source="journal.payment_id")
    campaign_id = serializers.UUIDField(source="journal.campaign_id")
    currency = serializers.CharField(source="journal.currency")
    amount = serializers.SerializerMethodField()

    class Meta:
        model = Entry
        fields = (
            "id",
            "booked_at",
            "reference",
            "kind",
            "account",
            "line",
            "amount",
            "currency",
            "payment_id",
            "campaign_id",
        )

    def get_amount(self, row: Entry) -> str:
        return row.money.decimal


class NewestLineFirst(NewestFirst):
    ordering = "-id"


class EntryReport(Report[Entry]):
    """Every line of every journal; a positive amount debits the account."""

    thing = "journal"
    queryset = Entry.objects.select_related("journal")
    serializer_class = EntryRow
    pagination_class = NewestLineFirst
    filters: ClassVar = {
        "account": "account",
        "line": "line",
        "currency": "journal__currency",
        "kind": "journal__kind",
        "payment_id": "journal__payment_id",
        "campaign_id": "journal__campaign_id",
    }
    times: ClassVar = {"booked_at": "journal__created_at"}
    search_fields = ("=journal__reference",)
    ordering_fields = ("id", "amount")
    ordering = ("-id",)
