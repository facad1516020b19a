"""Stripe's payouts to our own bank."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin
from unfold.contrib.filters.admin import RangeDateFilter

from bh_sdk.money import Money
from bh_sdk.server.admin import CasePage, display, parts
from payments_svc.reconciliation import queries
from payments_svc.reconciliation.admin import words
from payments_svc.reconciliation.models import BankPayout

if TYPE_CHECKING:
    from django.http import HttpRequest


@admin.register(BankPayout)
class BankPayoutAdmin(CasePage):
    thing, desk, desk_order, icon, order = "bank_payout", "Reconciliation", 15, "account_balance", 30

    list_display = ("id", "amount_shown", "status", "arrives_at", "created_at")
    list_filter: ClassVar = ["status", "currency", ("created_at", RangeDateFilter)]
    search_fields: ClassVar = ["=id"]

    @display(description="Amount", ordering="amount")
    def amount_shown(self, row: BankPayout) -> str:
        return str(row.money)

    def case(self, request: HttpRequest, obj: Any) -> parts.Case:
        lines, net = queries.lines_of(obj)
        return parts.Case(
            headline=parts.Headline(
                title=f"Stripe's payout {obj.id}",
                figure=obj.money.decimal,
                unit=obj.currency,
                status=obj.status,
                tone="danger" if obj.failure else "success" if obj.status == "paid" else "info",
                notice=f"The bank did not take it: {obj.failure}" if obj.failure else "",
            ),
            wide=[
                parts.Table(
                    f"What it consists of: {len(lines)} moves, {Money(net, obj.currency)}",
                    ["Transaction", "Type", "Object", "Amount", "Fee"],
                    [
                        [
                            line.id,
                            line.type,
                            line.key,
                            Money(line.amount, line.currency).decimal,
                            Money(line.fee, line.currency).decimal,
                        ]
                        for line in lines[:500]
                    ],
                    numeric=frozenset({3, 4}),
                    empty="Not asked yet, or paid out by hand.",
                )
            ],
            narrow=[
                parts.Facts(
                    "About",
                    [
                        ("Made", words.day(obj.created_at)),
                        ("Arrives", words.day(obj.arrives_at)),
                        ("Read", words.day(obj.read_at)),
                    ],
                )
            ],
        )
