"""Holds as analysts see them. They are placed on the page of a score and lifted here or there."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from unfold.contrib.filters.admin import RangeDateFilter
from unfold.widgets import UnfoldAdminTextareaWidget

from bh_sdk.server.admin import CasePage, Dialog, Figure, action, display, parts
from trust_svc import elsewhere
from trust_svc.cases.queries import name_of
from trust_svc.evidence import queries as evidence
from trust_svc.holds import commands, queries
from trust_svc.holds.models import Hold


class Why(Dialog):
    """Both ways need a reason; it stays with the hold and is told to nobody outside the staff."""

    reason = forms.CharField(min_length=8, max_length=500, widget=UnfoldAdminTextareaWidget())


@admin.register(Hold)
class HoldAdmin(CasePage):
    """`hold` in the policies: `view`, `place` (on a score's page), `lift`."""

    thing, desk, desk_order, icon, order = "hold", "Trust", 10, "front_hand", 25

    list_display = ("about", "state_label", "reason", "placed_at", "lifted_at")
    list_filter: ClassVar = ["entity_kind", ("placed_at", RangeDateFilter), ("lifted_at", admin.EmptyFieldListFilter)]
    search_fields: ClassVar = ["entity_id"]
    search_help_text = "Id of a hold, a campaign or a person, or words of a campaign's title"
    actions_detail: ClassVar = ["lift"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Hold]:
        found: QuerySet[Hold] = super().get_queryset(request).annotate(title=evidence.title_of("entity_id"))
        return found

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Hold], search_term: str
    ) -> tuple[QuerySet[Hold], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        try:
            wanted = UUID(term)
        except ValueError:
            return queryset.filter(entity_kind="campaign", entity_id__in=evidence.titled(term)), False
        return queryset.filter(Q(id=wanted) | Q(entity_id=wanted)), False

    def found_as(self, obj: Any) -> str:
        return f"Hold: {_about(obj)}"

    def figures(self, request: HttpRequest) -> Iterable[Figure]:
        count = Hold.objects.filter(lifted_at=None).count()
        href = f"{self.address()}?lifted_at__isempty=1"
        yield Figure("Holds", str(count), note="no payouts are made for these" if count else "", href=href)

    @display(description="About", header=True)
    def about(self, row: Any) -> list[str]:
        return [_about(row), f"{row.entity_kind} {row.entity_id}"]

    @display(description="State", label={"Stopped": "danger", "Lifted": "success"})
    def state_label(self, row: Hold) -> str:
        return "Lifted" if row.lifted_at else "Stopped"

    def has_lift_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return self.may(request, "lift") and not _is_ones_own(object_id, self.actor(request))

    @action(
        title="Lift the hold",
        verb="lift",
        question="Payouts go on at once, those that were stopped too.",
        form=Why,
        icon="lock_open",
        look="primary",
    )
    def lift(self, request: HttpRequest, form: Why, object_id: str) -> HttpResponse:
        reason = form.cleaned_data["reason"]
        command = partial(commands.lift_hold, hold_id=UUID(object_id), reason=reason, by=self.actor(request))
        return self.decide(request, object_id, command, done="Hold lifted")

    def case(self, request: HttpRequest, obj: Any) -> parts.Case:
        moments = [parts.Moment("Stopped", obj.placed_at, who=name_of(obj.placed_by), note=obj.reason)]
        if obj.lifted_at:
            lifted = parts.Moment("Lifted", obj.lifted_at, who=name_of(obj.lifted_by), note=obj.lifted_because)
            moments.insert(0, lifted)
        ways = self.ways(request)
        because = parts.Fact("Because of", "an analyst placed it")
        if obj.report_id:
            because = parts.Fact("Because of", "an upheld report", href=ways.one(elsewhere.REPORT, obj.report_id))
        facts = [because, parts.Fact("Id of the hold", str(obj.id), mono=True)]
        state = self.state_label(obj)
        return parts.Case(
            headline=parts.Headline(
                title=_about(obj),
                figure="Payouts are stopped" if state == "Stopped" else "Payouts go on",
                below=obj.reason,
                status=state,
                tone="danger" if state == "Stopped" else "success",
                notice=_notice(obj, self.actor(request)),
            ),
            wide=[parts.Timeline("What happened", moments)],
            narrow=[elsewhere.card(ways, obj.entity_kind, obj.entity_id), parts.Facts("Hold", facts)],
        )


def _is_ones_own(object_id: object, person: str) -> bool:
    """Whether a button is about somebody's own. Django asks with the hold's id, with its row, or with nothing for a list."""
    if object_id is None:
        return False
    row = object_id if isinstance(object_id, Hold) else Hold.objects.filter(id=str(object_id)).first()
    return row is not None and queries.is_ones_own(row.entity_kind, row.entity_id, person)


def _about(row: Any) -> str:
    return str(getattr(row, "title", "") or f"{row.entity_kind.capitalize()} {str(row.entity_id)[:8]}")


def _notice(row: Hold, person: str) -> str:
    if row.lifted_at:
        return ""
    if queries.is_ones_own(row.entity_kind, row.entity_id, person):
        return "It is yours, so a colleague decides when the hold is lifted."
    return "Payments approves and sends nothing for it until an analyst lifts the hold."
