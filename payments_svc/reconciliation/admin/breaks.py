"""Breaks: the queue of what differs, and what staff may do about each."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib import admin
from unfold.contrib.filters.admin import RangeDateFilter
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from bh_sdk.server.admin import CasePage, Dialog, Figure, action, display, parts
from payments_svc.reconciliation import commands, queries
from payments_svc.reconciliation.admin import break_page, words
from payments_svc.reconciliation.models import Break

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.http import HttpRequest, HttpResponse


class Why(Dialog):
    reason = forms.CharField(min_length=8, max_length=500, widget=UnfoldAdminTextareaWidget())


class Noted(Dialog):
    text = forms.CharField(label="Note", min_length=3, max_length=500, widget=UnfoldAdminTextareaWidget())


class Correction(Why):
    """The amount is the difference; nobody types it."""

    account = forms.ChoiceField(
        choices=[(name, name.replace("_", " ")) for name in commands.CORRECTING_ACCOUNTS],
        help_text="Takes the other side. Suspense when it is not known yet",
        widget=UnfoldAdminSelectWidget(),
    )
    field_order: ClassVar = ["account", "reason"]


@admin.register(Break)
class BreakAdmin(CasePage):
    thing, desk, desk_order, icon, order = "break", "Reconciliation", 15, "difference", 20

    list_display = ("kind_shown", "key", "difference_shown", "state_label", "taken_shown", "at")
    list_filter: ClassVar = ["state", "kind", "currency", ("at", RangeDateFilter)]
    linked_by = ("last_run", "payment_id")
    search_fields: ClassVar = ["=key"]
    search_help_text = "Stripe's charge, refund, dispute, payout or transaction"
    actions_detail: ClassVar = ["take", "note", "correct", "approve", "reject", "close", "reopen"]
    actions: ClassVar = ["take_chosen"]

    @display(description="Kind", ordering="kind")
    def kind_shown(self, row: Break) -> str:
        return row.kind.replace("_", " ")

    @display(description="Stripe less us")
    def difference_shown(self, row: Break) -> str:
        return words.money(row.difference)

    @display(description="State", ordering="state", label=words.TONES)
    def state_label(self, row: Break) -> str:
        return words.STATES[row.state][0]

    @display(description="Taken by")
    def taken_shown(self, row: Break) -> str:
        return words.name(row.taken_by)

    # -- who may press what, on this very break ------------------------------------------------------------------------

    def _stands(self, request: HttpRequest, verb: str, object_id: object, *states: str) -> bool:
        row = _break(object_id)
        return self.may(request, verb) and (row is None or row.state in states)

    def has_take_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return self._stands(request, "take", object_id, "open", "proposed")

    def has_correct_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        row = _break(object_id)
        return self._stands(request, "correct", object_id, "open") and (row is None or bool(row.difference))

    def has_close_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return self._stands(request, "close", object_id, "open")

    def has_approve_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        """No button for whoever proposed it; the command and the database say the same."""
        row = _break(object_id)
        mine = row is not None and row.proposed_by == self.actor(request)
        return self._stands(request, "approve", object_id, "proposed") and not mine

    def has_reject_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return self._stands(request, "reject", object_id, "proposed")

    def has_reopen_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return self._stands(request, "reopen", object_id, "closed", "cleared")

    @admin.action(description="Take the chosen", permissions=["take"])
    def take_chosen(self, request: HttpRequest, chosen: Any) -> None:
        by = self.actor(request)
        self.carry_out(request, chosen, lambda row: commands.take(break_id=row.id, by=by), done="taken")

    @action(title="Take", verb="take", question="The others see that you are looking into it.", icon="front_hand")
    def take(self, request: HttpRequest, form: Dialog, object_id: str) -> HttpResponse:
        command = partial(commands.take, break_id=UUID(object_id), by=self.actor(request))
        return self.decide(request, object_id, command, done="Taken")

    @action(
        title="Note", verb="note", question="What you found out, for whoever works it next.", form=Noted, icon="note"
    )
    def note(self, request: HttpRequest, form: Noted, object_id: str) -> HttpResponse:
        command = partial(
            commands.note, break_id=UUID(object_id), by=self.actor(request), text=form.cleaned_data["text"]
        )
        return self.decide(request, object_id, command, done="Noted")

    @action(
        title="Book a correction",
        verb="correct",
        question="The difference is booked to the account, so that our ledger says what Stripe says. Above what one person "
        "may refund alone it waits for a second person.",
        form=Correction,
        icon="edit_note",
        look="primary",
    )
    def correct(self, request: HttpRequest, form: Correction, object_id: str) -> HttpResponse:
        command = partial(
            commands.correct,
            break_id=UUID(object_id),
            by=self.actor(request),
            account=form.cleaned_data["account"],
            reason=form.cleaned_data["reason"],
        )
        return self.decide(request, object_id, command, done="Correction booked, or sent to a second person")

    @action(
        title="Approve",
        verb="approve",
        question="The correction is booked, with your name beside that of whoever proposed it.",
        icon="check",
        look="primary",
    )
    def approve(self, request: HttpRequest, form: Dialog, object_id: str) -> HttpResponse:
        command = partial(commands.approve, break_id=UUID(object_id), by=self.actor(request))
        return self.decide(request, object_id, command, done="Correction approved and booked")

    @action(
        title="Reject",
        verb="reject",
        question="Nothing is booked; the break is to be worked again.",
        form=Why,
        icon="close",
    )
    def reject(self, request: HttpRequest, form: Why, object_id: str) -> HttpResponse:
        command = partial(
            commands.reject, break_id=UUID(object_id), by=self.actor(request), reason=form.cleaned_data["reason"]
        )
        return self.decide(request, object_id, command, done="Correction rejected")

    @action(
        title="Close without booking",
        verb="close",
        question="The difference is as it should be. It comes back when it changes.",
        form=Why,
        icon="done_all",
    )
    def close(self, request: HttpRequest, form: Why, object_id: str) -> HttpResponse:
        command = partial(
            commands.close, break_id=UUID(object_id), by=self.actor(request), reason=form.cleaned_data["reason"]
        )
        return self.decide(request, object_id, command, done="Closed")

    @action(title="Reopen", verb="reopen", question="Somebody should look at it again.", form=Why, icon="undo")
    def reopen(self, request: HttpRequest, form: Why, object_id: str) -> HttpResponse:
        command = partial(
            commands.reopen, break_id=UUID(object_id), by=self.actor(request), reason=form.cleaned_data["reason"]
        )
        return self.decide(request, object_id, command, done="Reopened")

    def figures(self, request: HttpRequest) -> Iterable[Figure]:
        waiting, proposed = queries.waiting_breaks()
        yield Figure(
            "Breaks to work",
            str(waiting + proposed),
            note=f"{proposed} wait for a second person" if proposed else "",
            href=self.address() + ("?state__exact=open" if waiting else "?state__exact=proposed" if proposed else ""),
            pressing=waiting + proposed > 0,
        )

    def case(self, request: HttpRequest, obj: Any) -> parts.Case:
        return break_page.of(obj)


def _break(object_id: object) -> Break | None:
    """The break of a page; Django asks with the object, Unfold with its id, both also without one."""
    if object_id is None or isinstance(object_id, Break):
        return object_id
    try:
        return Break.objects.filter(id=UUID(str(object_id))).first()
    except ValueError:
        return None
