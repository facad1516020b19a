"""Appeals as analysts work them: what is due first, what was decided by whom, and the answer."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import partial
from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib import admin
from django.db.models import Case, IntegerField, Q, QuerySet, Value, When
from django.http import HttpRequest, HttpResponse
from unfold.contrib.filters.admin import RangeDateFilter
from unfold.widgets import UnfoldAdminTextareaWidget

from bh_sdk.server.access.models import Staff
from bh_sdk.server.admin import CasePage, Dialog, Figure, action, display, parts
from bh_sdk.server.admin.ways import Ways
from bh_sdk.server.ops import clock
from trust_svc import elsewhere
from trust_svc.appeals import commands, decisions, rules
from trust_svc.appeals.models import Appeal
from trust_svc.cases.queries import name_in
from trust_svc.evidence import queries as evidence
from trust_svc.overrides import commands as overrides
from trust_svc.overrides import queries as overridden
from trust_svc.overrides.rules import ALONE, DAYS, MOST_DAYS, Wish
from trust_svc.scoring import queries as scores
from trust_svc.scoring.engine import TIERS

STATES: dict[str, parts.Tone] = {
    "To decide": "warning",
    "Decision stands": "info",
    "Adjusted": "success",
    "Reversed": "success",
}
_WORDS = {"open": "To decide", "upheld": "Decision stands", "adjusted": "Adjusted", "reversed": "Reversed"}
_STANDS = "The decision stands"
# Where the page of what is appealed against lies.
_PAGES = {
    "hold": elsewhere.HOLD,
    "override": elsewhere.OVERRIDE,
    "verification": elsewhere.VERIFICATION,
    "case": elsewhere.CASE,
}
_SOON = timedelta(hours=24)
_OPEN_FIRST = Case(When(state="open", then=Value(0)), default=Value(1), output_field=IntegerField()).asc()


class Decide(Dialog):
    """What becomes of the decision, an answer for whoever appealed, and a note for staff; the score that is shown instead,
    where one is set by hand."""

    facts_template = "bh/facts.html"
    field_order = ("outcome", "points", "days", "answer", "note")

    outcome = forms.ChoiceField(label="Outcome", widget=forms.RadioSelect)
    points = forms.FloatField(
        min_value=0,
        max_value=100,
        required=False,
        label="Score to show instead",
        help_text="0 to 100 points; only with “Adjusted”",
    )
    days = forms.IntegerField(
        min_value=1,
        max_value=MOST_DAYS,
        initial=DAYS,
        required=False,
        label="For so many days",
        help_text=f"It ends by itself; {MOST_DAYS} at most",
    )
    answer = forms.CharField(
        min_length=20,
        max_length=2000,
        label="Answer to whoever appealed",
        help_text="They read this: what was looked at, and why it ends so",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
    )
    note = forms.CharField(
        required=False,
        max_length=2000,
        label="Note for staff",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.row = Appeal.objects.filter(id=self.object_id).first() if self.object_id else None
        self.fields["outcome"].choices = _choices(self.row.against if self.row else "")
        if self.row is None or self.row.against not in rules.BY_HAND or decisions.put_right(self.row):
            for name in ("points", "days"):
                del self.fields[name]

    def facts(self, request: HttpRequest, object_id: str | None) -> dict[str, Any]:
        """What the number is now, where one is set; else only what is appealed against."""
        if self.row is None:
            return {"card": parts.Facts("", [])}
        if "points" not in self.fields:
            return {"card": parts.Facts("", [("Appealed against", rules.AGAINST[self.row.against])])}
        found, _ = overrides.measure(self.row.entity_kind, self.row.entity_id, Wish("tier", tier=TIERS[0]))
        shown = scores.score_of(self.row.entity_kind, self.row.entity_id)
        rows = [
            parts.Fact("Shown now", f"{shown.score:.1f} points" if shown else "nothing yet", strong=True),
            parts.Fact("Calculated now", f"{found.score:.1f} points"),
            parts.Fact("Cap", f"{found.cap:g} points" if found.cap < 100 else "none"),
            parts.Fact("Second person", f"needed more than {ALONE:g} points from the calculated one, or over a cap"),
        ]
        return {"card": parts.Facts("", rows)}

    def instead(self) -> decisions.Instead | None:
        """The score that was filled in, when it is what was chosen."""
        said = self.cleaned_data
        if said["outcome"] != "adjusted" or said.get("points") is None:
            return None
        return decisions.Instead(said["points"], said["days"] or DAYS)

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or self.cleaned_data
        if given.get("outcome") == "adjusted" and "points" in self.fields and given.get("points") is None:
            self.add_error("points", "Say which score puts it right.")
        return given

    def done(self) -> str:
        """What is said when it worked."""
        instead = self.instead()
        if instead is not None and self.row is not None:
            wish = Wish("score", value=instead.points)
            if overrides.measure(self.row.entity_kind, self.row.entity_id, wish)[1].takes_two:
                return "Waits for a second person: the appeal stays with you, and is decided when somebody agreed"
        return f"Appeal decided: {_WORDS[self.cleaned_data['outcome']].lower()}"


def _choices(against: str) -> list[tuple[str, str]]:
    """How an appeal can end, each with what it does."""
    said = {"upheld": f"{_STANDS}: nothing changes"}
    said |= {
        outcome: f"{_WORDS[outcome]}: {what[:1].lower()}{what[1:]}"
        for outcome, what in rules.CHANGES.get(against, {}).items()
    }
    return [(outcome, said[outcome]) for outcome in rules.outcomes(against)]


@admin.register(Appeal)
class AppealAdmin(CasePage):
    """`appeal` in the policies: `view`, `open` (what was written), `claim`, `decide`."""

    thing, desk, desk_order, icon, order = "appeal", "Trust", 10, "forum", 24

    list_display = ("about", "against_label", "state_label", "due", "works_on_it", "filed_at")
    list_filter: ClassVar = ["state", "against", "entity_kind", ("filed_at", RangeDateFilter)]
    search_fields: ClassVar = ["entity_id"]
    search_help_text = "Id of an appeal, a decision, a campaign or a person, or words of a campaign's title"
    actions_detail: ClassVar = ["decide_appeal", "claim_appeal"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Appeal]:
        rows: QuerySet[Appeal] = super().get_queryset(request)
        return rows.annotate(title=evidence.title_of("entity_id"), worker=name_in("claimed_by"))

    def get_ordering(self, request: HttpRequest) -> tuple[Any, ...]:
        """What is due first; then what is decided."""
        return (_OPEN_FIRST, "due_at", "id")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Appeal], search_term: str
    ) -> tuple[QuerySet[Appeal], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        try:
            wanted = UUID(term)
        except ValueError:
            return queryset.filter(entity_kind="campaign", entity_id__in=evidence.titled(term)), False
        return queryset.filter(Q(id=wanted) | Q(entity_id=wanted) | Q(target_id=wanted)), False

    def found_as(self, obj: Any) -> str:
        return f"Appeal of {_about(obj)}"

    def figures(self, request: HttpRequest) -> Iterable[Figure]:
        waiting = Appeal.objects.filter(state="open")
        late = waiting.filter(due_at__lte=clock.now()).count()
        yield Figure(
            "Appeals to decide",
            str(waiting.count()),
            note=f"{late} overdue" if late else "",
            href=f"{self.address()}?state__exact=open",
            pressing=late > 0,
        )

    @display(description="About", header=True)
    def about(self, row: Any) -> list[str]:
        return [_about(row), f"{row.entity_kind} {row.entity_id}"]

    @display(description="Against", ordering="against")
    def against_label(self, row: Appeal) -> str:
        return rules.AGAINST[row.against]

    @display(description="State", ordering="state", label={**STATES})
    def state_label(self, row: Appeal) -> str:
        return _WORDS[row.state]

    @display(description="Due", ordering="due_at", label={"overdue": "danger", "within a day": "warning"})
    def due(self, row: Appeal) -> str | None:
        return _due(row, at=clock.now()) if row.state == "open" else None

    @display(description="Works on it")
    def works_on_it(self, row: Any) -> str:
        return (row.worker or "") if row.state == "open" else ""

    # -- decisions ---------------------------------------------------------------------------------------------------

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> Any:
        """No button for what nobody can do any more; the commands refuse it anyway."""
        obj = self.get_object(request, str(object_id))
        if not isinstance(obj, Appeal) or obj.state != "open":
            return []
        owner = evidence.owner_of(obj.entity_kind, obj.entity_id)
        if self.actor(request) in {str(each) for each in (*obj.not_by, obj.filed_by, owner)}:
            # The page says that somebody else decides.
            return []
        offered = super().get_actions_detail(request, object_id)
        mine = obj.claimed_by is not None and str(obj.claimed_by) == self.actor(request)
        return [each for each in offered if not (mine and each.action_name.endswith("claim_appeal"))]

    @action(
        title="Decide",
        verb="decide",
        question="What you choose happens at once, and whoever appealed is told. There is no second appeal.",
        form=Decide,
        icon="gavel",
        look="primary",
    )
    def decide_appeal(self, request: HttpRequest, form: Decide, object_id: str) -> HttpResponse:
        said = form.cleaned_data
        command = partial(
            commands.decide,
            appeal_id=UUID(object_id),
            outcome=said["outcome"],
            answer=said["answer"],
            note=said["note"],
            by=UUID(self.actor(request)),
            instead=form.instead(),
        )
        return self.decide(request, object_id, command, done=form.done())

    @action(
        title="Work on it",
        verb="claim",
        question="Others see that you work on it. If a colleague did before, you take it over from them.",
        icon="person_check",
    )
    def claim_appeal(self, request: HttpRequest, form: Dialog, object_id: str) -> HttpResponse:
        command = partial(commands.claim, appeal_id=UUID(object_id), by=UUID(self.actor(request)))
        return self.decide(request, object_id, command, done="You work on it")

    # -- the page ----------------------------------------------------------------------------------------------------

    def case(self, request: HttpRequest, obj: Any) -> parts.Case:
        now, opened = clock.now(), self.may(request, "open")
        decision = decisions.of(obj)
        state = _WORDS[obj.state]
        return parts.Case(
            headline=parts.Headline(
                title=_about(obj),
                figure=f"Against {rules.AGAINST[obj.against].lower()}",
                below=f"due {obj.due_at:%a %d %b %Y, %H:%M} UTC" if obj.state == "open" else "",
                status=state,
                tone=STATES[state],
                notice=_notice(obj, decision, me=self.actor(request), at=now),
            ),
            wide=[*_words(obj, opened=opened), parts.Timeline("What happened", _moments(obj, decision, at=now))],
            narrow=[
                _decided(obj, decision, self.ways(request)),
                elsewhere.card(self.ways(request), obj.entity_kind, obj.entity_id),
                parts.Facts("Appeal", _facts(obj)),
            ],
        )


def _about(row: Any) -> str:
    return str(getattr(row, "title", "") or f"{row.entity_kind.capitalize()} {str(row.entity_id)[:8]}")


def _name(person: UUID) -> str:
    """A colleague's name; the beginning of an id for anybody else."""
    staff = Staff.objects.filter(sub=person).first()
    return str(staff) if staff else str(person)[:8]


