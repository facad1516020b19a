"""What trust stopped."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin

from bh_sdk.server.admin import Guarded, display
from payments_svc.payouts.models import Hold


@admin.register(Hold)
class HoldAdmin(Guarded):
    """What trust stopped, to look at; analysts place and lift holds at trust."""

    thing, desk, desk_order, icon, order = "hold", "Money", 10, "front_hand", 48

    list_display = ("entity_kind", "entity_id", "state_label", "placed_at", "lifted_at")
    list_filter: ClassVar = ["entity_kind", ("lifted_at", admin.EmptyFieldListFilter)]
    search_fields: ClassVar = ["entity_id"]
    fields: ClassVar = ["id", "entity_kind", "entity_id", "placed_at", "lifted_at"]
    readonly_fields = fields

    @display(description="State", label={"Stops payouts": "danger", "Lifted": "success"})
    def state_label(self, row: Hold) -> str:
        return "Lifted" if row.lifted_at else "Stops payouts"
