"""The numbers behind the scores, as analysts see them."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest

from bh_sdk.server.admin import CasePage, display, parts
from trust_svc.scoring.models import ParameterSet


@admin.register(ParameterSet)
class ParameterSetAdmin(CasePage):
    """The numbers behind the scores."""

    thing, desk, desk_order, icon, order = "parameters", "Trust", 10, "tune", 90

    list_display = ("version", "state_label", "digest", "created_at")
    list_filter: ClassVar = ["state"]

    @display(description="State", ordering="state", label={"live": "success", "draft": "info", "shadow": "warning"})
    def state_label(self, row: ParameterSet) -> str:
        return row.state

    def case(self, request: HttpRequest, obj: Any) -> parts.Case:
        facts = [
            ("Version", str(obj.version)),
            ("State", obj.state),
            ("Made", obj.created_at.strftime("%d %b %Y %H:%M")),
        ]
        return parts.Case(
            headline=parts.Headline(title="Parameter set", figure=str(obj.version), status=obj.state),
            wide=[parts.Words("Canonical text", obj.body.replace(",", ",\n "), mono=True)],
            narrow=[parts.Facts("About", [*facts, parts.Fact("SHA-256", obj.digest, mono=True)])],
        )