def _due(row: Appeal, *, at: datetime) -> str:
    if row.due_at <= at:
        return "overdue"
    return "within a day" if row.due_at <= at + _SOON else f"{row.due_at:%a %d %b}"


def _notice(row: Appeal, decision: decisions.Decision | None, *, me: str, at: datetime) -> str:
    if row.state != "open":
        return ""
    if me in (str(row.filed_by), str(evidence.owner_of(row.entity_kind, row.entity_id))):
        return "This appeal is yours: somebody else decides."
    if me in {str(person) for person in (*row.not_by, *(decision.made_by if decision else ()))}:
        return "The decision appealed against was yours: somebody else looks at it."
    if row.claimed_by is not None and str(row.claimed_by) != me:
        return f"{_name(row.claimed_by)} works on it. Take it over before you decide."
    if row.against in rules.BY_HAND:
        if overridden.waiting(row.entity_kind, row.entity_id) is not None:
            who = "you end" if me == str(row.claimed_by) else "whoever works on it ends"
            return f"A score set by hand waits for a second person: when an analyst or admin agreed, {who} the appeal here."
        if decisions.put_right(row):
            return "The score was set by hand since this was filed: decide it as adjusted if that puts it right."
    if row.due_at <= at:
        return "It is overdue: whoever appealed was promised an answer within five working days."
    return "Read what was decided and what is said against it, as if you saw both for the first time."


