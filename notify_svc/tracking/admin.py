"""The list of addresses that get nothing more, and what providers said. No address stands here in clear; one that is typed
in is found by its hash."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from unfold.contrib.filters.admin import ChoicesCheckboxFilter, RangeDateFilter
from unfold.paginator import InfinitePaginator
from unfold.widgets import UnfoldAdminTextareaWidget

from bh_sdk.errors import BHError
from bh_sdk.server.admin import CasePage, Dialog, Figure, action, display, parts
from notify_svc.audience import queries as audience
from notify_svc.tracking import commands, queries, rules
from notify_svc.tracking.models import ProviderEvent, Suppression
from notify_svc.who import called

DESK = "Messages"
WHY = {
    "bounced": "The mailbox does not exist any more, or refuses us for good.",
    "complained": "Its owner called a mail of ours unwanted.",
    "kept_bouncing": f"Mail to it came back {rules.SOFT_AT_MOST} times within a month.",
    "by_staff": "Somebody of the staff asked for it.",
}
SAID = {
    "delivered": "It reached the mailbox.",
    "deferred": "The mailbox did not take it yet; the provider tries again.",
    "bounced": "The mailbox sent it back.",
    "dropped": "The provider did not even try: the address is on its own list.",
    "complained": "The reader called it unwanted.",
    "opened": "It was opened.",
    "clicked": "A link in it was followed.",
    "unsubscribed": "The reader left the list at the provider.",
}
TONES: dict[str, parts.Tone] = {
    "delivered": "success",
    "deferred": "warning",
    "bounced": "danger",
    "dropped": "danger",
    "complained": "danger",
    "unsubscribed": "warning",
}


class Release(Dialog):
    """Why an address may be written to again; it stays with the suppression."""

    note = forms.CharField(
        label="Why",
        min_length=8,
        max_length=500,
        widget=UnfoldAdminTextareaWidget(),
        help_text="What has changed, and how you know: for example, the donor wrote from that address.",
    )


class Add(Dialog):
    """An address to which nothing more is to go."""

    email = forms.EmailField(label="Mail address", help_text="It is kept as a hash and shown nowhere.")
    note = forms.CharField(label="Why", min_length=8, max_length=500, widget=UnfoldAdminTextareaWidget())


def _page_of(delivery_id: UUID) -> str:
    return reverse("admin:notify_delivery_delivery_change", args=[delivery_id])


def _found(queryset: QuerySet[Any], term: str, *ids: str) -> QuerySet[Any]:
    """By an id, or by a mail address in clear."""
    try:
        wanted = UUID(term)
    except ValueError:
        return queryset.filter(address_hash__in=audience.hashes_of(term)) if "@" in term else queryset.none()
    found = Q()
    for name in ids:
        found |= Q((name, wanted))
    return queryset.filter(found)


@admin.register(Suppression)
class SuppressionAdmin(CasePage):
    """`suppression` in the policies: `view`, `place`, `release`."""

    thing, desk, desk_order, icon, order = "suppression", DESK, 10, "unsubscribe", 40
    list_display = ("shown", "state_label", "reason", "added_shown", "since", "released_at")
    list_filter: ClassVar = [
        ("reason", ChoicesCheckboxFilter),
        ("since", RangeDateFilter),
        ("released_at", admin.EmptyFieldListFilter),
    ]
    ordering: ClassVar = ["-since", "-id"]
    paginator = InfinitePaginator
    search_fields: ClassVar = ["id"]
    search_help_text = "The exact mail address, or the id of a suppression"
    in_palette = False
    actions_list: ClassVar = ["add_address"]
    actions_detail: ClassVar = ["release"]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        return (_found(queryset, term, "id") if term else queryset), False

    def figures(self, request: HttpRequest) -> Iterable[Figure]:
        held = Suppression.objects.filter(released_at__isnull=True)
        yield Figure(
            "Suppressed addresses", str(held.count()), "get no mail", f"{self.address()}?released_at__isempty=1"
        )

    @display(description="Address")
    def shown(self, row: Suppression) -> str:
        return f"…{row.address_hash[-12:]}"

    @display(description="State", label={"Suppressed": "danger", "Released": "success"})
    def state_label(self, row: Suppression) -> str:
        return "Released" if row.released_at else "Suppressed"

    @display(description="Added by", ordering="added_by")
    def added_shown(self, row: Suppression) -> str:
        return called(row.added_by)

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> Any:
        """What is released needs no button; the command refuses it anyway."""
        row = self.get_object(request, str(object_id))
        held = isinstance(row, Suppression) and row.released_at is None
        return super().get_actions_detail(request, object_id) if held else []

    def found_as(self, obj: Any) -> str:
        return f"Suppressed address {self.shown(obj)}"

    @action(
        title="Suppress an address",
        verb="place",
        question="No mail goes to it any more, no receipts either, until somebody releases it.",
        form=Add,
        submit="Suppress",
        icon="block",
        look="danger",
    )
    def add_address(self, request: HttpRequest, form: Add) -> HttpResponse:
        given = form.cleaned_data
        try:
            row = commands.suppress(email=given["email"], note=given["note"], by=self.actor(request))
        except BHError as refusal:
            self.message_user(request, refusal.detail, messages.ERROR)
            return HttpResponse(headers={"HX-Redirect": self.address()})
        self.log_change(request, row, "Suppressed")
        self.message_user(request, "Address suppressed", messages.SUCCESS)
        return HttpResponse(headers={"HX-Redirect": self.address(row)})

    @action(
        title="Release the address",
        verb="release",
        question="Mail goes to it again from now on. What was not sent meanwhile does not come. If it bounces again, it is"
        " suppressed again.",
        form=Release,
        icon="lock_open",
        look="primary",
    )
    def release(self, request: HttpRequest, form: Release, object_id: str) -> HttpResponse:
        note = form.cleaned_data["note"]
        command = partial(commands.release, suppression_id=UUID(object_id), note=note, by=self.actor(request))
        return self.decide(request, object_id, command, done="Address released")

    def case(self, request: HttpRequest, obj: Any) -> parts.Case:
        state = self.state_label(obj)
        moments = [parts.Moment("Suppressed", obj.since, who=called(obj.added_by), note=obj.note or WHY[obj.reason])]
        if obj.released_at:
            moments.insert(
                0, parts.Moment("Released", obj.released_at, who=called(obj.released_by), note=obj.release_note)
            )
        return parts.Case(
            headline=parts.Headline(
                title=f"Address {self.shown(obj)}",
                below=WHY[obj.reason],
                status=state,
                tone="danger" if state == "Suppressed" else "success",
                notice="" if obj.released_at else "Nothing is sent to it; such deliveries fail as suppressed.",
            ),
            wide=[
                parts.Timeline("What happened", moments),
                parts.Timeline("What providers said of it", _of_address(obj), empty="No provider said anything."),
            ],
            narrow=[
                parts.Facts(
                    "Suppression",
                    [
                        parts.Fact("Id", str(obj.id), mono=True),
                        ("Channel", obj.channel),
                        parts.Fact("Stored as", obj.address_hash, mono=True),
                    ],
                )
            ],
        )


def _of_address(row: Suppression) -> list[parts.Moment]:
    said = ProviderEvent.objects.filter(address_hash=row.address_hash).order_by("-at")[:50]
    return [
        parts.Moment(
            f"{one.kind.capitalize()} ({one.provider})",
            one.at,
            note=one.code,
            href=_page_of(one.delivery_id) if one.delivery_id else "",
        )
        for one in said
    ]


@admin.register(ProviderEvent)
class ProviderEventAdmin(CasePage):
    """What providers said, as it came. To read only."""

    thing, desk, desk_order, icon, order = "provider_event", DESK, 10, "move_to_inbox", 50
    list_display = ("kind_label", "provider", "code", "linked", "at", "received_at")
    list_filter: ClassVar = [("kind", ChoicesCheckboxFilter), "provider", ("received_at", RangeDateFilter)]
    list_select_related: ClassVar = ["pending"]
    ordering: ClassVar = ["-received_at", "-id"]
    paginator = InfinitePaginator
    search_fields: ClassVar = ["id"]
    search_help_text = "Id of a delivery or an event, or the exact mail address"
    in_palette = False

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        return (_found(queryset, term, "id", "delivery_id") if term else queryset), False

    def figures(self, request: HttpRequest) -> Iterable[Figure]:
        count = queries.unlinked()
        yield Figure("Events of no delivery", str(count), "they fit nothing we sent", pressing=count > 0)

    @display(description="What", label=dict(TONES))
    def kind_label(self, row: ProviderEvent) -> str:
        return row.kind

    @display(description="Worked")
    def linked(self, row: ProviderEvent) -> str:
        pending = getattr(row, "pending", None)
        if pending is None:
            return "yes"
        return "of no delivery" if pending.due_at is None else "waits"

    def case(self, request: HttpRequest, obj: Any) -> parts.Case:
        about = str(obj.delivery_id or "")
        return parts.Case(
            headline=parts.Headline(
                title=obj.kind.capitalize(),
                below=f"by {obj.provider}",
                status={"yes": "worked", "waits": "to be worked"}.get(self.linked(obj), self.linked(obj)),
                tone=TONES.get(obj.kind, "info"),
                notice=SAID[obj.kind],
            ),
            wide=[
                parts.Facts(
                    "What was said",
                    [
                        ("Code", obj.code or "none"),
                        ("For good", "yes" if obj.lasting else "no"),
                        ("By the provider's clock", f"{obj.at:%d %b %Y, %H:%M:%S} UTC"),
                        ("Received", f"{obj.received_at:%d %b %Y, %H:%M:%S} UTC"),
                    ],
                )
            ],
            narrow=[
                parts.Facts(
                    "About",
                    [
                        parts.Fact(
                            "Delivery",
                            about or "not named",
                            mono=bool(about),
                            href=_page_of(obj.delivery_id) if about else "",
                        ),
                        parts.Fact("Provider's name for it", obj.provider_ref or "none", mono=True),
                        parts.Fact("Event", obj.event_id, mono=True),
                        parts.Fact("Address, stored as", obj.address_hash or "none", mono=True),
                    ],
                )
            ],
        )
