"""Disputes, to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from django.contrib import admin

from bh_sdk.server.admin import Guarded, display
from payments_svc.disputes.models import Dispute

if TYPE_CHECKING:
    from collections.abc import Sequence

_SHOWN: Sequence[str] = ("id", "amount_shown", "status", "stripe_id", "payment", "created_at")


@admin.register(Dispute)
class DisputeAdmin(Guarded):
    thing, desk, desk_order, icon, order = "dispute", "Money", 10, "gavel", 50

    list_display = ("amount_shown", "status_label", "payment", "created_at", "closed_at")
    list_filter: ClassVar = ["status", "currency"]
    list_select_related: ClassVar = ["payment"]
    search_fields: ClassVar = ["stripe_id", "payment__intent_id"]
    fields: ClassVar = [*_SHOWN, "closed_at"]
    readonly_fields = fields

    @display(description="Amount", ordering="amount")
    def amount_shown(self, row: Dispute) -> str:
        return str(row.money)

    @display(description="Status", ordering="status", label={"open": "danger", "won": "success", "lost": "warning"})
    def status_label(self, row: Dispute) -> str:
        return row.status