def _words(row: Appeal, *, opened: bool) -> Iterable[parts.Card]:
    sealed = "Sealed. Only who may open appeals reads what was written."
    yield parts.Words("What whoever appealed says", row.statement.open() if opened else sealed)
    if row.evidence_urls:
        # Shown as text: a click would tell a stranger's server that staff are looking.
        links = [[url] for url in row.evidence_urls] if opened else []
        yield parts.Table("Evidence they name", ["Address"], links, empty="Sealed.")
    if row.answer is not None:
        yield parts.Words("What we answered", row.answer.open())
    if row.note is not None:
        yield parts.Words("Note for staff", row.note.open() if opened else sealed)


def _decided(row: Appeal, decision: decisions.Decision | None, ways: Ways) -> parts.Facts:
    """What is appealed against, and who decided it."""
    facts: list[parts.Fact | tuple[str, str]] = [("What", rules.AGAINST[row.against])]
    if decision is not None:
        facts += [
            parts.Fact("Decided", decision.words, strong=True, href=_page_of(row, ways)),
            ("When", f"{decision.made_at:%d %b %Y, %H:%M} UTC"),
            ("Stands at present", "yes" if decision.stands else "no"),
        ]
    people = sorted({*row.not_by, *(decision.made_by if decision else ())})
    facts.append(("By", ", ".join(_name(each) for each in people) or "the system"))
    return parts.Facts("Appealed against", facts)


