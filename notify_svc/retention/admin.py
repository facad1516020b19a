"""How long what is kept stays, what the last rounds removed, and who asked for a person's data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from unfold.contrib.filters.admin import ChoicesCheckboxFilter, RangeDateFilter
from unfold.paginator import InfinitePaginator
from unfold.widgets import UnfoldAdminTextareaWidget

from bh_sdk.server.admin import BoardPage, CasePage, Dialog, Figure, action, display, parts
from bh_sdk.server.ops import clock
from notify_svc.audience import queries as people
from notify_svc.retention import commands, queries, rules
from notify_svc.retention.models import Removal, Request
from notify_svc.retention.queries import Standing

DESK = "Privacy"
_DAYS = 30


@admin.register(Removal)
class RetentionAdmin(BoardPage):
    thing, desk, desk_order, icon, order = "retention", DESK, 40, "auto_delete", 10

    def figures(self, request: HttpRequest) -> Iterable[Figure]:
        standings, now = queries.standings(), clock.now()
        late = sum(standings[period.what].late(now) for period in rules.PERIODS)
        removed = sum(standing.today for standing in standings.values())
        note = "removed today because its time was over"
        if late:
            note = f"{late} kinds were not looked through for an hour"
        elif any(standings[period.what].looked_at is None for period in rules.PERIODS):
            note = "the first round is still to come"
        yield Figure("Pruned", f"{removed:,}", note, self.address(), pressing=late > 0)

    def board(self, request: HttpRequest) -> parts.Board:
        standings, now = queries.standings(), clock.now()
        removed = queries.removals(days=_DAYS)
        return parts.Board(
            tiles=_tiles(standings),
            wide=[_periods(standings, now), _checks(standings, now), _why(), _chart(removed), _elsewhere()],
        )


def _tiles(standings: dict[str, Standing]) -> list[parts.Tile]:
    pruned = [standings[period.what] for period in rules.PERIODS]
    erased = standings.get(commands.ERASED, Standing())
    return [
        parts.Tile("Removed today", f"{sum(one.today for one in pruned):,}", "because its time was over"),
        parts.Tile(
            "In seven days", f"{sum(one.week for one in pruned):,}", f"{sum(one.all for one in pruned):,} in all"
        ),
        parts.Tile(
            "Erased people", f"{people.count_erased():,}", f"{erased.all:,} rows went or were stripped with them"
        ),
        parts.Tile("Erasures under way", f"{people.count_erasing():,}", "the next round goes on with them"),
    ]


def _periods(standings: dict[str, Standing], now: datetime) -> parts.Table:
    rows = []
    for period in rules.PERIODS:
        standing, oldest = standings[period.what], queries.oldest(period)
        rows.append(
            [
                period.title,
                f"{period.days:,} days",
                period.counted_from,
                f"{(now - oldest).days:,} days" if oldest else "–",
                f"{standing.today:,}",
                f"{standing.week:,}",
                f"{standing.all:,}",
            ]
        )
    headers = ["What", "Kept", "Counted from", "Oldest here", "Removed today", "In a week", "In all"]
    return parts.Table("What goes, and when", headers, rows, numeric=frozenset({1, 3, 4, 5, 6}))


def _chart(removed: dict[Any, dict[str, int]]) -> parts.Chart:
    tones: tuple[Any, ...] = ("primary", "soft", "deep", "pale", "warning")
    groups = {
        "Words": [period.what for period in rules.PERIODS if period.what.startswith(rules.WORDS)],
        "Providers' words": ["events"],
        "Digests": ["digests"],
        "Addresses": ["contacts"],
        "With erased people": [commands.ERASED],
    }
    series = []
    for (name, kinds), tone in zip(groups.items(), tones, strict=True):
        values = [sum(day.get(kind, 0) for kind in kinds) for day in removed.values()]
        series.append(parts.Series(name, values, [f"{value:,}" for value in values], tone))
    labels = [f"{day:%d %b}" for day in removed] if any(removed.values()) else []
    empty = "Nothing was removed in this time: nothing was old enough."
    return parts.Chart(f"Removed in the last {_DAYS} days", labels, series, stacked=True, empty=empty)


def _checks(standings: dict[str, Standing], now: datetime) -> parts.Checks:
    found = []
    for period in rules.PERIODS:
        standing = standings[period.what]
        if standing.looked_at is None:
            note = "not looked through yet. The first round comes within five minutes of a worker's start."
            found.append(parts.Check(f"{period.title}: {note}", "warning"))
        elif standing.late(now):
            when = f"{standing.looked_at:%d %b, %H:%M} UTC"
            found.append(parts.Check(f"{period.title}: last looked through {when}. Is a worker running?", "danger"))
        elif standing.behind and period.what != "contacts":
            found.append(
                parts.Check(f"{period.title}: more is too old than one round removes; the next goes on.", "warning")
            )
        else:
            found.append(parts.Check(f"{period.title}: looked through {standing.looked_at:%H:%M} UTC."))
    return parts.Checks("The last round", found)


def _why() -> parts.Table:
    rows = [[period.title, f"{period.days:,} days", period.then, period.why] for period in rules.PERIODS]
    return parts.Table("What becomes of it, and why then", ["What", "After", "Then", "Why"], rows, frozenset({1}))


def _elsewhere() -> parts.Table:
    rows = [[one.title, one.kept, one.why] for one in rules.ELSEWHERE]
    return parts.Table("Kept by its own rule", ["What", "Kept", "Why"], rows)


class Erase(Dialog):
    """Whom to erase, and who asked for it."""

    person_id = forms.UUIDField(label="Person", help_text="The id of the person, or the one that stands for a guest.")
    reason = forms.CharField(
        label="Why",
        min_length=4,
        max_length=300,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
        help_text="The number of the ticket. No names: this line stays.",
    )
    blamed = "person_id"


@admin.register(Request)
class RequestAdmin(CasePage):
    """`personal_data` in the policies: `view`, `erase`; by the API `read`, `export`, `erase`."""

    thing, desk, desk_order, icon, order = "personal_data", DESK, 40, "shield_person", 20
    list_display = ("kind_label", "person_id", "by", "reason", "at")
    list_filter: ClassVar = [("kind", ChoicesCheckboxFilter), ("at", RangeDateFilter)]
    ordering: ClassVar = ["-at", "-id"]
    paginator = InfinitePaginator
    search_fields: ClassVar = ["person_id"]
    search_help_text = "Id of a person"
    in_palette = False
    actions_list: ClassVar = ["erase"]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        if not (term := search_term.strip()):
            return queryset, False
        try:
            return queryset.filter(person_id=UUID(term)), False
        except ValueError:
            return queryset.none(), False

    @display(description="What", label={"Taken along": "info", "Erased": "danger"})
    def kind_label(self, row: Request) -> str:
        return "Erased" if row.kind == "erase" else "Taken along"

    @action(
        title="Erase a person",
        verb="erase",
        question="Address, name, wishes, digests and every word they were told go, for good. Nothing is sent to them any more."
        " A suppressed address stays suppressed.",
        form=Erase,
        icon="person_remove",
        look="danger",
    )
    def erase(self, request: HttpRequest, form: Erase) -> HttpResponse:
        person_id = form.cleaned_data["person_id"]
        erased = commands.erase(user_id=person_id, by=self.actor(request), reason=form.cleaned_data["reason"])
        told = "Erased." if erased.finished_at else "Erased. What they had been told is still being stripped."
        self.message_user(request, told, messages.SUCCESS)
        return HttpResponse(headers={"HX-Redirect": f"{self.address()}?q={person_id}"})

    def case(self, request: HttpRequest, obj: Any) -> parts.Case:
        erased = people.erasure(obj.person_id)
        return parts.Case(
            headline=parts.Headline(
                title=self.kind_label(obj),
                below=str(obj.person_id),
                status=self.kind_label(obj),
                tone="danger" if obj.kind == "erase" else "info",
                notice=_notice(erased.finished_at) if erased else "",
            ),
            wide=[
                parts.Timeline("Everything asked about this person", _moments(obj.person_id)),
            ],
            narrow=[
                parts.Facts(
                    "This request",
                    [
                        parts.Fact("Person", str(obj.person_id), mono=True),
                        parts.Fact("Asked by", obj.by, mono=True),
                        ("Why", obj.reason or "not said"),
                        ("When", f"{obj.at:%d %b %Y, %H:%M:%S} UTC"),
                    ],
                )
            ],
        )


def _notice(finished_at: datetime | None) -> str:
    if finished_at is None:
        return "Nothing is sent to them any more. What they had been told is still being stripped."
    return f"All of it was gone on {finished_at:%d %b %Y, %H:%M:%S} UTC."


def _moments(person_id: UUID) -> Sequence[parts.Moment]:
    rows = Request.objects.filter(person_id=person_id).order_by("-at", "-id")[:50]
    names = {"erase": "Erased", "export": "Taken along"}
    return [parts.Moment(names[row.kind], row.at, who=row.by, note=row.reason) for row in rows]
