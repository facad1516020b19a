"""The review desk: what to look at next, everything about it on one page, and one dialog that decides."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from unfold.contrib.filters.admin import RangeDateFilter

from bh_sdk.server.admin import CasePage, Figure, action, display, parts
from bh_sdk.server.ops import clock
from trust_svc.cases import commands, page, queries
from trust_svc.cases.dialogs import HandOver, Judge, PutAway, Say, Seen, Write
from trust_svc.cases.models import Case
from trust_svc.evidence import queries as evidence

HEAPS = {
    "open": "To do",
    "mine": "Mine",
    "unassigned": "Nobody's",
    "overdue": "Late",
    "snoozed": "Put away",
    "closed": "Closed",
}
READ = "Read what reporters wrote"


class Heap(admin.SimpleListFilter):
    """The desk's heaps; without a choice what is to be done, and for whoever searches everything."""

    title = "heap"
    parameter_name = "heap"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(HEAPS.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Case]) -> QuerySet[Case]:
        if self.value() is None and request.GET.get("q"):
            return queryset
        return queries.heap(queryset, self.value() or "open", of=_me(request), now=clock.now())


@admin.register(Case)
class CaseAdmin(CasePage):
    """`case` in the policies: `view` to look, `claim`, `release`, `assign`, `snooze`, `note` and `decide` to work."""

    thing, desk, desk_order, icon, order = "case", "Trust", 10, "balance", 5

    list_display = ("about", "harm_shown", "money_shown", "due_label", "who", "opened_at")
    list_filter: ClassVar = [Heap, "entity_kind", "outcome", ("opened_at", RangeDateFilter)]
    list_before_template = "trust/cases/heaps.html"
    search_fields: ClassVar = ["entity_id"]
    search_help_text = "Id of a case, a campaign or a person, or words of a campaign's title"
    ordering = ("-harm", "opened_at", "id")
    actions_detail: ClassVar = ["decide_it", "claim", "note", "snooze", "assign", "release"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Case]:
        found: QuerySet[Case] = (
            super()
            .get_queryset(request)
            .annotate(title=evidence.title_of("entity_id"), worker=queries.name_in("assignee"))
        )
        return found

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Case], search_term: str
    ) -> tuple[QuerySet[Case], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        try:
            wanted = UUID(term)
        except ValueError:
            return queryset.filter(entity_kind="campaign", entity_id__in=evidence.titled(term)), False
        return queryset.filter(Q(id=wanted) | Q(entity_id=wanted) | Q(owner_id=wanted)), False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        chosen = request.GET.get("heap") or ("" if request.GET.get("q") else "open")
        now, me = clock.now(), _me(request)
        counts = {name: queries.heap(Case.objects.all(), name, of=me, now=now).count() for name in HEAPS}
        heaps = [
            {
                "name": name,
                "title": title,
                "count": counts[name],
                "chosen": name == chosen,
                "pressing": name == "overdue" and counts[name] > 0,
            }
            for name, title in HEAPS.items()
        ]
        return super().changelist_view(request, {"heaps": heaps, **(extra_context or {})})

    def found_as(self, obj: Any) -> str:
        return f"Case: {page.name_of(obj)}"

    def figures(self, request: HttpRequest) -> Iterable[Figure]:
        now, me = clock.now(), _me(request)
        waiting = queries.heap(Case.objects.all(), "open", of=me, now=now)
        late = queries.heap(Case.objects.all(), "overdue", of=me, now=now).count()
        note = f"{late} late" if late else "none late"
        yield Figure("Cases to decide", str(waiting.count()), note=note, href=self.address(), pressing=late > 0)
        mine = queries.heap(Case.objects.all(), "mine", of=me, now=now).count()
        yield Figure("My cases", str(mine), href=f"{self.address()}?heap=mine", pressing=mine > 0)

    @display(description="About", header=True)
    def about(self, row: Any) -> list[str]:
        return [page.name_of(row), row.summary or row.entity_kind]

    @display(description="Expected harm", ordering="harm")
    def harm_shown(self, row: Case) -> str:
        return f"{row.harm:,.0f}"

    @display(description="Money still here", ordering="open_money")
    def money_shown(self, row: Case) -> str:
        return page.money(float(row.open_money))

    @display(description="Due", ordering="due_at", label={"late": "danger", "due": "info"})
    def due_label(self, row: Case) -> tuple[str, str]:
        now = clock.now()
        said = page.due(row, now)
        late = row.state == Case.State.OPEN and row.due_at < now
        return ("late" if late else "due"), said

    @display(description="With")
    def who(self, row: Any) -> str:
        if row.state == Case.State.CLOSED:
            return page.OUTCOME[str(row.outcome)][0]
        if row.assignee is None:
            return "nobody"
        return str(row.worker or row.assignee)[:40]

    # -- who may press what, on this very case; the commands say the same ------------------------------------------------

    def has_claim_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        row = _row(object_id)
        return self.may(request, "claim") and (row is None or (row.assignee is None and self._works(request, row)))

    def has_release_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        row = _row(object_id)
        mine = row is None or (row.assignee == _me(request) and row.state == Case.State.OPEN)
        return self.may(request, "release") and mine

    def has_assign_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        row = _row(object_id)
        able = row is None or (row.state == Case.State.OPEN and not queries.is_party(row, _me(request)))
        return self.may(request, "assign") and able

    def has_snooze_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        row = _row(object_id)
        return self.may(request, "snooze") and (row is None or self._works(request, row))

    def has_decide_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        row = _row(object_id)
        return self.may(request, "decide") and (row is None or self._works(request, row))

    def has_note_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        row = _row(object_id)
        return self.may(request, "note") and (row is None or not queries.is_party(row, _me(request)))

    def _works(self, request: HttpRequest, row: Case) -> bool:
        me = _me(request)
        return row.state == Case.State.OPEN and row.assignee in (None, me) and not queries.is_party(row, me)

    # -- actions ------------------------------------------------------------------------------------------------------

    @action(
        title="Decide",
        verb="decide",
        question="The case is closed and every open report in it is judged. Whoever reported is told, and the organiser.",
        form=Judge,
        submit="Close the case",
        icon="gavel",
        look="primary",
    )
    def decide_it(self, request: HttpRequest, form: Judge, object_id: str) -> HttpResponse:
        given = form.cleaned_data
        command = partial(
            commands.decide,
            outcome=given["outcome"],
            verdicts=form.verdicts(),
            stop=given["stop"],
            note=given["note"],
            **self._seen(request, form, object_id),
        )
        return self.decide(request, object_id, command, done=f"Decided: {page.OUTCOME[given['outcome']][0].lower()}")

    @action(
        title="Claim",
        verb="claim",
        question="The case is yours, and nobody else decides it meanwhile.",
        form=Seen,
        icon="front_hand",
    )
    def claim(self, request: HttpRequest, form: Seen, object_id: str) -> HttpResponse:
        command = partial(commands.claim, **self._seen(request, form, object_id))
        return self.decide(request, object_id, command, done="The case is yours")

    @action(title="Give back", verb="release", question="Anybody can take the case then.", form=Seen, icon="undo")
    def release(self, request: HttpRequest, form: Seen, object_id: str) -> HttpResponse:
        command = partial(commands.release, **self._seen(request, form, object_id))
        return self.decide(request, object_id, command, done="Given back to the desk")

    @action(
        title="Hand over",
        verb="assign",
        question="A colleague works on the case from here on.",
        form=HandOver,
        icon="person_add",
    )
    def assign(self, request: HttpRequest, form: HandOver, object_id: str) -> HttpResponse:
        given = form.cleaned_data
        command = partial(commands.assign, to=given["to"], note=given["note"], **self._seen(request, form, object_id))
        return self.decide(request, object_id, command, done="Handed over")

    @action(
        title="Put away",
        verb="snooze",
        question="It comes back by itself, and at once when something new comes in.",
        form=PutAway,
        icon="snooze",
    )
    def snooze(self, request: HttpRequest, form: PutAway, object_id: str) -> HttpResponse:
        command = partial(
            commands.snooze,
            until=form.until(),
            note=form.cleaned_data["note"],
            **self._seen(request, form, object_id),
        )
        return self.decide(request, object_id, command, done="Put away")

    @action(title="Note", verb="note", question="For whoever works on it next.", form=Write, icon="edit_note")
    def note(self, request: HttpRequest, form: Write, object_id: str) -> HttpResponse:
        command = partial(commands.add_note, case_id=UUID(object_id), note=form.cleaned_data["note"], by=_me(request))
        return self.decide(request, object_id, command, done="Noted")

    def _seen(self, request: HttpRequest, form: Seen | Say, object_id: str) -> dict[str, Any]:
        return {"case_id": UUID(object_id), "by": _me(request), "version": form.cleaned_data["version"]}

    def case(self, request: HttpRequest, obj: Any) -> parts.Case:
        # Nobody reads about themselves, nor who else said so.
        opened = request.user.may("report", "open") and not queries.is_party(obj, _me(request))  # type: ignore[union-attr]
        if opened and obj.signals.filter(kind="report").exists():
            self.log_reading(request, obj, READ)
        return page.case_of(obj, viewer=_me(request), opened=opened, ways=self.ways(request), now=clock.now())


def _me(request: HttpRequest) -> UUID:
    return UUID(CasePage.actor(request))


def _row(object_id: object) -> Case | None:
    """The case a button is about. Django asks with its id, with its row, or with nothing for a list."""
    if object_id is None or isinstance(object_id, Case):
        return object_id
    try:
        return Case.objects.filter(id=UUID(str(object_id))).first()
    except ValueError:
        return None
