"""The desk's four heaps, to filter by and to count."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import QuerySet

from payments_svc.payouts import queries
from payments_svc.payouts.models import Payout
from payments_svc.payouts.rules import WAITING

if TYPE_CHECKING:
    from django.http import HttpRequest


class Desk(admin.SimpleListFilter):
    """The desk's four heaps."""

    title = "desk"
    parameter_name = "desk"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("waiting", "Waits for approval"),
            ("second", "Needs a second approval"),
            ("held", "Stopped by a hold"),
            ("bank", "To be transferred by bank"),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Payout]) -> QuerySet[Payout]:
        return heap(queryset, self.value() or "")


def heap(rows: QuerySet[Payout], name: str) -> QuerySet[Payout]:
    if name == "waiting":
        return rows.filter(status="requested")
    if name == "second":
        return rows.filter(status="approved_once")
    if name == "held":
        return queries.held(rows.filter(status__in=[*WAITING, "approved"]))
    if name == "bank":
        return rows.filter(method="bank_transfer", status__in=["approved", "submitting"])
    return rows
