"""The addresses that the tests of access and admin call: guarded routes, and a guarded page over the demo's gifts."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from django import forms
from django.contrib import admin
from django.urls import include, path

from bh_sdk.errors import CampaignNotAccepting, NotFound
from bh_sdk.server.access import may
from bh_sdk.server.admin import CasePage, Dialog, Figure, action, display, parts
from bh_sdk.server.api import Call, Router, make_api
from bh_sdk.wire.base import Answer
from tests.kit.project.demo.models import Gift

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

router = Router(tags=["Access"])


class Who(Answer):
    id: str
    kind: str
    roles: list[str]
    may_approve: bool


@router.get("/public", auth=may("leaflet", "read"), response=Who)
def read_leaflet(request: Call) -> Who:
    return _who(request)


@router.get("/gifts/{gift_id}", auth=may("gift", "read"), response=Who)
def read_gift(request: Call, gift_id: UUID) -> Who:
    """Somebody else's gift is a 404, with the same words as no gift at all."""
    if str(gift_id) != request.auth.id:
        raise NotFound()
    return _who(request)


@router.get("/approve", auth=may("gift", "approve"), response=Who)
def approve_by_api(request: Call) -> Who:
    return _who(request)


def _who(request: Call) -> Who:
    caller = request.auth
    return Who(id=caller.id, kind=caller.kind, roles=sorted(caller.roles), may_approve=caller.may("gift", "approve"))


class Decision(Dialog):
    note = forms.CharField(min_length=8, widget=forms.Textarea)

    def clean(self) -> dict[str, object]:
        cleaned = super().clean() or {}
        if "impossible" in cleaned.get("note", ""):
            raise forms.ValidationError("That cannot be the reason.")
        return cleaned


approved: list[tuple[str, str]] = []


def approve_gift(*, gift_id: str, by: str, note: str) -> None:
    if "closed" in note:
        raise CampaignNotAccepting("The campaign is closed")
    approved.append((gift_id, by))


class GiftAdmin(CasePage):
    thing = "gift"
    desk = "Demo"
    desk_order = 10
    icon = "redeem"
    list_display = ("title", "state", "size")
    search_fields = ("title",)
    actions_detail = ("approve",)
    actions = ("enlarge",)

    @display(description="State", label={"large": "success", "small": "warning"})
    def state(self, gift: Gift) -> str:
        return "large" if gift.size > 10 else "small"

    @action(title="Approve", verb="approve", question="The gift is given after this.", form=Decision, look="primary")
    def approve(self, request: HttpRequest, form: Decision, object_id: str) -> HttpResponse:
        note, by = form.cleaned_data["note"], self.actor(request)
        return self.decide(
            request,
            object_id,
            lambda: approve_gift(gift_id=object_id, by=by, note=note),
            done="Gift approved",
        )

    @admin.action(description="Enlarge", permissions=["enlarge"])
    def enlarge(self, request: HttpRequest, chosen: object) -> None:
        def command(gift: Gift) -> None:
            if gift.size > 10:
                raise CampaignNotAccepting("It is large already")
            gift.size += 100
            gift.save()

        self.carry_out(request, chosen, command, done="enlarged")  # type: ignore[arg-type]

    def figures(self, request: HttpRequest) -> list[Figure]:
        return [Figure("Gifts", str(Gift.objects.count()), href=self.address())]

    def case(self, request: HttpRequest, gift: Gift) -> parts.Case:
        return parts.Case(
            headline=parts.Headline("Gift", str(gift.size), status="small", steps=[parts.Step("Asked", "now")]),
            wide=[parts.Timeline("What happened", [parts.Moment("Given", gift.created_at, note="<b>bold</b>")])],
            narrow=[parts.Facts("Facts", [("Title", gift.title)]), parts.MoneyTable("Ledger", [])],
        )


if not admin.site.is_registered(Gift):
    admin.site.register(Gift, GiftAdmin)

api = make_api("access-demo", "Access demo", {"demo": router})

urlpatterns = [
    path("api/v1/", api.urls),
    path("", include("bh_sdk.server.access.urls")),
    path("admin/", admin.site.urls),
]
