"""The payouts desk: what waits for whom, why it is safe to approve, and what became of it. Money moves only through the
commands."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.urls import reverse
from unfold.contrib.filters.admin import RangeDateFilter
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from bh_sdk.money import Money
from bh_sdk.server.admin import CasePage, Dialog, Figure, Guarded, action, display, parts
from bh_sdk.server.ops import clock
from payments_svc.ledger import queries as ledger
from payments_svc.payouts import cards, commands, queries, sending, timeline
from payments_svc.payouts.models import Hold, Payout, PayoutAccount
from payments_svc.payouts.rules import WAITING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.http import HttpRequest, HttpResponse

STATUS: dict[str, tuple[str, parts.Tone]] = {
    "requested": ("Waits for approval", "warning"),
    "approved_once": ("Needs a second approval", "warning"),
    "approved": ("Approved", "info"),
    "submitting": ("On its way", "info"),
    "paid": ("Paid", "success"),
    "failed": ("Failed", "danger"),
    "rejected": ("Rejected", ""),
    "canceled": ("Taken back", ""),
}
TONES = {text: tone for text, tone in STATUS.values() if tone}
_BY_BANK = ("To be transferred by bank", "warning")
_STOPPED = "On hold"
_METHOD = {"stripe_transfer": "Transfer at Stripe", "bank_transfer": "Bank transfer"}
# An account that was changed so lately is worth a second look: it is how payouts are stolen.
_FRESH = timedelta(days=3)
_REACHED = {"requested": 1, "approved_once": 1, "approved": 2, "submitting": 2, "paid": 3}
_WAY = ("Asked for", "Approved", "Paid")


class Desk(admin.SimpleListFilter):
    """The desk's four heaps."""

    title = "desk"
    parameter_name = "desk"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("waiting", "Waits for approval"),
            ("second", "Needs a second approval"),
            ("held", "Stopped by a hold"),
            ("bank", "To be transferred by bank"),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Payout]) -> QuerySet[Payout]:
        return heap(queryset, self.value() or "")


def heap(rows: QuerySet[Payout], name: str) -> QuerySet[Payout]:
    if name == "waiting":
        return rows.filter(status="requested")
    if name == "second":
        return rows.filter(status="approved_once")
    if name == "held":
        return queries.held(rows.filter(status__in=[*WAITING, "approved"]))
    if name == "bank":
        return rows.filter(method="bank_transfer", status__in=["approved", "submitting"])
    return rows


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
    list_filter: ClassVar = [Desk, "status", "method", "currency", ("created_at", RangeDateFilter)]
    linked_by = ("campaign",)
    list_select_related: ClassVar = ["campaign"]
    search_fields: ClassVar = ["transfer_id"]
    search_help_text = "Id of a payout, its campaign or organiser, a transfer, or a bank reference"
    actions_detail: ClassVar = ["approve", "reject", "begin", "record", "leave", "came_back"]

    @display(description="Amount", ordering="amount")
    def amount_shown(self, row: Payout) -> str:
        return str(row.money)

    @display(description="Status", ordering="status", label={**TONES, _BY_BANK[0]: "warning", _STOPPED: "danger"})
    def status_label(self, row: Payout) -> str:
        if row.status in (*WAITING, "approved") and queries.is_held(row.campaign_id, row.owner_id):
            return _STOPPED
        return _status(row)[0]

    @display(description="Campaign", ordering="campaign__title")
    def campaign_title(self, row: Payout) -> str:
        return row.campaign.title

    @display(description="Way", ordering="method")
    def way(self, row: Payout) -> str:
        return _METHOD.get(row.method or "", "settled with the approval")

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
            count = heap(Payout.objects.all(), name).count()
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

    # -- the page -----------------------------------------------------------------------------------------------------

    def case(self, request: HttpRequest, obj: Any) -> parts.Case:
        holds = queries.holds_on(obj.campaign_id, obj.owner_id) if obj.status in (*WAITING, "approved") else []
        text, tone = (_STOPPED, "danger") if holds else _status(obj)
        return parts.Case(
            headline=parts.Headline(
                title=f"Payout to the organiser of {obj.campaign.title}",
                figure=obj.money.decimal,
                unit=obj.currency,
                below=_METHOD.get(obj.method or "", "The way is settled with the first approval"),
                status=text,
                tone=tone,  # type: ignore[arg-type]
                steps=_steps(obj),
                notice=self._notice(request, obj, bool(holds)),
            ),
            wide=[
                *cards.holds(holds),
                *_checks(obj),
                parts.Timeline("What happened", timeline.of(obj)),
                *_journals(obj),
            ],
            narrow=[*cards.escrow(obj.campaign_id), _who(obj)],
        )

    def _notice(self, request: HttpRequest, row: Payout, stopped: bool) -> str:
        actor = self.actor(request)
        if stopped:
            return "A hold of trust stops it: it is neither approved nor sent until an analyst lifts the hold."
        if row.status in WAITING and actor == str(row.owner_id):
            return "This is your own money: somebody else of finance decides on it."
        if row.status == "approved_once" and actor == str(row.first_approved_by):
            return "You approved it. Above the threshold another person of finance has to approve it too."
        if row.status == "approved_once":
            return "One person of finance approved it; above the threshold it takes you as well."
        if row.status == "approved" and row.method == "bank_transfer":
            alone = row.second_approved_by is None and actor == str(row.first_approved_by)
            return "Another person of finance makes the transfer: you alone approved it." if alone else ""
        if row.status == "approved" and row.waits_for:
            return f"It waits for {row.waits_for}. Nothing has to be done by hand."
        if row.status == "submitting" and row.method == "bank_transfer":
            return "Somebody is making the transfer. Record it once the bank has made it."
        if row.status == "submitting" and row.tries > 1:
            return "Stripe's answer was lost. We ask again soon; nothing is sent twice."
        if row.status == "failed":
            return f"It did not arrive: {row.reason} The campaign is owed it again."
        return ""


