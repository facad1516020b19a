"""Facts as staff see them. They come in by the API and by events; nobody writes one here, and the database keeps them."""

from __future__ import annotations

import json
from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import RangeDateFilter

from bh_sdk.server.admin import CasePage, display, parts
from trust_svc import elsewhere
from trust_svc.evidence.models import Campaign, Fact


def _by_id(term: str, queryset: QuerySet[Any], *fields: str) -> QuerySet[Any] | None:
    try:
        wanted = UUID(term)
    except ValueError:
        return None
    found = Q()
    for field in fields:
        found |= Q(**{field: wanted})
    return queryset.filter(found)


@admin.register(Fact)
class FactAdmin(CasePage):
    """`evidence` in the policies."""

    thing, desk, desk_order, icon, order = "evidence", "Trust", 10, "fact_check", 30

    list_display = ("type", "subject", "time", "source", "recorded_at")
    list_filter: ClassVar = ["subject_kind", "type", "source", ("time", RangeDateFilter)]
    search_fields: ClassVar = ["type"]
    search_help_text = "Id of a fact, campaign or person, or a type"
    ordering = ("-recorded_at", "-id")

    @display(description="About")
    def subject(self, row: Fact) -> str:
        return f"{row.subject_kind} {row.subject_id}"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Fact], search_term: str
    ) -> tuple[QuerySet[Fact], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        found = _by_id(term, queryset, "id", "subject_id")
        return (queryset.filter(type=term) if found is None else found), False

    def case(self, request: HttpRequest, obj: Any) -> parts.Case:
        facts: list[parts.Fact | tuple[str, str]] = [
            ("Told by", obj.source),
            ("Happened", f"{obj.time:%d %b %Y %H:%M:%S} UTC"),
            ("Heard of", f"{obj.recorded_at:%d %b %Y %H:%M:%S} UTC"),
            parts.Fact("Id of the fact", str(obj.id), mono=True),
        ]
        shown = json.dumps(obj.data, indent=2, sort_keys=True)
        return parts.Case(
            headline=parts.Headline(title="Evidence", figure=obj.type),
            wide=[parts.Words("What it says", shown, mono=True)],
            narrow=[
                parts.Facts("Fact", facts),
                elsewhere.card(self.ways(request), obj.subject_kind, obj.subject_id),
            ],
        )


@admin.register(Campaign)
class CampaignAdmin(CasePage):
    """`campaign` in the policies."""

    thing, desk, desk_order, icon, order = "campaign", "Trust", 10, "campaign", 40

    list_display = ("title_or_id", "owner_id", "category", "currency")
    list_filter: ClassVar = ["category", "currency"]
    search_fields: ClassVar = ["title"]
    search_help_text = "Title, or id of campaign or owner"
    ordering = ("title", "id")

    @display(description="Campaign", ordering="title")
    def title_or_id(self, row: Campaign) -> str:
        return str(row)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Campaign], search_term: str
    ) -> tuple[QuerySet[Campaign], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        found = _by_id(term, queryset, "id", "owner_id")
        return (queryset.filter(title__icontains=term) if found is None else found), False

    def case(self, request: HttpRequest, obj: Any) -> parts.Case:
        facts: list[parts.Fact | tuple[str, str]] = [
            parts.Fact("Organiser", str(obj.owner_id or "not known"), mono=True),
            ("Category", obj.category),
            ("Currency", obj.currency),
        ]
        counted = Fact.objects.filter(subject_kind="campaign", subject_id=obj.id).count()
        return parts.Case(
            headline=parts.Headline(title="Campaign", figure=str(obj), below=f"{counted} facts"),
            narrow=[parts.Facts("Known", facts), elsewhere.card(self.ways(request), "campaign", obj.id)],
        )
