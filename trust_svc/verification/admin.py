"""Verifications as analysts decide them: who asks for what, what they show, and what the answer was."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time
from functools import partial
from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.core.exceptions import PermissionDenied
from django.db.models import Case, IntegerField, Q, QuerySet, Value, When
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path, reverse
from unfold.contrib.filters.admin import RangeDateFilter
from unfold.widgets import UnfoldAdminTextareaWidget

from bh_sdk.server.admin import CasePage, Dialog, Figure, action, display, parts
from bh_sdk.server.ops import clock
from trust_svc import elsewhere
from trust_svc.cases.queries import name_of
from trust_svc.evidence import queries as evidence
from trust_svc.verification import commands, queries, rules
from trust_svc.verification.models import Document, Request

STATES: dict[str, parts.Tone] = {
    "To decide": "warning",
    "Granted": "success",
    "Refused": "danger",
    "Taken back": "danger",
    "Withdrawn": "info",
    "Run out": "info",
}
_WORDS = {
    "open": "To decide",
    "granted": "Granted",
    "refused": "Refused",
    "revoked": "Taken back",
    "withdrawn": "Withdrawn",
}
# The files that staff save carry our words, never a stranger's.
_SUFFIX = {"application/pdf": "pdf", "image/jpeg": "jpg", "image/png": "png"}

_OPEN_FIRST = Case(When(state="open", then=Value(0)), default=Value(1), output_field=IntegerField()).asc()


class Grant(Dialog):
    """Until when. Empty is the usual time for the item."""

    until = forms.DateField(
        required=False,
        label="Verified until",
        help_text="Leave it empty for the usual time: identity, email and phone two years, all else one year",
        widget=forms.DateInput(attrs={"type": "date"}),
    )
    message = forms.CharField(
        required=False,
        max_length=500,
        label="A word to whoever asked",
        help_text="They read this",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
    )


class Refuse(Dialog):
    """Why, in a word for the record and in a sentence for whoever asked."""

    reason = forms.ChoiceField(choices=(("", "Choose one"), *rules.REASONS.items()), label="Reason")
    message = forms.CharField(
        min_length=8,
        max_length=500,
        label="What whoever asked reads",
        help_text="Say what would help, such as which document to send instead",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
    )


class Revoke(Dialog):
    message = forms.CharField(
        min_length=8,
        max_length=500,
        label="What whoever asked reads",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
    )


@admin.register(Request)
class VerificationAdmin(CasePage):
    """`verification` in the policies: `view`, `open` (documents and notes), `decide`, `revoke`."""

    thing, desk, desk_order, icon, order = "verification", "Trust", 10, "badge", 22

    list_display = ("about", "item_label", "state_label", "waiting", "due", "decided_at")
    list_filter: ClassVar = ["state", "item", "entity_kind", ("created_at", RangeDateFilter)]
    search_fields: ClassVar = ["entity_id"]
    search_help_text = "Id of a request, a campaign or a person, or words of a campaign's title"
    actions_detail: ClassVar = ["grant", "refuse", "revoke"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Request]:
        rows: QuerySet[Request] = super().get_queryset(request)
        return rows.annotate(title=evidence.title_of("entity_id"))

    def get_ordering(self, request: HttpRequest) -> tuple[Any, ...]:
        """What waits, the oldest first; then what is decided."""
        return (_OPEN_FIRST, "created_at", "id")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Request], search_term: str
    ) -> tuple[QuerySet[Request], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        try:
            wanted = UUID(term)
        except ValueError:
            return queryset.filter(entity_kind="campaign", entity_id__in=evidence.titled(term)), False
        return queryset.filter(Q(id=wanted) | Q(entity_id=wanted) | Q(requested_by=wanted)), False

    def found_as(self, obj: Any) -> str:
        return f"{obj.item.capitalize()} of {_about(obj)}"

    def figures(self, request: HttpRequest) -> Iterable[Figure]:
        waiting = Request.objects.filter(state="open")
        late = waiting.filter(due_at__lte=clock.now()).count()
        yield Figure(
            "Verifications to decide",
            str(waiting.count()),
            note=f"{late} overdue" if late else "",
            href=f"{self.address()}?state__exact=open",
            pressing=late > 0,
        )

    @display(description="About", header=True)
    def about(self, row: Any) -> list[str]:
        return [_about(row), f"{row.entity_kind} {row.entity_id}"]

    @display(description="Item", ordering="item")
    def item_label(self, row: Request) -> str:
        return row.item.capitalize()

    @display(description="State", ordering="state", label={**STATES})
    def state_label(self, row: Request) -> str:
        return _state(row, at=clock.now())

    @display(description="Waiting", ordering="created_at")
    def waiting(self, row: Request) -> str:
        return _span(row.created_at, clock.now()) if row.state == "open" else ""

    @display(description="Due", ordering="due_at", label={"overdue": "danger", "today": "warning"})
    def due(self, row: Request) -> str | None:
        if row.state != "open":
            return None
        now = clock.now()
        if row.due_at <= now:
            return "overdue"
        return "today" if row.due_at.date() == now.date() else f"{row.due_at:%a %d %b}"

    # -- decisions ---------------------------------------------------------------------------------------------------

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> Any:
        """No button for what nobody can do any more; the commands refuse it anyway."""
        obj = self.get_object(request, str(object_id))
        state = _state(obj, at=clock.now()) if isinstance(obj, Request) else ""
        fitting = {"To decide": {"grant", "refuse"}, "Granted": {"revoke"}}.get(state, set())
        offered = super().get_actions_detail(request, object_id)
        return [each for each in offered if each.action_name.rpartition("_")[2] in fitting]

    @action(
        title="Grant",
        verb="decide",
        question="The item counts as verified from now on, and the score hears of it within seconds.",
        form=Grant,
        icon="verified",
        look="primary",
    )
    def grant(self, request: HttpRequest, form: Grant, object_id: str) -> HttpResponse:
        command = partial(
            commands.grant,
            request_id=UUID(object_id),
            by=UUID(self.actor(request)),
            expires_at=_end_of(form.cleaned_data["until"]),
            message=form.cleaned_data["message"],
        )
        return self.decide(request, object_id, command, done="Granted")

    @action(
        title="Refuse",
        verb="decide",
        question="Nothing changes for the score. Whoever asked reads the reason and may ask again or appeal.",
        form=Refuse,
        icon="block",
    )
    def refuse(self, request: HttpRequest, form: Refuse, object_id: str) -> HttpResponse:
        command = partial(
            commands.refuse,
            request_id=UUID(object_id),
            reason=form.cleaned_data["reason"],
            message=form.cleaned_data["message"],
            by=UUID(self.actor(request)),
        )
        return self.decide(request, object_id, command, done="Refused")

    @action(
        title="Take back",
        verb="revoke",
        question="The item counts no longer, at once. Without an identity a score is capped.",
        form=Revoke,
        icon="gpp_bad",
        look="danger",
    )
    def revoke(self, request: HttpRequest, form: Revoke, object_id: str) -> HttpResponse:
        command = partial(
            commands.revoke,
            request_id=UUID(object_id),
            message=form.cleaned_data["message"],
            by=UUID(self.actor(request)),
        )
        return self.decide(request, object_id, command, done="Taken back")

    # -- documents ---------------------------------------------------------------------------------------------------

    def get_urls(self) -> list[Any]:
        door = self.admin_site.admin_view(self.open_document)
        own = path("<uuid:request_id>/documents/<uuid:document_id>/", door, name="trust_verification_document")
        return [own, *super().get_urls()]

    def open_document(self, request: HttpRequest, request_id: UUID, document_id: UUID) -> HttpResponse:
        """The document as it was shown, to save. It holds personal data, so who opened it is logged."""
        if not self.may(request, "open"):
            raise PermissionDenied
        document = Document.objects.filter(id=document_id, request_id=request_id).select_related("request").first()
        if document is None:
            raise Http404
        content = queries.read_document(document)
        self.log_change(request, document.request, f"Opened a document: {_short(document)}")
        answer = HttpResponse(content, content_type=document.content_type)
        name = f"{document.request.item}-{str(document.id)[:8]}.{_SUFFIX[document.content_type]}"
        answer["Content-Disposition"] = f'attachment; filename="{name}"'
        answer["X-Content-Type-Options"] = "nosniff"
        answer["Content-Security-Policy"] = "default-src 'none'; sandbox"
        answer["Cache-Control"] = "no-store"
        return answer

    # -- the page ----------------------------------------------------------------------------------------------------

    def case(self, request: HttpRequest, obj: Any) -> parts.Case:
        now, opened = clock.now(), self.may(request, "open")
        state = _state(obj, at=now)
        return parts.Case(
            headline=parts.Headline(
                title=_about(obj),
                figure=obj.item.capitalize(),
                below=_below(obj),
                status=state,
                tone=STATES[state],
                notice=_notice(obj, me=self.actor(request), at=now),
            ),
            wide=[
                parts.Facts("Documents", _documents(obj, opened=opened)),
                *_words(obj, opened=opened),
                parts.Timeline("What happened", _moments(obj, at=now)),
            ],
            narrow=[
                _around(obj, at=now),
                elsewhere.card(self.ways(request), obj.entity_kind, obj.entity_id),
                parts.Facts("Request", _facts(obj)),
            ],
        )


def _about(row: Any) -> str:
    return str(getattr(row, "title", "") or f"{row.entity_kind.capitalize()} {str(row.entity_id)[:8]}")


def _state(row: Request, *, at: datetime) -> str:
    if row.state == "granted" and row.expires_at is not None and row.expires_at <= at:
        return "Run out"
    return _WORDS[row.state]


def _span(start: datetime, end: datetime) -> str:
    hours = int((end - start).total_seconds() // 3600)
    return f"{hours} h" if hours < 48 else f"{hours // 24} days"


def _end_of(day: date | None) -> datetime | None:
    """The last moment of a day that somebody chose."""
    return None if day is None else datetime.combine(day, time(23, 59, 59), UTC)


def _short(document: Document) -> str:
    return f"{_SUFFIX[document.content_type].upper()} {str(document.id)[:8]}"


def _below(row: Request) -> str:
    if row.state == "granted" and row.expires_at:
        return f"until {row.expires_at:%d %b %Y}"
    return f"asked {row.created_at:%d %b %Y}"


def _notice(row: Request, *, me: str, at: datetime) -> str:
    if row.state != "open":
        return ""
    if me in (str(row.requested_by), str(evidence.owner_of(row.entity_kind, row.entity_id))):
        return "You asked for this yourself: somebody else decides."
    if me == str(row.refused_by):
        return "You refused this before; after the appeal somebody else decides."
    late = " It is overdue." if row.due_at <= at else ""
    return f"Compare name and details of the documents with the account, then grant or refuse.{late}"


def _documents(row: Request, *, opened: bool) -> list[parts.Fact | tuple[str, str]]:
    found: list[parts.Fact | tuple[str, str]] = []
    for each in row.documents.all():
        href = reverse("admin:trust_verification_document", args=(row.pk, each.pk)) if opened else ""
        size = f"{max(1, each.size // 1024)} kB, shown {each.added_at:%d %b %Y %H:%M}"
        found.append(parts.Fact(_short(each), "Open, and be logged" if opened else "Sealed", note=size, href=href))
    if not found:
        found.append(("None", "deleted" if row.documents_until else "nothing was shown"))
    elif row.documents_until:
        found.append(("Deleted by", f"{row.documents_until:%d %b %Y}"))
    return found


def _words(row: Request, *, opened: bool) -> Iterable[parts.Card]:
    if row.note is not None:
        text = row.note.open() if opened else "Sealed. Only who may open verifications reads what was written."
        yield parts.Words("What whoever asked says", text)
    if row.message is not None:
        yield parts.Words("What we told them", row.message.open())


def _moments(row: Request, *, at: datetime) -> list[parts.Moment]:
    moments = [parts.Moment("Asked for", row.created_at, who=f"person {str(row.requested_by)[:8]}")]
    if row.decided_at and row.decided_by:
        what = "Refused" if row.state == "refused" else "Granted"
        moments.append(parts.Moment(what, row.decided_at, who=name_of(row.decided_by), note=_why(row)))
    if row.revoked_at and row.revoked_by:
        moments.append(parts.Moment("Taken back", row.revoked_at, who=name_of(row.revoked_by)))
    log = LogEntry.objects.filter(content_type__app_label="trust_verification", object_id=str(row.pk))
    moments += [
        parts.Moment(entry.get_change_message(), entry.action_time, who=str(entry.user))
        for entry in log.select_related("user").order_by("-action_time")[:50]
    ]
    moments.sort(key=lambda moment: moment.when, reverse=True)
    if row.state == "open":
        moments.insert(0, parts.Moment("To decide", row.due_at, due=True, late=row.due_at <= at))
    return moments


def _why(row: Request) -> str:
    return rules.REASONS.get(row.reason or "", "")


def _facts(row: Request) -> list[parts.Fact | tuple[str, str]]:
    return [
        parts.Fact("Asked by", str(row.requested_by), mono=True),
        parts.Fact("Id of the request", str(row.id), mono=True),
    ]


def _around(row: Request, *, at: datetime) -> parts.Facts:
    """What is known besides: whether the item is verified now, and earlier requests."""
    held = queries.standing(row.entity_kind, row.entity_id, row.item, at=at)
    until = f"until {held.expires_at:%d %b %Y}" if held and held.expires_at else "without end"
    same = Request.objects.filter(entity_kind=row.entity_kind, entity_id=row.entity_id).exclude(id=row.id)
    refused = same.filter(item=row.item, state="refused").count()
    return parts.Facts(
        "Around it",
        [
            parts.Fact("Verified at present", f"yes, {until}" if held else "no", strong=True),
            ("Refused before", str(refused)),
            ("Other requests", str(same.count())),
        ],
    )
