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
from django.urls import reverse
from unfold.contrib.filters.admin import RangeDateFilter
from unfold.widgets import UnfoldAdminTextareaWidget

from bh_sdk.errors import NotFound
from bh_sdk.server.admin import CasePage, Dialog, Figure, action, display, parts
from bh_sdk.server.ops import clock
from trust_svc.evidence import queries as evidence
from trust_svc.holds import commands as holding
from trust_svc.holds import queries as holds
from trust_svc.scoring import commands, queries
from trust_svc.scoring.engine import TEXTS, Column
from trust_svc.scoring.models import ParameterSet, Score
from trust_svc.scoring.sparkline import SPAN, Past, sparkline

TIERS: dict[str, parts.Tone] = {
    "NEW": "info",
    "RISING": "warning",
    "STEADY": "primary",
    "TRUSTED": "success",
    "STAR": "success",
}
NOT_RATED = "Not rated"


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
    actions_detail: ClassVar = ["calculate", "place_hold", "lift_hold"]

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
        return f"{_name(obj)}: {_number(obj)}"

    def figures(self, request: HttpRequest) -> Iterable[Figure]:
        rated = Score.objects.filter(rated=True)
        yield Figure("Rated", str(rated.count()), note="campaigns and people", href=f"{self.address()}?rated__exact=1")
        low = rated.filter(kind="campaign", tier="NEW").count()
        yield Figure("Rated campaigns below 25", str(low), href=f"{self.address()}?tier__exact=NEW", pressing=low > 0)

    @display(description="Entity", header=True)
    def entity(self, row: Any) -> list[str]:
        return [_name(row), f"{row.kind} {row.entity_id}"]

    @display(description="Score", ordering="score")
    def points(self, row: Score) -> str:
        return _number(row)

    @display(description="Lower end", ordering="lower")
    def low_end(self, row: Score) -> str:
        return f"{row.lower:.1f}"

    @display(description="Tier", ordering="tier", label={**TIERS, NOT_RATED: "info"})
    def tier_label(self, row: Score) -> str:
        return row.tier if row.rated else NOT_RATED

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

    def has_hold_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return self.may(request, "hold") and not _is_held(object_id)

    def has_let_go_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return self.may(request, "let_go") and (object_id is None or _is_held(object_id))

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
        now = clock.now()
        past = [
            Past(point.calculated_at, point.score, point.parameters_id)
            for point in queries.recent(obj.kind, obj.entity_id, since=now, within=SPAN)
        ]
        medians = queries.median_contributions(obj.kind)
        wide: list[parts.Card] = [
            parts.Bars(
                "Where the points come from",
                [
                    parts.Bar(
                        factor["name"].capitalize(),
                        factor["contribution"],
                        round(100 * factor["weight"], 2),
                        mark=medians.get(factor["name"]),
                    )
                    for factor in obj.factors
                    if factor["weight"]
                ],
                mark_means="median of rated ones" if medians else "",
            ),
            parts.Table(
                "Why it is not higher",
                ["Code", "Reason", "What would help", "Points"],
                [[each["code"], each["text"], each["help"], f"{each['points']:.1f}"] for each in obj.reasons],
                numeric=frozenset({3}),
                empty="Nothing costs more than a point.",
            ),
            parts.Custom("The last 180 days", "trust/scoring/sparkline.html", sparkline(past, now=now)),
            parts.Timeline(
                "Evidence",
                [
                    parts.Moment(line["type"], line["time"], who=line["source"], note=_told(line["data"]))
                    for line in evidence.lines(obj.kind, obj.entity_id, limit=60)
                ],
                empty="None about it directly.",
            ),
        ]
        narrow: list[parts.Card] = [*_held(obj), _numbers(obj), _features(obj)]
        return parts.Case(headline=_headline(obj), wide=wide, narrow=narrow)


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


def _is_held(object_id: object) -> bool:
    """Whether a hold is on what a button's score is about. Django asks with the score's id, with its row, or with nothing."""
    row = object_id if isinstance(object_id, Score) else Score.objects.filter(id=str(object_id or UUID(int=0))).first()
    return row is not None and holds.active(row.kind, row.entity_id) is not None


def _held(row: Score) -> list[parts.Checks]:
    hold = holds.active(row.kind, row.entity_id)
    if hold is None:
        return []
    href = reverse("admin:trust_holds_hold_change", args=(hold.id,))
    return [
        parts.Checks(
            "Stopped", [parts.Check(f"On hold since {hold.placed_at:%d %b %Y}: {hold.reason}", "danger", href)]
        )
    ]


def _name(row: Any) -> str:
    return str(getattr(row, "title", "") or f"{row.kind.capitalize()} {str(row.entity_id)[:8]}")


def _number(row: Score) -> str:
    return f"{row.score:.1f}" if row.rated else f"{row.score:.1f} (provisional)"


def _headline(row: Any) -> parts.Headline:
    notice = ""
    if not row.rated:
        notice = "There is not enough evidence for a rating: the public sees no number, owner and staff see this one."
    elif row.cap_adjustment < 0:
        notice = f"{TEXTS[row.reasons[0]['code']][0]}: {-row.cap_adjustment:.1f} points are cut off at {row.cap:g}."
    high = min(100.0, 2 * row.score - row.lower)
    return parts.Headline(
        title=f"{row.kind.capitalize()} · {_name(row)}",
        figure=f"{row.score:.1f}",
        unit="points",
        below=f"80 % interval {row.lower:.1f} to {high:.1f} · confidence {row.confidence:.0%}",
        status=row.tier if row.rated else NOT_RATED,
        tone=TIERS[row.tier] if row.rated else "info",
        notice=notice,
    )


def _numbers(row: Score) -> parts.Facts:
    facts: list[parts.Fact | tuple[str, str]] = [
        parts.Fact("Id", str(row.entity_id), mono=True),
        parts.Fact("Owner", str(row.owner_id or "not known"), mono=True),
        ("Trend, 30 days", "–" if row.trend is None else f"{row.trend:+.1f}"),
        ("Cap", f"{row.cap:g}"),
        ("Standard deviation", f"{row.deviation:.2f}"),
        ("Parameters", f"version {row.parameters_id}"),
        ("Calculated", row.calculated_at.strftime("%d %b %Y %H:%M:%S")),
        ("Calculated so often", str(row.revision)),
    ]
    return parts.Facts("The score", facts)


def _features(row: Score) -> parts.Facts:
    # A row from before an input was added has fewer.
    named = zip(Column, row.features, strict=False)
    return parts.Facts(
        "What the engine read",
        [(column.name.replace("_", " ").capitalize(), f"{value:.3g}") for column, value in named],
    )


def _told(data: dict[str, Any]) -> str:
    """What a fact says, without who gave, who reported and what the money was."""
    hidden = {"donor_id", "reporter_id", "cluster", "amount", "currency", "payment_id", "donor_standing"}
    return ", ".join(f"{name} {value}" for name, value in sorted(data.items()) if name not in hidden)
