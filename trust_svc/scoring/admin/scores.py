"""Scores as analysts see them: what they are made of, why they are not higher, and how they came here. Nobody edits one."""

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

from bh_sdk.errors import NotFound
from bh_sdk.server.admin import CasePage, Dialog, Figure, action, display, parts
from trust_svc.evidence import queries as evidence
from trust_svc.holds import commands as holding
from trust_svc.holds import queries as holds
from trust_svc.overrides.dialogs import SetByHand, SetFactor, SetScore, SetTier
from trust_svc.scoring import commands
from trust_svc.scoring.admin import page
from trust_svc.scoring.models import Score

BY_HAND = (
    "Everybody sees what you set, until its time is over. The calculation goes on underneath and then counts again. "
    "The owner is told that staff set it, and until when."
)


class Why(Dialog):
    """The reason stays with the hold and is told to nobody outside the staff."""

    reason = forms.CharField(min_length=8, max_length=500, widget=UnfoldAdminTextareaWidget())


@admin.register(Score)
class ScoreAdmin(CasePage):
    """`score` in the policies: `view` to look, `calculate` for the button."""

    thing, desk, desk_order, icon, order = "score", "Trust", 10, "verified_user", 10

    list_display = ("entity", "points", "low_end", "tier_label", "confidence_share", "calculated_at")
    list_filter: ClassVar = ["kind", "tier", "rated", ("calculated_at", RangeDateFilter)]
    search_fields: ClassVar = ["entity_id"]
    search_help_text = "Campaign, person or owner id, or words of a campaign's title"
    ordering = ("-calculated_at", "-id")
    actions_detail: ClassVar = [
        "calculate",
        {"title": "Set by hand", "icon": "edit_attributes", "items": ["set_score", "set_tier", "set_factor"]},
        "place_hold",
        "lift_hold",
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Score]:
        found: QuerySet[Score] = super().get_queryset(request).annotate(title=evidence.title_of("entity_id"))
        return found

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Score], search_term: str
    ) -> tuple[QuerySet[Score], bool]:
        """Ids exactly, titles by their words."""
        term = search_term.strip()
        if not term:
            return queryset, False
        try:
            wanted = UUID(term)
        except ValueError:
            return queryset.filter(kind="campaign", entity_id__in=evidence.titled(term)), False
        return queryset.filter(Q(entity_id=wanted) | Q(owner_id=wanted)), False

    def found_as(self, obj: Any) -> str:
        return f"{page.name(obj)}: {page.number(obj)}"

    def figures(self, request: HttpRequest) -> Iterable[Figure]:
        rated = Score.objects.filter(rated=True)
        yield Figure("Rated", str(rated.count()), note="campaigns and people", href=f"{self.address()}?rated__exact=1")
        low = rated.filter(kind="campaign", tier="NEW").count()
        yield Figure("Rated campaigns below 25", str(low), href=f"{self.address()}?tier__exact=NEW", pressing=low > 0)

    @display(description="Entity", header=True)
    def entity(self, row: Any) -> list[str]:
        return [page.name(row), f"{row.kind} {row.entity_id}"]

    @display(description="Score", ordering="score")
    def points(self, row: Score) -> str:
        return page.number(row)

    @display(description="Lower end", ordering="lower")
    def low_end(self, row: Score) -> str:
        return f"{row.lower:.1f}"

    @display(description="Tier", ordering="tier", label={**page.TIERS, page.NOT_RATED: "info"})
    def tier_label(self, row: Score) -> str:
        return row.tier if row.rated else page.NOT_RATED

    @display(description="Confidence", ordering="confidence")
    def confidence_share(self, row: Score) -> str:
        return f"{row.confidence:.0%}"

    @action(
        title="Calculate now",
        verb="calculate",
        question="The score is calculated from all evidence there is now. Nothing is changed by hand.",
        form=Dialog,
        icon="refresh",
    )
    def calculate(self, request: HttpRequest, form: Dialog, object_id: str) -> HttpResponse:
        row = Score.objects.get(id=object_id)
        command = partial(commands.rescore, kind=row.kind, entity_id=row.entity_id)
        return self.decide(request, object_id, command, done="Calculated")

    def has_override_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return self.may(request, "override") and not self._is_ones_own(request, object_id)

    def _is_ones_own(self, request: HttpRequest, object_id: object) -> bool:
        row = _row(object_id)
        return row is not None and str(row.owner_id) == self.actor(request)

    @action(title="The score", verb="override", question=BY_HAND, form=SetScore, submit="Set the score", icon="123")
    def set_score(self, request: HttpRequest, form: SetScore, object_id: str) -> HttpResponse:
        return self._set(request, form, object_id)

    @action(title="The tier", verb="override", question=BY_HAND, form=SetTier, submit="Set the tier", icon="star")
    def set_tier(self, request: HttpRequest, form: SetTier, object_id: str) -> HttpResponse:
        return self._set(request, form, object_id)

    @action(title="One factor", verb="override", question=BY_HAND, form=SetFactor, submit="Set the factor", icon="tune")
    def set_factor(self, request: HttpRequest, form: SetFactor, object_id: str) -> HttpResponse:
        return self._set(request, form, object_id)

    def _set(self, request: HttpRequest, form: SetByHand, object_id: str) -> HttpResponse:
        command = partial(form.ask, UUID(self.actor(request)))
        return self.decide(request, object_id, command, done=form.done())

    def has_hold_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        others = not self._is_ones_own(request, object_id)
        return self.may(request, "hold") and others and not _is_held(object_id)

    def has_let_go_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        others = not self._is_ones_own(request, object_id)
        return self.may(request, "let_go") and others and (object_id is None or _is_held(object_id))

    @action(
        title="Put on hold",
        verb="hold",
        question="Payments approves and sends no payout for it until an analyst lifts the hold. Gifts go on.",
        form=Why,
        icon="front_hand",
        look="danger",
    )
    def place_hold(self, request: HttpRequest, form: Why, object_id: str) -> HttpResponse:
        row, reason, by = Score.objects.get(id=object_id), form.cleaned_data["reason"], self.actor(request)
        command = partial(holding.place_hold, entity_kind=row.kind, entity_id=row.entity_id, reason=reason, by=by)
        return self.decide(request, object_id, command, done="Put on hold")

    @action(
        title="Lift the hold",
        verb="let_go",
        question="Payouts go on at once, those that were stopped too.",
        form=Why,
        icon="lock_open",
    )
    def lift_hold(self, request: HttpRequest, form: Why, object_id: str) -> HttpResponse:
        row, reason, by = Score.objects.get(id=object_id), form.cleaned_data["reason"], self.actor(request)

        def command() -> None:
            hold = holds.active(row.kind, row.entity_id)
            if hold is None:
                raise NotFound("There is no hold on it")
            holding.lift_hold(hold_id=hold.id, reason=reason, by=by)

        return self.decide(request, object_id, command, done="Hold lifted")

    def case(self, request: HttpRequest, obj: Any) -> parts.Case:
        return page.of(obj, ways=self.ways(request), chosen=frozenset(request.GET.getlist("if")))


def _row(object_id: object) -> Score | None:
    """The score a button is about. Django asks with its id, with its row, or with nothing."""
    if object_id is None or isinstance(object_id, Score):
        return object_id
    return Score.objects.filter(id=str(object_id)).first()


def _is_held(object_id: object) -> bool:
    """Whether a hold is on what a button's score is about."""
    row = _row(object_id)
    return row is not None and holds.active(row.kind, row.entity_id) is not None
