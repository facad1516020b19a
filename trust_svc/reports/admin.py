"""Reports as analysts see them. What the reporter wrote is opened only for who may `open` a report."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import RangeDateFilter

from bh_sdk.server.admin import CasePage, Figure, display, parts
from trust_svc import elsewhere
from trust_svc.evidence import queries as evidence
from trust_svc.reports.models import NOBODY, Report

STATES: dict[str, parts.Tone] = {"Open": "warning", "Upheld": "danger", "Dismissed": "info"}


@admin.register(Report)
class ReportAdmin(CasePage):
    """`report` in the policies: `view` for the list, `open` for the reporter's words."""

    thing, desk, desk_order, icon, order = "report", "Trust", 10, "flag", 20

    list_display = ("about", "kind", "state_label", "created_at", "decided_at")
    list_filter: ClassVar = ["state", "kind", "entity_kind", ("created_at", RangeDateFilter)]
    search_fields: ClassVar = ["entity_id"]
    search_help_text = "Id of a report, a campaign or a person, or words of a campaign's title"
    ordering = ("-created_at", "-id")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Report]:
        found: QuerySet[Report] = super().get_queryset(request).annotate(title=evidence.title_of("entity_id"))
        return found

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Report], search_term: str
    ) -> tuple[QuerySet[Report], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        try:
            wanted = UUID(term)
        except ValueError:
            return queryset.filter(entity_kind="campaign", entity_id__in=evidence.titled(term)), False
        return queryset.filter(Q(id=wanted) | Q(entity_id=wanted)), False

    def found_as(self, obj: Any) -> str:
        return f"{obj.kind.capitalize()}: {_about(obj)}"

    def figures(self, request: HttpRequest) -> Iterable[Figure]:
        count = Report.objects.filter(state="open").count()
        yield Figure("Open reports", str(count), href=f"{self.address()}?state__exact=open", pressing=count > 0)

    @display(description="About", header=True)
    def about(self, row: Any) -> list[str]:
        return [_about(row), f"{row.entity_kind} {row.entity_id}"]

    @display(description="State", ordering="state", label={**STATES})
    def state_label(self, row: Report) -> str:
        return row.get_state_display()

    def case(self, request: HttpRequest, obj: Any) -> parts.Case:
        # Nobody reads who said what about themselves.
        own = str(evidence.owner_of(obj.entity_kind, obj.entity_id)) == self.actor(request)
        opened = self.may(request, "open") and not own
        if opened:
            self.log_reading(request, obj, "Read what the reporter wrote")
        text = obj.description.open() if opened else "Sealed. Only who may open reports reads what was written."
        links = [[url] for url in obj.evidence_urls] if opened else []
        facts: list[parts.Fact | tuple[str, str]] = [
            ("Kind", obj.kind.capitalize()),
            ("Filed", f"{obj.created_at:%d %b %Y %H:%M} UTC"),
            parts.Fact("Id of the report", str(obj.id), mono=True),
        ]
        if opened:
            named = "not named" if obj.reporter_id == NOBODY else str(obj.reporter_id)
            facts.append(parts.Fact("Reporter", named, mono=True, note="never told to the one reported"))
        if obj.told_as:
            facts.append(parts.Fact("The platform calls it", obj.told_as, mono=True))
        moments = [parts.Moment("Filed", obj.created_at)]
        if obj.decided_at:
            moments.insert(0, parts.Moment(obj.get_state_display(), obj.decided_at))
        state = obj.get_state_display()
        return parts.Case(
            headline=parts.Headline(
                title=_about(obj),
                figure=obj.kind.capitalize(),
                status=state,
                tone=STATES[state],
                notice="It is judged in its case, together with all that is said about the same."
                if state == "Open"
                else "",
            ),
            wide=[
                parts.Words("What the reporter wrote", text),
                # Shown as text: a click would tell a stranger's server that staff are looking.
                parts.Table("Evidence the reporter names", ["Address"], links, empty="None."),
            ],
            narrow=[
                elsewhere.card(self.ways(request), obj.entity_kind, obj.entity_id),
                parts.Facts("Report", facts),
                parts.Timeline("What happened", moments),
            ],
        )


def _about(row: Any) -> str:
    return str(getattr(row, "title", "") or f"{row.entity_kind.capitalize()} {str(row.entity_id)[:8]}")
