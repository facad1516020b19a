"""Payouts: what waits for whom, and who may press what."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib import admin
from django.db.models import Q, QuerySet
from unfold.contrib.filters.admin import RangeDateFilter
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from bh_sdk.server.admin import CasePage, Dialog, Figure, action, display, parts
from payments_svc.payouts import commands, queries, sending
from payments_svc.payouts.admin import heaps, payout_page, words
from payments_svc.payouts.models import Payout
from payments_svc.payouts.rules import WAITING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.http import HttpRequest, HttpResponse


class Note(Dialog):
    note = forms.CharField(
        min_length=8,
        max_length=500,
        widget=UnfoldAdminTextareaWidget(),
        help_text="The organiser reads it",
    )


class Reference(Dialog):
    reference = forms.CharField(
        min_length=3,
        max_length=140,
        label="Reference of the bank transfer",
        widget=UnfoldAdminTextInputWidget(),
        help_text="As the bank's statement shows it",
    )


@admin.register(Payout)
class PayoutAdmin(CasePage):
    """`payout` in the policies: `view`, `approve`, `reject`, and `send` for bank transfers."""

    thing, desk, desk_order, icon, order = "payout", "Money", 10, "savings", 46

    list_display = ("amount_shown", "status_label", "campaign_title", "way", "created_at", "settled_at")
    list_filter: ClassVar = [heaps.Desk, "status", "method", "currency", ("created_at", RangeDateFilter)]
    linked_by = ("campaign",)
    list_select_related: ClassVar = ["campaign"]
    search_fields: ClassVar = ["transfer_id"]
    search_help_text = "Id of a payout, its campaign or organiser, a transfer, or a bank reference"
    actions_detail: ClassVar = ["approve", "reject", "begin", "record", "leave", "came_back"]

    @display(description="Amount", ordering="amount")
    def amount_shown(self, row: Payout) -> str:
        return str(row.money)

    @display(
        description="Status",
        ordering="status",
        label={**words.TONES, words.BY_BANK[0]: "warning", words.STOPPED: "danger"},
    )
    def status_label(self, row: Payout) -> str:
        if row.status in (*WAITING, "approved") and queries.is_held(row.campaign_id, row.owner_id):
            return words.STOPPED
        return words.status_of(row)[0]

    @display(description="Campaign", ordering="campaign__title")
    def campaign_title(self, row: Payout) -> str:
        return row.campaign.title

    @display(description="Way", ordering="method")
    def way(self, row: Payout) -> str:
        return words.METHOD.get(row.method or "", "settled with the approval")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Payout], search_term: str
    ) -> tuple[QuerySet[Payout], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        wanted = Q(transfer_id=term) | Q(bank_reference=term)
        try:
            found = UUID(term)
        except ValueError:
            return queryset.filter(wanted | Q(campaign__title__icontains=term)), False
        return queryset.filter(wanted | Q(id=found) | Q(campaign_id=found) | Q(owner_id=found)), False

    def found_as(self, obj: Any) -> str:
        return f"Payout of {obj.money} to the organiser of {obj.campaign.title}"

    def figures(self, request: HttpRequest) -> Iterable[Figure]:
        for name, title, pressing in (
            ("waiting", "Payouts to approve", True),
            ("second", "Payouts that need a second approval", True),
            ("bank", "Payouts to transfer by bank", True),
            ("held", "Payouts stopped by a hold", False),
        ):
            count = heaps.heap(Payout.objects.all(), name).count()
            yield Figure(title, str(count), href=f"{self.address()}?desk={name}", pressing=pressing and count > 0)

    # -- who may press what, on this very payout ------------------------------------------------------------------------

    def has_approve_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        row = _row(object_id)
        if row is None:
            return self.may(request, "approve")
        mine = self.actor(request) in (str(row.owner_id), str(row.requested_by), str(row.first_approved_by))
        held = queries.is_held(row.campaign_id, row.owner_id)
        return self.may(request, "approve") and row.status in WAITING and not mine and not held

    def has_reject_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        row = _row(object_id)
        open_still = row is None or (row.status in (*WAITING, "approved") and self.actor(request) != str(row.owner_id))
        return self.may(request, "reject") and open_still

    def has_begin_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return self._sends(request, object_id, "approved")

    def has_record_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return self._sends(request, object_id, "submitting")

    def has_return_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        row = _row(object_id)
        paid = row is None or (row.method == "bank_transfer" and row.status == "paid")
        return self.may(request, "send") and paid

    def _sends(self, request: HttpRequest, object_id: object, status: str) -> bool:
        """No button for whoever approved it alone; the command and the database say the same."""
        row = _row(object_id)
        if row is None:
            return self.may(request, "send")
        alone = row.second_approved_by is None and self.actor(request) == str(row.first_approved_by)
        own = self.actor(request) == str(row.owner_id)
        held = status == "approved" and queries.is_held(row.campaign_id, row.owner_id)
        theirs = row.method == "bank_transfer" and row.status == status
        return self.may(request, "send") and theirs and not (alone or own or held)

    def verbs(self) -> set[str]:
        """The three buttons of a bank transfer are one line of the policies."""
        return (super().verbs() - {"begin", "record", "return"}) | {"send"}

    # -- actions ------------------------------------------------------------------------------------------------------

    @action(
        title="Approve",
        verb="approve",
        question="Its amount leaves the campaign's balance. With the last approval it goes to the organiser's account at "
        "Stripe, or waits here for its bank transfer.",
        icon="check",
        look="primary",
    )
    def approve(self, request: HttpRequest, form: Dialog, object_id: str) -> HttpResponse:
        command = partial(commands.approve_payout, payout_id=UUID(object_id), by=UUID(self.actor(request)))
        return self.decide(request, object_id, command, done="Payout approved")

    @action(
        title="Reject",
        verb="reject",
        question="Nothing is paid; the campaign keeps the money and the organiser may ask again.",
        form=Note,
        icon="block",
        look="danger",
    )
    def reject(self, request: HttpRequest, form: Note, object_id: str) -> HttpResponse:
        note, by = form.cleaned_data["note"], UUID(self.actor(request))
        command = partial(commands.reject_payout, payout_id=UUID(object_id), note=note, by=by)
        return self.decide(request, object_id, command, done="Payout rejected")

    @action(
        title="Begin the bank transfer",
        verb="begin",
        question="You take it on, so that nobody else makes it too. Make the transfer at the bank, then record it here.",
        icon="account_balance",
        look="primary",
    )
    def begin(self, request: HttpRequest, form: Dialog, object_id: str) -> HttpResponse:
        command = partial(sending.begin_bank_transfer, payout_id=UUID(object_id), by=UUID(self.actor(request)))
        return self.decide(request, object_id, command, done="Bank transfer begun")

    @action(
        title="Record the transfer",
        verb="record",
        question="Only when the bank has made it. The organiser is told that the money is on its way.",
        form=Reference,
        icon="task_alt",
        look="primary",
    )
    def record(self, request: HttpRequest, form: Reference, object_id: str) -> HttpResponse:
        reference, by = form.cleaned_data["reference"], UUID(self.actor(request))
        command = partial(sending.record_bank_transfer, payout_id=UUID(object_id), reference=reference, by=by)
        return self.decide(request, object_id, command, done="Bank transfer recorded")

    @action(
        title="It was not made",
        verb="record",
        question="The transfer was begun here and not made at the bank. Somebody else may take it on.",
        icon="undo",
    )
    def leave(self, request: HttpRequest, form: Dialog, object_id: str) -> HttpResponse:
        command = partial(sending.leave_bank_transfer, payout_id=UUID(object_id), by=UUID(self.actor(request)))
        return self.decide(request, object_id, command, done="Bank transfer left to another")

    @action(
        title="It came back",
        verb="return",
        question="The bank sent the money back. The campaign is owed it again, and the organiser is told.",
        form=Note,
        icon="keyboard_return",
        look="danger",
    )
    def came_back(self, request: HttpRequest, form: Note, object_id: str) -> HttpResponse:
        note, by = form.cleaned_data["note"], UUID(self.actor(request))
        command = partial(sending.note_bank_return, payout_id=UUID(object_id), note=note, by=by)
        return self.decide(request, object_id, command, done="Bank transfer came back")

    def case(self, request: HttpRequest, obj: Any) -> parts.Case:
        return payout_page.of(obj, actor=self.actor(request))


def _row(object_id: object) -> Payout | None:
    """The payout a button is about. Django asks with its id, with its row, or with nothing for a list."""
    if object_id is None or isinstance(object_id, Payout):
        return object_id
    try:
        return Payout.objects.filter(id=UUID(str(object_id))).first()
    except ValueError:
        return None