def _row(object_id: object) -> Payout | None:
    """The payout a button is about. Django asks with its id, with its row, or with nothing for a list."""
    if object_id is None or isinstance(object_id, Payout):
        return object_id
    try:
        return Payout.objects.filter(id=UUID(str(object_id))).first()
    except ValueError:
        return None


def _status(row: Payout) -> tuple[str, parts.Tone]:
    if row.status == "approved" and row.method == "bank_transfer":
        return _BY_BANK  # type: ignore[return-value]
    return STATUS[row.status]


def _steps(row: Payout) -> list[parts.Step]:
    if row.status in ("rejected", "canceled"):
        return [parts.Step("Asked for", "done"), parts.Step(STATUS[row.status][0], "failed")]
    if row.status == "failed":
        return [parts.Step("Asked for", "done"), parts.Step("Approved", "done"), parts.Step("Failed", "failed")]
    reached = _REACHED[row.status]
    two = "two people, above the threshold" if row.needs_second else ""
    return [
        parts.Step(
            name,
            "done" if place < reached else "now" if place == reached else "todo",
            note=two if place == 1 else "",
        )
        for place, name in enumerate(_WAY)
    ]


def _checks(row: Payout) -> list[parts.Checks]:
    """What a tired person should not have to remember."""
    if row.status not in (*WAITING, "approved"):
        return []
    account = queries.payout_account(row.owner_id)
    found = []
    if account is None or account.account_id is None:
        found.append(parts.Check("No account at Stripe: it goes by bank transfer", "warning"))
    elif not account.transfers_active:
        found.append(
            parts.Check("Stripe does not let the organiser's account receive yet: it goes by bank transfer", "warning")
        )
    elif row.destination and row.destination != account.account_id:
        found.append(parts.Check("The organiser's account was changed since the first approval", "danger"))
    else:
        found.append(parts.Check(f"The account at Stripe may receive: {account.account_id}"))
    if account is not None and clock.now() - account.changed_at < _FRESH:
        found.append(
            parts.Check(
                f"The account was changed on {account.changed_at:%d %b %Y, %H:%M}: be sure it is theirs", "danger"
            )
        )
    earlier = queries.paid_before(row)
    found.append(
        parts.Check(f"{earlier} earlier payouts of this campaign arrived")
        if earlier
        else parts.Check("The first payout of this campaign", "warning")
    )
    return [parts.Checks("Before you decide", found)]


def _journals(row: Payout) -> list[parts.MoneyTable]:
    return [
        parts.MoneyTable(
            f"Ledger: {journal.kind.replace('_', ' ')}",
            [
                parts.Line(e.account.replace("_", " "), e.money.decimal, e.line.replace("_", " "))
                for e in journal.entries.all()
            ],
            total=f"{Money(0, journal.currency)}",
        )
        for journal in ledger.journals_under(f"payout:{row.id}:")
    ]


