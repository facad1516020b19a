"""Stripe's events as they came, what became of them, and a way to work one again."""

from __future__ import annotations

import json
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin
from django.contrib.admin.models import LogEntry
from unfold.contrib.filters.admin import RangeDateFilter

from bh_sdk.server.admin import CasePage, Dialog, Figure, action, display, parts
from bh_sdk.server.ops import clock
from payments_svc.gateway import commands
from payments_svc.gateway.masking import masked
from payments_svc.gateway.models import StripeEvent

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.http import HttpRequest, HttpResponse

STATE = {"pending": ("Waiting", "warning"), "done": ("Worked", "success"), "ignored": ("Ignored", "")}
# An event that waits longer than this deserves somebody's look.
_STUCK_AFTER = timedelta(minutes=10)


@admin.register(StripeEvent)
class StripeEventAdmin(CasePage):
    thing, desk, desk_order, icon, order = "webhook", "Stripe", 20, "webhook", 10

    list_display = ("type", "state_label", "object_id", "attempts", "note_shown", "received_at")
    list_filter: ClassVar = ["state", ("received_at", RangeDateFilter), "type"]
    search_fields: ClassVar = ["=id", "=intent_id", "=object_id", "type", "note"]
    search_help_text = "Event, intent or object at Stripe; words of the type or the note"
    actions_detail: ClassVar = ["replay"]

    @display(description="State", ordering="state", label={"Waiting": "warning", "Worked": "success"})
    def state_label(self, row: StripeEvent) -> str:
        return STATE[row.state][0]

    @display(description="Note")
    def note_shown(self, row: StripeEvent) -> str:
        return (row.note or "")[:80]

    @action(
        title="Work again",
        verb="replay",
        question="Stripe is asked how the object stands, and our books follow. Doing it twice changes nothing.",
        icon="replay",
        look="primary",
    )
    def replay(self, request: HttpRequest, form: Dialog, object_id: str) -> HttpResponse:
        command = partial(commands.replay_event, event_id=object_id)
        return self.decide(request, object_id, command, done="Asked to be worked again")

    def figures(self, request: HttpRequest) -> Iterable[Figure]:
        before = clock.now() - _STUCK_AFTER
        stuck = StripeEvent.objects.filter(state="pending", received_at__lte=before).count()
        yield Figure(
            "Stripe events stuck",
            str(stuck),
            note="waiting for more than ten minutes" if stuck else "",
            href=self.address() + "?state__exact=pending",
            pressing=stuck > 0,
        )

    def found_as(self, obj: Any) -> str:
        return f"{obj.type} {obj.id}"

    def case(self, request: HttpRequest, obj: Any) -> parts.Case:
        text, tone = STATE[obj.state]
        body = json.dumps(masked(json.loads(obj.body.open())), indent=2, ensure_ascii=False)
        return parts.Case(
            headline=parts.Headline(
                title=obj.type,
                below=obj.id,
                status=text,
                tone=tone,  # type: ignore[arg-type]
                notice=_notice(obj),
            ),
            wide=[parts.Words("What Stripe sent, personal data masked", body, mono=True)],
            narrow=[_work(obj), _about(obj), parts.Timeline("Asked for by staff", _asked(obj), empty="Never.")],
        )


def _notice(row: StripeEvent) -> str:
    if row.state == "pending" and row.note:
        return f"Tried {row.attempts} times. The last try said: {row.note}"
    return row.note or ""


def _work(row: StripeEvent) -> parts.Facts:
    return parts.Facts(
        "Work",
        [
            ("Tries", str(row.attempts)),
            ("Received", f"{row.received_at:%d %b %Y, %H:%M:%S} UTC"),
            ("Worked", f"{row.worked_at:%d %b %Y, %H:%M:%S} UTC" if row.worked_at else "not yet"),
            ("Next try", f"{row.due_at:%d %b, %H:%M:%S} UTC" if row.due_at else "none"),
            ("Copy for looking at", _copy(row)),
        ],
    )


def _copy(row: StripeEvent) -> str:
    if row.mirror_note:
        return row.mirror_note
    return "waits" if row.mirror_due_at else "made, or not made of this type"


def _about(row: StripeEvent) -> parts.Facts:
    return parts.Facts(
        "What it is about",
        [
            parts.Fact("Object", row.object_id or "", mono=True),
            parts.Fact("Intent", row.intent_id or "", mono=True),
            parts.Fact("Payment", str(row.payment_id or ""), mono=True),
            parts.Fact("Account", row.account or "ours", mono=row.account is not None),
        ],
    )


def _asked(row: StripeEvent) -> list[parts.Moment]:
    """Who had it worked again, and when."""
    log = LogEntry.objects.filter(content_type__app_label="payments_gateway", object_id=row.pk).select_related("user")
    return [
        parts.Moment(entry.get_change_message(), entry.action_time, who=entry.user.get_username())
        for entry in log.order_by("-action_time")[:20]
    ]
