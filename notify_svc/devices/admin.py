"""Devices, as staff may see them: whose, by which way, since when; never where."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from unfold.paginator import InfinitePaginator

from bh_sdk.server.admin import CasePage, Dialog, Figure, action, display, parts
from notify_svc.devices import commands, queries, rules
from notify_svc.devices.models import Device

MEANS = {
    "": "Pushes go to it.",
    "gone": "Its push service knows it no more: the app was removed, or the browser took back its consent.",
    "expired": "Its subscription has expired, as the browser had said.",
    "unseen": f"Nobody heard of it for {rules.UNSEEN.days} days.",
    "too_many": f"Its person has {rules.MOST} others that were used later.",
    "by_staff": "Somebody at a desk retired it. If the app asks again, it is taken in again.",
}
KINDS = {"fcm": "app (FCM)", "webpush": "browser (Web Push)"}


@admin.register(Device)
class DeviceAdmin(CasePage):
    """`device` in the policies: `view`, `retire`."""

    thing, desk, desk_order, icon, order = "device", "People", 30, "devices", 15
    list_display = ("user_id", "kind_shown", "state_shown", "service", "seen_at", "created_at")
    list_filter: ClassVar = ["kind", "reason", ("retired_at", admin.EmptyFieldListFilter)]
    ordering: ClassVar = ["-seen_at", "-id"]
    paginator = InfinitePaginator
    search_fields: ClassVar = ["user_id"]
    search_help_text = "A person's id, the id of a device, or a whole token or endpoint"
    actions_detail: ClassVar = ["retire"]
    in_palette = False

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        try:
            wanted = UUID(term)
        except ValueError:
            return queryset.filter(address_hash__in=queries.hashes_of(term)), False
        return queryset.filter(user_id=wanted) | queryset.filter(id=wanted), False

    @display(description="Kind")
    def kind_shown(self, row: Device) -> str:
        return KINDS[row.kind]

    @display(description="State", label={"live": "success", **dict.fromkeys(rules.REASONS, "danger")})
    def state_shown(self, row: Device) -> str:
        return row.reason or "live"

    def figures(self, request: HttpRequest) -> Iterable[Figure]:
        live = Device.objects.filter(retired_at__isnull=True)
        for kind, name in KINDS.items():
            count = live.filter(kind=kind).count()
            address = f"{self.address()}?kind__exact={kind}&retired_at__isempty=1"
            yield Figure(f"Devices: {name}", f"{count:,}", "get pushes", address)

    @action(
        title="Retire it",
        verb="retire",
        question="No push goes to it any more, and we forget its address. If its person asks again on it, it is taken in"
        " again; what they do not want to hear is better said in their preferences.",
        icon="mobile_off",
        look="danger",
    )
    def retire(self, request: HttpRequest, form: Dialog, object_id: str) -> HttpResponse:
        command = partial(commands.retire, device_id=UUID(object_id), by=self.actor(request))
        return self.decide(request, object_id, command, done="Retired")

    def case(self, request: HttpRequest, obj: Device) -> parts.Case:
        life: list[parts.Fact | tuple[str, str]] = [
            ("Asked first", f"{obj.created_at:%d %b %Y, %H:%M} UTC"),
            ("Asked last", f"{obj.seen_at:%d %b %Y, %H:%M} UTC"),
            ("Expires", f"{obj.expires_at:%d %b %Y, %H:%M} UTC" if obj.expires_at else "no"),
            ("Retired", f"{obj.retired_at:%d %b %Y, %H:%M} UTC" if obj.retired_at else "no"),
        ]
        if obj.retired_by:
            life.append(("Retired by", obj.retired_by))
        return parts.Case(
            headline=parts.Headline(
                title=KINDS[obj.kind].capitalize(),
                below=f"of {obj.user_id}",
                status=obj.reason or "live",
                tone="danger" if obj.reason else "success",
                notice=MEANS[obj.reason],
            ),
            wide=[
                parts.Facts(
                    "Reached by",
                    [
                        parts.Fact("Person", str(obj.user_id), mono=True),
                        ("Push service", obj.service),
                        ("Address", "sealed" if obj.address else "forgotten"),
                    ],
                )
            ],
            narrow=[parts.Facts("Its life", life)],
        )
