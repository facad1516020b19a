"""The ledger, to read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin
from unfold.contrib.filters.admin import RangeDateFilter

from bh_sdk.money import Money
from bh_sdk.server.admin import CasePage, display, parts
from payments_svc.ledger.models import Journal

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest


@admin.register(Journal)
class JournalAdmin(CasePage):
    thing, desk, desk_order, icon, order = "journal", "Money", 10, "account_balance", 20

    list_display = ("kind_shown", "moved", "reference", "created_at")
    list_filter: ClassVar = ["kind", "currency", ("created_at", RangeDateFilter)]
    search_fields: ClassVar = ["reference"]
    search_help_text = "Reference, such as payment:<id>:succeeded"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Journal]:
        rows: QuerySet[Journal] = super().get_queryset(request)
        return rows.prefetch_related("entries")

    @display(description="Kind", ordering="kind")
    def kind_shown(self, row: Journal) -> str:
        return row.kind.replace("_", " ")

    @display(description="Moved")
    def moved(self, row: Journal) -> str:
        return str(Money(sum(entry.amount for entry in row.entries.all() if entry.amount > 0), row.currency))

    def case(self, request: HttpRequest, obj: Any) -> parts.Case:
        lines = [
            parts.Line(entry.account.replace("_", " "), entry.money.decimal, entry.line.replace("_", " "))
            for entry in obj.entries.all()
        ]
        return parts.Case(
            headline=parts.Headline(title=self.kind_shown(obj), figure=self.moved(obj), below=obj.reference),
            wide=[
                parts.MoneyTable("Lines: positive debits, negative credits", lines, total=str(Money(0, obj.currency)))
            ],
            narrow=[
                parts.Facts(
                    "Where it belongs",
                    [
                        parts.Fact("Journal", str(obj.id), mono=True),
                        parts.Fact("Payment", str(obj.payment_id), mono=True),
                        parts.Fact("Campaign", str(obj.campaign_id), mono=True),
                        parts.Fact("Booked", f"{obj.created_at:%d %b %Y, %H:%M:%S} UTC"),
                    ],
                )
            ],
        )