def _who(row: Payout) -> parts.Facts:
    names = queries.names([row.first_approved_by, row.second_approved_by, row.sent_by])

    def who(person: UUID | None) -> str:
        return names.get(person, str(person)[:8]) if person else "nobody yet"

    facts = [
        parts.Fact(
            "Campaign",
            row.campaign.title,
            href=reverse("admin:payments_donations_campaign_change", args=(row.campaign_id,)),
        ),
        parts.Fact("Organiser", str(row.owner_id), mono=True),
        parts.Fact("Approved by", who(row.first_approved_by)),
    ]
    if row.needs_second:
        above = Money(row.second_person_above, row.currency)
        facts.append(parts.Fact("And by", who(row.second_approved_by), note=f"above {above} two people"))
    if row.destination:
        facts.append(parts.Fact("Account at Stripe", row.destination, mono=True, note="as it was approved"))
    if row.transfer_id:
        facts.append(parts.Fact("Transfer", row.transfer_id, mono=True))
    if row.sent_by:
        facts.append(parts.Fact("Transfer made by", who(row.sent_by)))
    if row.bank_reference:
        facts.append(parts.Fact("Bank reference", row.bank_reference, mono=True))
    if row.reversed:
        facts.append(parts.Fact("Came back", str(Money(row.reversed, row.currency))))
    note = "give it to the bank as the payment's reference" if row.method == "bank_transfer" else ""
    facts.append(parts.Fact("Payout", str(row.id), mono=True, note=note))
    return parts.Facts("Who and where", facts)


class Account(Dialog):
    account = forms.CharField(
        max_length=110,
        required=False,
        label="Account at Stripe",
        help_text="acct_…; empty takes it away, and payouts go by bank transfer",
        widget=UnfoldAdminTextInputWidget(),
    )


@admin.register(PayoutAccount)
class PayoutAccountAdmin(CasePage):
    """`payout_account` in the policies: `view`, and `set`, which the platform does as a rule."""

    thing, desk, desk_order, icon, order = "payout_account", "Money", 10, "contacts", 47

    list_display = ("owner_id", "account_id", "transfers_active", "set_by", "changed_at")
    list_filter: ClassVar = ["transfers_active", ("changed_at", RangeDateFilter)]
    search_fields: ClassVar = ["account_id"]
    search_help_text = "Account at Stripe"
    actions_detail: ClassVar = ["set_account"]

    @action(
        title="Set the account",
        verb="set",
        question="Stripe is asked whether it may receive. Payouts that are approved keep the account they were approved "
        "with. Be sure that the organiser asked for it, by a way you know.",
        form=Account,
        icon="edit",
    )
    def set_account(self, request: HttpRequest, form: Account, object_id: str) -> HttpResponse:
        account_id = form.cleaned_data["account"].strip() or None
        command = partial(
            commands.set_payout_account, owner_id=UUID(object_id), account_id=account_id, by=self.actor(request)
        )
        return self.decide(request, object_id, command, done="Account set")

    def case(self, request: HttpRequest, obj: Any) -> parts.Case:
        active = "may receive" if obj.transfers_active else "may not receive yet"
        return parts.Case(
            headline=parts.Headline(
                title="Where an organiser is paid to",
                figure=obj.account_id or "By bank transfer",
                status=active if obj.account_id else "",
                tone="success" if obj.transfers_active else "warning",
            ),
            narrow=[
                parts.Facts(
                    "Account",
                    [
                        parts.Fact("Organiser", str(obj.owner_id), mono=True),
                        parts.Fact("Set by", obj.set_by, mono=True),
                        ("Changed", f"{obj.changed_at:%d %b %Y, %H:%M}"),
                    ],
                )
            ],
        )


@admin.register(Hold)
class HoldAdmin(Guarded):
    """What trust stopped, to look at; analysts place and lift holds at trust."""

    thing, desk, desk_order, icon, order = "hold", "Money", 10, "front_hand", 48

    list_display = ("entity_kind", "entity_id", "state_label", "placed_at", "lifted_at")
    list_filter: ClassVar = ["entity_kind", ("lifted_at", admin.EmptyFieldListFilter)]
    search_fields: ClassVar = ["entity_id"]
    fields: ClassVar = ["id", "entity_kind", "entity_id", "placed_at", "lifted_at"]
    readonly_fields = fields

    @display(description="State", label={"Stops payouts": "danger", "Lifted": "success"})
    def state_label(self, row: Hold) -> str:
        return "Lifted" if row.lifted_at else "Stops payouts"