def _page_of(row: Appeal, ways: Ways) -> str:
    """The page of the decision, where it has one that the reader may open."""
    if row.against == "score":
        score = scores.score_of(row.entity_kind, row.entity_id)
        return ways.one(elsewhere.SCORE, score.id) if score else ""
    return ways.one(_PAGES[row.against], row.target_id) if row.against in _PAGES else ""


def _moments(row: Appeal, decision: decisions.Decision | None, *, at: datetime) -> list[parts.Moment]:
    moments = [parts.Moment("Appeal filed", row.filed_at)]
    if decision is not None and row.against != "score":
        moments.append(parts.Moment(f"Decided: {decision.words}", decision.made_at))
    if row.claimed_at and row.claimed_by:
        moments.append(parts.Moment("Taken up", row.claimed_at, who=_name(row.claimed_by)))
    if row.decided_at and row.decided_by:
        moments.append(parts.Moment(_WORDS[row.state], row.decided_at, who=_name(row.decided_by)))
    moments.sort(key=lambda moment: moment.when, reverse=True)
    if row.state == "open":
        moments.insert(0, parts.Moment("An answer is promised", row.due_at, due=True, late=row.due_at <= at))
    return moments


def _facts(row: Appeal) -> list[parts.Fact | tuple[str, str]]:
    return [
        ("Filed", f"{row.filed_at:%d %b %Y, %H:%M} UTC"),
        parts.Fact("Id of the decision", str(row.target_id), mono=True),
        parts.Fact("Id of the appeal", str(row.id), mono=True),
    ]
