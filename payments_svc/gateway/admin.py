"""Stripe's events as they came, what became of them, and a way to work one again."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin

from bh_sdk.server.admin import CasePage, Dialog, Figure, action, display, parts
from payments_svc.gateway import commands
from payments_svc.gateway.masking import masked
from payments_svc.gateway.models import StripeEvent

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.http import HttpRequest, HttpResponse


@admin.register(StripeEvent)
class StripeEventAdmin(CasePage):
    thing, desk, desk_order, icon, order = "webhook", "Stripe", 20, "webhook", 10

    list_display = ("type", "state_label", "intent_id", "attempts", "received_at")
    list_filter: ClassVar = ["state", "type"]
    search_fields: ClassVar = ["id", "intent_id"]
    search_help_text = "Event or intent"
    actions_detail: ClassVar = ["replay"]

    @display(description="State", ordering="state", label={"pending": "warning", "done": "success"})
    def state_label(self, row: StripeEvent) -> str:
        return row.state

    @action(
        title="Work again",
        verb="replay",
        question="Stripe is asked how the payment stands, and our books follow. Doing it twice changes nothing.",
        icon="replay",
        look="primary",
    )
    def replay(self, request: HttpRequest, form: Dialog, object_id: str) -> HttpResponse:
        command = partial(commands.replay_event, event_id=object_id)
        return self.decide(request, object_id, command, done="The event is worked again")

    def figures(self, request: HttpRequest) -> Iterable[Figure]:
        stuck = StripeEvent.objects.filter(state="pending", attempts__gt=3).count()
        yield Figure("Stripe events stuck", str(stuck), href=self.address() + "?state=pending", pressing=stuck > 0)

    def case(self, request: HttpRequest, obj: Any) -> parts.Case:
        body = json.dumps(masked(json.loads(obj.body.open())), indent=2, ensure_ascii=False)
        return parts.Case(
            headline=parts.Headline(title=obj.id, figure=obj.type, status=obj.state, below=obj.note or ""),
            wide=[parts.Words("What Stripe sent, personal data masked", body, mono=True)],
            narrow=[
                parts.Facts(
                    "Work",
                    [
                        ("Tries", str(obj.attempts)),
                        ("Received", f"{obj.received_at:%d %b %Y, %H:%M:%S}"),
                        ("Worked", f"{obj.worked_at:%d %b %Y, %H:%M:%S}" if obj.worked_at else "not yet"),
                        ("Next try", f"{obj.due_at:%H:%M:%S}" if obj.due_at else "none"),
                        parts.Fact("Intent", obj.intent_id or "", mono=True),
                        parts.Fact("Payment", str(obj.payment_id or ""), mono=True),
                    ],
                )
            ],
        )
