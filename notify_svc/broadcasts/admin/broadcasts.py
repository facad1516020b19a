"""The pages of broadcasts: a list with how far each is, and a page that says what comes next and who may do it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from bh_sdk.server.admin import CasePage, Figure, action, display, parts
from notify_svc.broadcasts import commands, queries
from notify_svc.broadcasts.admin import cards
from notify_svc.broadcasts.admin.dialogs import (
    Address,
    Approve,
    Ask,
    Compose,
    Plan,
    Running,
    Stop,
    ToMyself,
    Why,
    Write,
)
from notify_svc.broadcasts.models import Broadcast
from notify_svc.delivery import progress

# What can be done where a broadcast stands. The commands refuse everything else anyway.
DOORS = {
    "draft": {"write", "address_to", "plan", "try_out", "ask", "drop"},
    "asked": {"approve", "send_back", "try_out", "drop"},
    "scheduled": {"pause", "stop"},
    "sending": {"pause", "stop"},
    "paused": {"resume", "stop"},
    "sent": {"pause", "stop"},
}


class Stage(admin.SimpleListFilter):
    """Where they stand."""

    title, parameter_name = "state", "stage"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, text) for name, (text, _) in cards.STAGES.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(stage=self.value()) if self.value() in cards.STAGES else queryset


@admin.register(Broadcast)
class BroadcastAdmin(CasePage):
    """`broadcast` in the policies: `view`; `write`, `ask` and `approve` for editors; `pause` and `stop`."""

    thing, desk, desk_order, icon, order = "broadcast", "Messages", 10, "campaign", 5
    list_display = ("title", "stage_shown", "told_shown", "audience_shown", "begun_by", "created_at")
    list_filter: ClassVar = [Stage, "category"]
    list_select_related: ClassVar = ["mailing"]
    search_fields: ClassVar = ["title", "=type"]
    search_help_text = "What staff call it, or its type"
    actions_list: ClassVar = ["compose"]
    actions_detail: ClassVar = [
        "write",
        "address_to",
        "plan",
        "approve",
        "ask",
        "resume",
        "pause",
        "try_out",
        "send_back",
        "stop",
        "drop",
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return queries.staged(super().get_queryset(request))

    def found_as(self, obj: Any) -> str:
        return str(obj.title)

    @display(description="State", label={text: tone for text, tone in cards.STAGES.values() if tone})
    def stage_shown(self, row: Any) -> str:
        return cards.STAGES[row.stage][0]

    @display(description="Told")
    def told_shown(self, row: Broadcast) -> str:
        if row.mailing is None:
            return ""
        return progress.in_a_row(row.mailing.reached, row.mailing.expected)

    @display(description="To", ordering="audience")
    def audience_shown(self, row: Broadcast) -> str:
        return cards.AUDIENCES.get(row.audience, "")

    @display(description="Begun by", ordering="created_by")
    def begun_by(self, row: Broadcast) -> str:
        return cards.person(row.created_by)

    def figures(self, request: HttpRequest) -> Iterable[Figure]:
        rows = queries.staged(Broadcast.objects.all())
        asked, going = rows.filter(stage="asked").count(), rows.filter(stage__in=("sending", "paused")).count()
        href = f"{self.address()}?stage="
        yield Figure(
            "Broadcasts to approve", str(asked), "by an editor who did not write them", f"{href}asked", asked > 0
        )
        yield Figure("Broadcasts under way", str(going), "sending or paused", f"{href}sending")

    # -- what can be done --------------------------------------------------------------------------------------------

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> Any:
        """No button for what nobody can do here; the commands refuse it anyway."""
        row: Any = self.get_object(request, str(object_id))
        fitting = set(DOORS.get(row.stage, ())) if row is not None else set[str]()
        if row is not None and self.actor(request) in queries.writers(row):
            fitting.discard("approve")
        if row is not None and row.stage == "draft" and not (queries.fits(row) and row.audience):
            fitting.discard("ask")
        if row is not None and not queries.fits(row):
            fitting.discard("try_out")
        if row is not None and row.stage == "sent" and not progress.open_left(row.mailing_id):
            fitting -= {"pause", "stop"}
        offered = super().get_actions_detail(request, object_id)
        return [each for each in offered if any(each.action_name.endswith(f"_{name}") for name in fitting)]

    def _do(
        self, request: HttpRequest, object_id: str, command: Callable[..., object], done: str, **said: Any
    ) -> HttpResponse:
        ready = partial(command, broadcast_id=UUID(object_id), by=self.actor(request), **said)
        return self.decide(request, object_id, ready, done=done)

    @action(
        title="New broadcast",
        verb="write",
        question="A draft that nobody is told of. What it says and whom it reaches comes next; somebody else approves it.",
        form=Compose,
        submit="Begin",
        icon="add",
        look="primary",
    )
    def compose(self, request: HttpRequest, form: Compose) -> HttpResponse:
        given = form.cleaned_data
        row = commands.compose(title=given["title"], type=given["type"], by=self.actor(request))
        self.log_change(request, row, "Begun")
        self.message_user(request, "A draft was begun", messages.SUCCESS)
        return HttpResponse(headers={"HX-Redirect": self.address(row)})

    @action(
        title="Words",
        verb="write",
        question="The mail and the entry in the app are made of these.",
        form=Write,
        submit="Keep",
        icon="edit",
    )
    def write(self, request: HttpRequest, form: Write, object_id: str) -> HttpResponse:
        said = {"data": form.data_written(), "channels": form.cleaned_data["channels"]}
        return self._do(request, object_id, commands.write, "The words are kept", **said)

    @action(
        title="Audience",
        verb="write",
        question="Who does not want it, or cannot be reached, is left out by itself; the page then says how many.",
        form=Address,
        submit="Keep and count",
        icon="group",
    )
    def address_to(self, request: HttpRequest, form: Address, object_id: str) -> HttpResponse:
        given = form.cleaned_data
        said = {
            "audience": given["audience"],
            "campaign_id": given.get("campaign_id"),
            "ids": given.get("people"),
            "languages": given["languages"],
        }
        return self._do(request, object_id, commands.address, "The audience is kept and counted", **said)

    @action(
        title="Time and pace",
        verb="write",
        question="When it begins, until when it may leave, and how many people hear of it in a minute.",
        form=Plan,
        submit="Keep",
        icon="schedule",
    )
    def plan(self, request: HttpRequest, form: Plan, object_id: str) -> HttpResponse:
        names = ("start_at", "expires_at", "per_minute")
        said = {name: form.cleaned_data[name] for name in names}
        return self._do(request, object_id, commands.plan, "Time and pace are kept", **said)

    @action(
        title="Ask for approval",
        verb="ask",
        question="From now on it stands as it is. An editor who had no hand in it approves it or sends it back.",
        form=Ask,
        submit="Ask",
        icon="how_to_reg",
        look="primary",
    )
    def ask(self, request: HttpRequest, form: Ask, object_id: str) -> HttpResponse:
        note = form.cleaned_data["note"]
        return self._do(request, object_id, commands.ask, "Approval was asked for", note=note)

    @action(
        title="Approve",
        verb="approve",
        question="It goes at its time. What has left cannot be called back.",
        form=Approve,
        submit="Approve and send",
        icon="check",
        look="primary",
    )
    def approve(self, request: HttpRequest, form: Approve, object_id: str) -> HttpResponse:
        said = {"revision": form.cleaned_data["revision"], "note": form.cleaned_data["note"]}
        return self._do(request, object_id, commands.approve, "Broadcast approved", **said)

    @action(
        title="Send back",
        verb="approve",
        question="It becomes a draft again, so that it can be changed.",
        form=Why,
        icon="undo",
    )
    def send_back(self, request: HttpRequest, form: Why, object_id: str) -> HttpResponse:
        return self._do(request, object_id, commands.send_back, "Sent back", note=form.cleaned_data["note"])

    @action(
        title="Send me a test",
        verb="write",
        question="One mail with these words, to your own address and nobody else.",
        form=ToMyself,
        submit="Send",
        icon="forward_to_inbox",
    )
    def try_out(self, request: HttpRequest, form: ToMyself, object_id: str) -> HttpResponse:
        me: Any = request.user
        where = {"locale": form.cleaned_data["locale"], "email": me.email, "name": str(me)}
        command = partial(commands.try_out, broadcast_id=UUID(object_id), **where)
        return self.decide(request, object_id, command, done="A test was sent to your own address")

    @action(
        title="Pause",
        verb="pause",
        question="Nobody else is told, and what has not left is held, until somebody resumes it.",
        form=Running,
        icon="pause",
    )
    def pause(self, request: HttpRequest, form: Running, object_id: str) -> HttpResponse:
        return self._do(request, object_id, commands.pause, "Broadcast paused")

    @action(
        title="Resume",
        verb="pause",
        question="It goes on where it was paused.",
        form=Running,
        icon="play_arrow",
        look="primary",
    )
    def resume(self, request: HttpRequest, form: Running, object_id: str) -> HttpResponse:
        return self._do(request, object_id, commands.resume, "Broadcast resumed")

    @action(
        title="Stop",
        verb="stop",
        question="For good: nothing more leaves, but for what a worker has in its hands. What has left cannot be called back.",
        form=Stop,
        submit="Stop for good",
        icon="stop_circle",
        look="danger",
    )
    def stop(self, request: HttpRequest, form: Stop, object_id: str) -> HttpResponse:
        return self._do(request, object_id, commands.stop, "Broadcast stopped", note=form.cleaned_data["note"])

    @action(
        title="Drop",
        verb="write",
        question="It never goes. It stays in the list.",
        form=Why,
        icon="delete",
    )
    def drop(self, request: HttpRequest, form: Why, object_id: str) -> HttpResponse:
        return self._do(request, object_id, commands.drop, "Dropped", note=form.cleaned_data["note"])

    # -- the page ----------------------------------------------------------------------------------------------------

    def case(self, request: HttpRequest, obj: Any) -> parts.Case:
        text, tone = cards.STAGES[obj.stage]
        mailing = obj.mailing
        notice = cards.notice(
            obj,
            obj.stage,
            me=self.actor(request),
            writers=queries.writers(obj),
            may_approve=self.may(request, "approve"),
        )
        told = [progress.bars(mailing.id)] if mailing is not None else []
        looks = cards.looks(obj, asked=request.GET.get("in", ""), page=self.address(obj))
        return parts.Case(
            headline=parts.Headline(
                title=obj.title,
                figure=f"{mailing.reached:,}" if mailing is not None else "",
                unit=f"of {max(mailing.expected, mailing.reached):,} people told" if mailing is not None else "",
                below=f"{obj.type}, {obj.category}",
                status=text,
                tone=tone,
                steps=cards.steps(obj.stage),
                notice=notice,
            ),
            wide=[
                *told,
                *([cards.ready(obj)] if obj.stage == "draft" else []),
                *looks,
            ],
            narrow=[
                cards.audience(obj),
                cards.timing(obj),
                cards.who(obj),
                *self._mailing(request, obj),
                cards.happened(obj),
            ],
        )

    def _mailing(self, request: HttpRequest, row: Broadcast) -> list[parts.Facts]:
        if row.mailing is None:
            return []
        href = self.ways(request).one("notify_delivery.mailing", row.mailing.pk)
        return [parts.Facts("Sent as", [parts.Fact("Mailing", "how it is told", href=href)])]
