"""What was recorded, and what could not be applied."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib import admin
from django.db.models import Q
from unfold.contrib.filters.admin import RangeDateFilter
from unfold.paginator import InfinitePaginator
from unfold.widgets import UnfoldAdminTextareaWidget

from bh_sdk.errors import Conflict
from bh_sdk.server.admin import CasePage, Dialog, Figure, action, display, parts
from bh_sdk.server.events import dead_letters
from bh_sdk.server.events.models import DeadLetter, RecordedEvent

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse

DESK = "Events"
# How many facts of a subject its page shows.
_SHOWN = 50


class StillFails(Conflict):
    code, title = "still_fails", "The event could not be applied this time either"


class GivingUp(Dialog):
    note = forms.CharField(
        label="Why this event will never be applied", min_length=8, max_length=500, widget=UnfoldAdminTextareaWidget()
    )


class _ById(CasePage):
    """Found by an id or by the beginning of a type."""

    desk, desk_order = DESK, 80
    paginator = InfinitePaginator
    search_fields: ClassVar = ["type"]
    ids: ClassVar[tuple[str, ...]]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        try:
            wanted = UUID(term)
        except ValueError:
            return queryset.filter(type__startswith=term), False
        found = Q()
        for name in self.ids:
            found |= Q((name, wanted))
        return queryset.filter(found), False


@admin.register(RecordedEvent)
class FactAdmin(_ById):
    """The log, to read. Nobody changes it, here or anywhere."""

    thing, icon, order = "fact", "receipt_long", 10

    list_display = ("type", "subject", "sequence", "actor", "created_at")
    list_filter: ClassVar = [("created_at", RangeDateFilter)]
    search_help_text = "Id of an event or a subject, or how the type begins"
    ids = ("id", "aggregateid")

    @display(description="Subject")
    def subject(self, fact: RecordedEvent) -> str:
        return f"{fact.aggregatetype} {fact.aggregateid}"

    def case(self, request: HttpRequest, obj: RecordedEvent) -> parts.Case:
        entry = getattr(obj, "entry", None)
        others = RecordedEvent.objects.filter(aggregatetype=obj.aggregatetype, aggregateid=obj.aggregateid)
        return parts.Case(
            headline=parts.Headline(title=obj.type, below=self.subject(obj)),
            wide=[
                parts.Words("Payload", json.dumps(obj.payload, indent=2, ensure_ascii=False), mono=True),
                parts.Timeline(
                    "Everything that happened to it",
                    [
                        parts.Moment(fact.type, fact.created_at, who=fact.actor, href=self.address(fact))
                        for fact in others.order_by("-sequence")[:_SHOWN]
                    ],
                ),
            ],
            narrow=[
                parts.Facts(
                    "In the log",
                    [
                        parts.Fact("Event", str(obj.id), mono=True),
                        parts.Fact("Sequence", str(obj.sequence), note="of its subject"),
                        parts.Fact("Number", str(entry.number) if entry else "not yet", note="in the feed"),
                        parts.Fact("Recorded", f"{obj.created_at:%d %b %Y, %H:%M:%S.%f} UTC"),
                        parts.Fact("By", obj.actor),
                        parts.Fact("Trace", obj.traceparent or "none", mono=True),
                        parts.Fact("Digest", bytes(obj.digest).hex(), mono=True),
                    ],
                )
            ],
        )


@admin.register(DeadLetter)
class DeadLetterAdmin(_ById):
    """Events that wait for somebody to mend what they failed on."""

    thing, icon, order = "dead_letter", "mail_off", 20

    list_display = ("type", "state_shown", "source", "subject", "reason_shown", "attempts", "parked_at")
    list_filter: ClassVar = ["state", "source"]
    search_help_text = "Id of an event or a subject, or how the type begins"
    ids = ("event_id", "subject")
    actions_detail: ClassVar = ["replay", "discard"]

    @display(description="State", ordering="state", label={"Parked": "warning", "Replayed": "success", "Discarded": ""})
    def state_shown(self, letter: DeadLetter) -> str:
        return DeadLetter.State(letter.state).label

    @display(description="Reason")
    def reason_shown(self, letter: DeadLetter) -> str:
        return letter.reason[:80]

    def figures(self, request: HttpRequest) -> Iterable[Figure]:
        parked = DeadLetter.objects.filter(state=DeadLetter.State.PARKED).count()
        href = f"{self.address()}?state__exact={DeadLetter.State.PARKED}"
        yield Figure("Parked events", str(parked), "not applied yet", href, pressing=parked > 0)

    def case(self, request: HttpRequest, obj: DeadLetter) -> parts.Case:
        same = DeadLetter.objects.filter(consumer=obj.consumer, source=obj.source, subject=obj.subject)
        return parts.Case(
            headline=parts.Headline(
                title=obj.type, below=f"{obj.source} number {obj.number}, {self.state_shown(obj).lower()}"
            ),
            wide=[
                parts.Words("Why it could not be applied", obj.reason),
                parts.Words("The event", json.dumps(obj.event, indent=2, ensure_ascii=False), mono=True),
                parts.Table(
                    "Everything parked of this subject, in order",
                    ["Number", "Type", "State", "Reason"],
                    [
                        [str(letter.number), letter.type, self.state_shown(letter), self.reason_shown(letter)]
                        for letter in same.order_by("number", "id")[:_SHOWN]
                    ],
                    numeric=frozenset({0}),
                ),
            ],
            narrow=[
                parts.Facts(
                    "Where it waits",
                    [
                        parts.Fact("Event", str(obj.event_id), mono=True),
                        parts.Fact("Subject", obj.subject, mono=True),
                        parts.Fact("Attempts", str(obj.attempts)),
                        parts.Fact("Parked", f"{obj.parked_at:%d %b %Y, %H:%M:%S} UTC"),
                        parts.Fact("Settled by", obj.settled_by or "nobody yet"),
                        parts.Fact("Note", obj.note or "none"),
                    ],
                )
            ],
        )

    @action(
        title="Replay",
        verb="replay",
        question="Everything parked of this subject is applied in its order, up to the first event that fails again.",
        icon="replay",
        look="primary",
    )
    def replay(self, request: HttpRequest, form: Dialog, object_id: str) -> HttpResponse:
        def command() -> None:
            outcome = dead_letters.replay(id=int(object_id), by=_who(request))
            if outcome.failed is not None:
                raise StillFails(f"{outcome.applied} applied, then {outcome.failed}")

        return self.decide(request, object_id, command, done="Replayed")

    @action(
        title="Discard",
        verb="discard",
        question="This event will never be applied. Those behind it can be replayed then.",
        form=GivingUp,
        icon="delete_forever",
        look="danger",
    )
    def discard(self, request: HttpRequest, form: Dialog, object_id: str) -> HttpResponse:
        command = partial(
            dead_letters.discard, id=int(object_id), by=_who(request), note=str(form.cleaned_data["note"])
        )
        return self.decide(request, object_id, command, done="Discarded")


def _who(request: HttpRequest) -> str:
    return str(getattr(request.user, "sub", request.user.pk))
