"""Refunds, to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from django.contrib import admin

from bh_sdk.server.admin import Guarded, display
from payments_svc.refunds.models import Refund

if TYPE_CHECKING:
    from collections.abc import Sequence

_SHOWN: Sequence[str] = ("id", "amount_shown", "status", "stripe_id", "payment", "created_at")


@admin.register(Refund)
class RefundAdmin(Guarded):
    thing, desk, desk_order, icon, order = "refund", "Money", 10, "undo", 40

    list_display = ("amount_shown", "status_label", "reason", "payment", "created_at")
    list_filter: ClassVar = ["status", "currency", "reason"]
    list_select_related: ClassVar = ["payment"]
    search_fields: ClassVar = ["stripe_id", "payment__intent_id"]
    fields: ClassVar = [*_SHOWN, "reason", "failure_reason", "settled_at"]
    readonly_fields = fields

    @display(description="Amount", ordering="amount")
    def amount_shown(self, row: Refund) -> str:
        return str(row.money)

    @display(
        description="Status",
        ordering="status",
        label={"pending": "warning", "succeeded": "success", "failed": "danger"},
    )
    def status_label(self, row: Refund) -> str:
        return row.status
