"""The risk desk: who was stopped and why, and who is kept out. Blocks are made and lifted here, and never deleted."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet, Sum
from django.http import HttpResponse
from unfold.contrib.filters.admin import RangeDateFilter

from bh_sdk.errors import BHError
from bh_sdk.server.admin import CasePage, Dialog, Figure, action, display, parts
from bh_sdk.server.ops import clock
from bh_sdk.server.ops.address import block_of
from bh_sdk.server.ops.sealed import keyed_hash
from payments_svc.donations import queries as donations
from payments_svc.risk import commands, queries
from payments_svc.risk.models import BLOCK_KINDS, BLOCK_REASONS, RULES, Block, RefusedTry
from payments_svc.risk.rules import mail_key

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.http import HttpRequest

_BEFORE = {
    "open": "before a payment was opened",
    "method": "before a card was saved for a recurring gift",
    "change": "before a recurring gift was changed",
    "pay": "before a period was paid by hand",
    "charge": "before the calendar charged a recurring gift",
}
_DAYS = [("1", "a day"), ("7", "a week"), ("30", "a month"), ("365", "a year")]


class Reason(Dialog):
    """Why, in words that the next person understands, and for how long."""

    reason = forms.ChoiceField(choices=list(BLOCK_REASONS.items()))
    days = forms.ChoiceField(label="For", choices=_DAYS, initial="30")
    note = forms.CharField(max_length=500, widget=forms.Textarea(attrs={"rows": 3}), help_text="No names, no addresses")

    def clean_note(self) -> str:
        note = str(self.cleaned_data["note"]).strip()
        if "@" in note:
            raise ValidationError("Leave mail addresses out: everybody at this desk reads the note.")
        return note

    def words(self) -> dict[str, Any]:
        told = self.cleaned_data
        return {"reason": told["reason"], "note": told["note"], "lasts": timedelta(days=int(told["days"]))}


class NewBlock(Reason):
    """What is typed here is stored as a keyed hash, an id or a network, never as it is."""

    kind = forms.ChoiceField(label="What", choices=[
        ("mail", "A mail address"), ("user", "A user, by id"), ("address", "A network, by an address in it"),
        ("card", "A card, by a payment or failed try with it"),
    ])  # fmt: skip
    value = forms.CharField(label="Which", max_length=254)
    field_order: ClassVar = ["kind", "value", "reason", "days", "note"]

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or self.cleaned_data
        if {"kind", "value"} <= cleaned.keys():
            try:
                cleaned["value"] = _stored(cleaned["kind"], cleaned["value"].strip())
            except ValueError as wrong:
                self.add_error("value", str(wrong))
        return cleaned


def _stored(kind: str, typed: str) -> str:
    """What is kept of it. Raises ValueError with words for the form."""
    if kind == "mail":
        if "@" not in typed:
            raise ValueError("This is no mail address.")
        return keyed_hash(mail_key(typed), "email")
    if kind == "address":
        try:
            return block_of(ip_address(typed.partition("/")[0]))
        except ValueError:
            raise ValueError("This is no address, such as 203.0.113.9.") from None
    try:
        found = UUID(typed)
    except ValueError:
        raise ValueError("This is no id.") from None
    if kind == "user":
        return str(found)
    cluster = donations.card_of_payment(found)
    if cluster is None:
        raise ValueError("No card was tried with a payment of this id.")
    return cluster


class Lifting(Dialog):
    note = forms.CharField(
        max_length=500, widget=forms.Textarea(attrs={"rows": 3}), help_text="Why they may give again"
    )


@admin.register(RefusedTry)
class RefusedTryAdmin(CasePage):
    thing, desk, desk_order, icon, order = "refused_try", "Risk", 30, "gpp_bad", 10

    list_display = ("what", "tries", "who_shown", "address", "amount_shown", "created_at")
    list_filter: ClassVar = ["rule", "step", "guest", "currency", ("created_at", RangeDateFilter)]
    search_fields: ClassVar = ["who", "address", "campaign_id"]
    search_help_text = "A mail address, a user's or campaign's id, or a network"
    date_hierarchy = "created_at"
    in_palette = False
    actions_detail: ClassVar = ["block_person", "block_network"]

    @display(description="Rule", ordering="rule")
    def what(self, row: RefusedTry) -> str:
        return RULES[row.rule]

    @display(description="Who")
    def who_shown(self, row: RefusedTry) -> str:
        return f"Guest …{row.who[-8:]}" if row.guest else f"User {row.who[:8]}"

    @display(description="Amount", ordering="amount")
    def amount_shown(self, row: RefusedTry) -> str:
        return str(row.money)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[RefusedTry], search_term: str
    ) -> tuple[QuerySet[RefusedTry], bool]:
        term = search_term.strip()
        if "@" in term:
            return queryset.filter(who__in=queries.mail_hashes(term)), False
        try:
            return queryset.filter(who=str(UUID(term))) | queryset.filter(campaign_id=UUID(term)), False
        except ValueError:
            return (queryset.filter(address=term) if term else queryset), False

    def figures(self, request: HttpRequest) -> Iterable[Figure]:
        since = clock.now() - timedelta(hours=1)
        hour = RefusedTry.objects.filter(last_at__gt=since)
        tries = hour.aggregate(tries=Sum("tries"))["tries"] or 0
        people = hour.values("who").distinct().count()
        yield Figure(
            "Tries refused in an hour",
            str(tries),
            note=f"of {people} donors" if tries else "nobody was stopped",
            href=self.address(),
            pressing=tries >= 100,
        )

    def case(self, request: HttpRequest, obj: Any) -> parts.Case:
        others = RefusedTry.objects.filter(who=obj.who).exclude(id=obj.id)[:20]
        near = RefusedTry.objects.filter(address=obj.address).exclude(who=obj.who)[:20] if obj.address else []
        return parts.Case(
            headline=parts.Headline(
                title=RULES[obj.rule],
                figure=str(obj.tries),
                unit="tries" if obj.tries > 1 else "try",
                below=_BEFORE.get(obj.step, "before a card was charged"),
                notice="The donor was told nothing of the rule. Nothing was charged.",
            ),
            wide=[_table("The same donor, other times", others), _table("Other donors from the same network", near)],
            narrow=[
                parts.Facts(
                    "Who and what",
                    [
                        parts.Fact("Guest (hash)" if obj.guest else "User", obj.who, mono=True),
                        parts.Fact("Network", obj.address or "not known", mono=True),
                        parts.Fact("Campaign", str(obj.campaign_id), mono=True),
                        parts.Fact("Last amount", str(obj.money)),
                        parts.Fact("First", f"{obj.created_at:%d %b %Y, %H:%M:%S}"),
                        parts.Fact("Last", f"{obj.last_at:%d %b %Y, %H:%M:%S}"),
                    ],
                )
            ],
        )

    @action(
        title="Block this donor",
        verb="block",
        question="They cannot give any more until the block ends or is lifted. They are not told why.",
        form=Reason,
        icon="person_off",
        look="danger",
    )
    def block_person(self, request: HttpRequest, form: Reason, object_id: str) -> HttpResponse:
        row = RefusedTry.objects.get(id=object_id)
        kind: Any = "mail" if row.guest else "user"
        command = partial(commands.block, kind=kind, value=row.who, by=UUID(self.actor(request)), **form.words())
        return self.decide(request, object_id, command, done="The donor is blocked")

    @action(
        title="Block this network",
        verb="block",
        question="Nobody of this network (up to 256 addresses, maybe a whole company) can give until the block ends.",
        form=Reason,
        icon="wifi_off",
        look="danger",
    )
    def block_network(self, request: HttpRequest, form: Reason, object_id: str) -> HttpResponse:
        row = RefusedTry.objects.get(id=object_id)
        command = partial(_block_network, row.address, form.words() | {"by": UUID(self.actor(request))})
        return self.decide(request, object_id, command, done="The network is blocked")


def _block_network(address: str, words: dict[str, Any]) -> None:
    if not address:
        raise BHError("The network of this try is not known")
    commands.block(kind="address", value=address, **words)


def _table(title: str, rows: Iterable[RefusedTry]) -> parts.Table:
    return parts.Table(
        title,
        ["When", "Rule", "Tries", "Amount"],
        [[f"{r.created_at:%d %b, %H:%M}", RULES[r.rule], str(r.tries), str(r.money)] for r in rows],
        numeric=frozenset({2, 3}),
    )


@admin.register(Block)
class BlockAdmin(CasePage):
    thing, desk, desk_order, icon, order = "block", "Risk", 30, "block", 20

    list_display = ("what", "value_shown", "state_label", "reason", "expires_at", "created_at")
    list_filter: ClassVar = ["kind", "reason", ("created_at", RangeDateFilter)]
    search_fields: ClassVar = ["value"]
    search_help_text = "A mail address, a user's id, or a network"
    in_palette = False
    actions_list: ClassVar = ["add_block"]
    actions_detail: ClassVar = ["lift"]

    @display(description="What", ordering="kind")
    def what(self, row: Block) -> str:
        return BLOCK_KINDS[row.kind]

    @display(description="Which")
    def value_shown(self, row: Block) -> str:
        return row.value if row.kind in ("user", "address") else f"…{row.value[-12:]}"

    @display(description="State", label={"Blocked": "danger", "Expired": "info", "Lifted": "success"})
    def state_label(self, row: Block) -> str:
        if row.lifted_at is not None:
            return "Expired" if row.lift_note == "expired" else "Lifted"
        return "Blocked" if row.expires_at > clock.now() else "Expired"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Block], search_term: str
    ) -> tuple[QuerySet[Block], bool]:
        term = search_term.strip()
        if "@" in term:
            return queryset.filter(value__in=queries.mail_hashes(term)), False
        return (queryset.filter(value=term) if term else queryset), False

    def figures(self, request: HttpRequest) -> Iterable[Figure]:
        count = Block.objects.filter(queries.active_blocks(at=clock.now())).count()
        yield Figure("Blocked", str(count), note="donors, networks and cards", href=self.address())

    def found_as(self, obj: Any) -> str:
        return f"{self.what(obj)} {self.value_shown(obj)}"

    def case(self, request: HttpRequest, obj: Any) -> parts.Case:
        moments = [parts.Moment("Blocked", obj.created_at, who=str(obj.blocked_by), note=obj.note)]
        if obj.lifted_at is not None:
            moments.insert(0, parts.Moment("Lifted", obj.lifted_at, who=str(obj.lifted_by), note=obj.lift_note or ""))
        elif obj.expires_at > clock.now():
            moments.insert(0, parts.Moment("Ends", obj.expires_at, due=True))
        state = self.state_label(obj)
        return parts.Case(
            headline=parts.Headline(
                title=self.what(obj),
                figure=self.value_shown(obj),
                below=BLOCK_REASONS[obj.reason],
                status=state,
                tone="danger" if state == "Blocked" else "",
            ),
            wide=[parts.Timeline("What happened", moments)],
            narrow=[
                parts.Facts(
                    "Block", [parts.Fact("Stored as", obj.value, mono=True), ("Reason", BLOCK_REASONS[obj.reason])]
                )
            ],
        )

    @action(
        title="Block somebody",
        verb="block",
        question="They cannot give any more until the block ends or is lifted. They are not told why.",
        form=NewBlock,
        submit="Block",
        icon="block",
        look="danger",
    )
    def add_block(self, request: HttpRequest, form: NewBlock) -> HttpResponse:
        told = form.cleaned_data
        row = commands.block(kind=told["kind"], value=told["value"], by=UUID(self.actor(request)), **form.words())
        self.log_change(request, row, "Blocked")
        self.message_user(request, "Blocked", messages.SUCCESS)
        return HttpResponse(headers={"HX-Redirect": self.address(row)})

    @action(
        title="Lift",
        verb="lift",
        question="They may give again at once. The block stays on record with your note.",
        form=Lifting,
        icon="lock_open",
        look="primary",
    )
    def lift(self, request: HttpRequest, form: Lifting, object_id: str) -> HttpResponse:
        note = str(form.cleaned_data["note"])
        command = partial(commands.lift, block_id=UUID(object_id), note=note, by=UUID(self.actor(request)))
        return self.decide(request, object_id, command, done="Lifted")
