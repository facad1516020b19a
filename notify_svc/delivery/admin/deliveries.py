"""What was sent, to read, and to send again. Nobody changes a delivery by hand."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import timedelta
from typing import Any, ClassVar, cast
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from unfold.contrib.filters.admin import ChoicesCheckboxFilter, RangeDateFilter
from unfold.paginator import InfinitePaginator

from bh_sdk.server.admin import CasePage, Dialog, Figure, action, display, parts
from bh_sdk.server.ops import clock
from notify_svc.audience import queries as audience
from notify_svc.delivery import looks, resending, rules
from notify_svc.delivery.models import Delivery, Notification, WaitingFact

DESK = "Messages"
TONES: dict[str, parts.Tone] = {
    "waiting": "info",
    "queued": "info",
    "sending": "primary",
    "retrying": "warning",
    "unknown": "warning",
    "sent": "success",
    "delivered": "success",
    "bounced": "danger",
    "failed": "danger",
    "canceled": "",
}
# What each state means to somebody who has to answer a donor.
MEANS = {
    "waiting": "We do not know an address yet; it goes as soon as we do.",
    "queued": "It goes at its time.",
    "sending": "A worker has it.",
    "retrying": "The mail server did not take it; we try again.",
    "unknown": "It was interrupted while it was handed over. Receipts and warnings go again under the same Message-ID;"
    " of news we wait a day for the provider's word.",
    "sent": "The mail server took it.",
    "delivered": "It reached the mailbox.",
    "bounced": "The mailbox sent it back.",
    "failed": "It will not arrive.",
    "canceled": "It had become pointless before it was sent.",
}
# A telephone is no mailbox, and an answer about it means something else.
MEANS_ON_TELEPHONES = MEANS | {
    "retrying": "The provider did not take it; we try again.",
    "unknown": "It was interrupted while it was handed over. What is about money or an account's safety goes again and"
    " takes its own place; of news we wait a day for the provider's word.",
    "sent": "The provider took it. Whether the telephone was switched on, a push service tells nobody.",
    "delivered": "It reached the telephone.",
    "bounced": "The carrier could not deliver it.",
    "canceled": "It had become pointless before it was sent, or its person has no device any more.",
}
# Where else the id of a delivery is seen.
ID_MEANS = {"email": "the Message-ID of the mail"}
# The feed is no mail server: an entry is in it or is not.
MEANS_IN_FEED = MEANS | {
    "retrying": "It could not be put into the feed; we try again.",
    "unknown": "We were interrupted while it was put into the feed; it goes again and is shown once.",
    "sent": "It is in the feed.",
    "canceled": "It had become pointless before it was put into the feed.",
}
MEANS_BY = {"in_app": MEANS_IN_FEED, "push": MEANS_ON_TELEPHONES, "sms": MEANS_ON_TELEPHONES}


class _ByIds(CasePage):
    desk, desk_order = DESK, 10
    paginator = InfinitePaginator
    ids: ClassVar[tuple[str, ...]]
    search_fields: ClassVar = ["id"]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        try:
            wanted = UUID(term)
        except ValueError:
            return self._of_address(request, queryset, term), False
        found = Q()
        for name in self.ids:
            found |= Q((name, wanted))
        return queryset.filter(found), False

    def _of_address(self, request: HttpRequest, queryset: QuerySet[Any], term: str) -> QuerySet[Any]:
        """What was told to whoever has this mail address: for those who may look people up."""
        if "@" not in term or "recipient_id" not in self.ids or not _may(request, "contact", "view"):
            return queryset.none()
        return queryset.filter(recipient_id__in=audience.people_of(term))


def _may(request: HttpRequest, noun: str, verb: str) -> bool:
    return bool(request.user.may(noun, verb))  # type: ignore[union-attr]  # nobody gets here without signing in


def _whole(request: HttpRequest) -> bool:
    """Whether the reader sees what a person was told as that person did."""
    return _may(request, "notification", "open")


@admin.register(Delivery)
class DeliveryAdmin(_ByIds):
    """Every message on its way, with every try. `delivery` in the policies: `view`, `resend`."""

    thing, icon, order = "delivery", "outgoing_mail", 10
    list_display = ("type_shown", "channel", "status_shown", "recipient_id", "tries", "reason", "created_at")
    list_filter: ClassVar = [
        ("status", ChoicesCheckboxFilter),
        ("channel", ChoicesCheckboxFilter),
        ("created_at", RangeDateFilter),
    ]
    list_select_related: ClassVar = ["notification", "version__template"]
    ordering: ClassVar = ["-created_at", "-id"]
    ids = ("id", "notification_id", "recipient_id")
    search_help_text = "Exact mail address, or id of a person, a delivery (the Message-ID of a mail), a notification"
    actions_detail: ClassVar = ["resend"]

    @display(description="Message", header=True)
    def type_shown(self, delivery: Delivery) -> list[str]:
        return [delivery.version.template.title, delivery.notification.type]

    @display(description="State", ordering="status", label=dict(TONES))
    def status_shown(self, delivery: Delivery) -> str:
        return delivery.status

    def figures(self, request: HttpRequest) -> Iterable[Figure]:
        overdue = clock.now() - timedelta(minutes=1)
        backlog = Delivery.objects.filter(status__in=rules.DUE, due_at__lt=overdue).count()
        failed = Delivery.objects.filter(status="failed", finished_at__gt=clock.now() - timedelta(days=1)).count()
        waiting = WaitingFact.objects.filter(tries=0).count()
        untold = WaitingFact.objects.filter(tries__gt=0).count()
        yield Figure("Overdue", str(backlog), "due for more than a minute", self.address(), pressing=backlog > 0)
        yield Figure("Failed", str(failed), "in the last day", f"{self.address()}?status=failed", pressing=failed > 0)
        yield Figure("Facts without a campaign", str(waiting), "payments has not told us of it", pressing=waiting > 0)
        page = cast(CasePage, admin.site._registry[WaitingFact])
        yield Figure("Facts not told", str(untold), "telling them failed", page.address(), pressing=untold > 0)

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> Any:
        """No button for what is not over yet; the command refuses it anyway."""
        delivery = self.get_object(request, str(object_id))
        if not isinstance(delivery, Delivery) or not resending.resendable(delivery):
            return []
        return super().get_actions_detail(request, object_id)

    @action(
        title="Send again",
        verb="resend",
        question="One more message with the same content and today's words, to the address that we know now. The first may"
        " still arrive. For a mail that came back, first put the address right or release it.",
        icon="forward_to_inbox",
        look="primary",
    )
    def resend(self, request: HttpRequest, form: Dialog, object_id: str) -> HttpResponse:
        again = resending.resend(delivery_id=UUID(object_id), by=self.actor(request))
        self.log_change(request, Delivery.objects.get(id=object_id), f"Sent again as {again}")
        self.message_user(request, "It is on its way again: this is the new delivery", messages.SUCCESS)
        return HttpResponse(headers={"HX-Redirect": self._page_of(again)})

    def _page_of(self, delivery_id: UUID) -> str:
        return self.address(Delivery(id=delivery_id))

    def case(self, request: HttpRequest, obj: Delivery) -> parts.Case:
        if _whole(request):
            self.log_reading(request, obj, "Looked at what was told")
        notification = obj.notification
        page = cast(CasePage, admin.site._registry[Notification])
        return parts.Case(
            headline=parts.Headline(
                title=obj.version.template.title,
                below=f"{notification.type}, by {obj.channel} to {obj.recipient_id}",
                status=obj.status,
                tone=TONES[obj.status],
                notice=MEANS_BY.get(obj.channel, MEANS)[obj.status],
            ),
            wide=looks.message(obj, whole=_whole(request)),
            narrow=[
                parts.Timeline("What happened", looks.timeline(obj, page_of=self._page_of)),
                parts.Facts(
                    "Delivery",
                    [
                        parts.Fact("Delivery", str(obj.id), mono=True, note=ID_MEANS.get(obj.channel, "")),
                        parts.Fact(
                            "Notification", str(obj.notification_id), mono=True, href=page.address(notification)
                        ),
                        parts.Fact(
                            "Person",
                            str(obj.recipient_id),
                            mono=True,
                            href=self.ways(request).many("notify_audience.contact", q=str(obj.recipient_id)),
                        ),
                        ("Reason", obj.reason or "none"),
                        ("Tries", f"{obj.tries} of {rules.MAX_TRIES}"),
                        ("Words", str(obj.version)),
                        *_more(obj),
                    ],
                ),
            ],
        )


@admin.register(Notification)
class NotificationAdmin(_ByIds):
    """What people were told, once each."""

    thing, icon, order = "notification", "notifications", 20
    list_display = ("type", "category", "recipient_id", "title", "created_at", "read_at")
    list_filter: ClassVar = ["category", ("created_at", RangeDateFilter)]
    ordering: ClassVar = ["-created_at", "-id"]
    ids = ("id", "recipient_id")
    search_help_text = "Exact mail address, or id of a person or a notification"

    def get_list_display(self, request: HttpRequest) -> Any:
        """The titles name people: they are for whoever may open notifications."""
        return [name for name in self.list_display if name != "title" or _whole(request)]

    def case(self, request: HttpRequest, obj: Notification) -> parts.Case:
        if whole := _whole(request):
            self.log_reading(request, obj, "Looked at what was told")
        page = cast(CasePage, admin.site._registry[Delivery])
        return parts.Case(
            headline=parts.Headline(title=obj.type, below=str(obj.recipient_id), status=obj.category, tone="info"),
            wide=[
                *(
                    [parts.Facts("In the feed", [("Title", obj.title), ("Body", obj.body)])]
                    if whole and obj.title
                    else []
                ),
                parts.Words("Data", json.dumps(looks.data(obj, whole=whole), indent=2, ensure_ascii=False), mono=True),
            ]
            if obj.pruned_at is None
            else [parts.Words("What was said", looks.pruned(obj))],
            narrow=[
                parts.Facts(
                    "Deliveries",
                    [
                        parts.Fact(delivery.channel, delivery.status, href=page.address(delivery))
                        for delivery in obj.deliveries.order_by("channel")
                    ],
                ),
                parts.Facts(
                    "Told once",
                    [
                        parts.Fact("Key", obj.dedupe, mono=True),
                        ("Accepted by", obj.accepted_by),
                        ("Accepted", f"{obj.created_at:%d %b %Y, %H:%M:%S} UTC"),
                        ("Read", f"{obj.read_at:%d %b %Y, %H:%M} UTC" if obj.read_at else "no"),
                    ],
                ),
            ],
        )


@admin.register(WaitingFact)
class WaitingFactAdmin(_ByIds):
    """Facts that nobody was told of yet: their campaign is unknown, or telling them failed."""

    thing, icon, order = "waiting_fact", "hourglass_empty", 30
    list_display = ("event_id", "type", "campaign_id", "tries", "reason", "due_shown", "created_at")
    list_filter: ClassVar = ["type", ("created_at", RangeDateFilter)]
    ordering: ClassVar = ["-tries", "-created_at", "event_id"]
    search_fields: ClassVar = ["event_id"]
    ids = ("event_id", "campaign_id")
    search_help_text = "Id of an event or a campaign"

    @display(description="Next try")
    def due_shown(self, fact: WaitingFact) -> str:
        if fact.tries >= rules.TELL_AT_MOST:
            return "none"
        return f"{fact.due_at:%d %b %Y, %H:%M:%S} UTC" if fact.tries else "once its campaign is known"

    def case(self, request: HttpRequest, obj: WaitingFact) -> parts.Case:
        given_up = obj.tries >= rules.TELL_AT_MOST
        if given_up:
            notice = "It is not tried again by itself; it is when its campaign is described anew."
        else:
            notice = "Telling it failed; we try again." if obj.tries else "It is told once its campaign is known."
        tone: parts.Tone = "danger" if given_up else "warning" if obj.tries else "info"
        return parts.Case(
            headline=parts.Headline(
                title=obj.type,
                below=str(obj.event_id),
                status="given up" if given_up else "failing" if obj.tries else "waiting",
                tone=tone,
                notice=notice,
            ),
            wide=[
                parts.Facts(
                    "Telling it",
                    [
                        parts.Fact("Campaign", str(obj.campaign_id), mono=True),
                        ("Tries", f"{obj.tries} of {rules.TELL_AT_MOST}"),
                        ("Reason", obj.reason or "none"),
                        ("Next try", self.due_shown(obj)),
                        ("Heard", f"{obj.created_at:%d %b %Y, %H:%M:%S} UTC"),
                    ],
                )
            ],
            narrow=[],
        )


def _more(delivery: Delivery) -> list[parts.Fact | tuple[str, str]]:
    """What only some channels have."""
    return [parts.Fact("Device", str(delivery.device_id), mono=True)] if delivery.device_id else []
