"""Reconciliation's desk: runs with their summary, the queue of breaks, payouts to our bank, and what must hold."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.http import HttpResponse
from django.urls import reverse
from unfold.contrib.filters.admin import RangeDateFilter
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from bh_sdk.errors import BHError
from bh_sdk.money import Money
from bh_sdk.server.admin import BoardPage, CasePage, Dialog, Figure, action, display, parts
from bh_sdk.server.ops import clock
from payments_svc.gateway.errors import GatewayError
from payments_svc.reconciliation import checking, commands, queries
from payments_svc.reconciliation.invariants import SENTENCES
from payments_svc.reconciliation.models import BankPayout, Break, CheckRound, Finding, Run
from payments_svc.reconciliation.rules import KINDS
from payments_svc.refunds import queries as refunds

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.http import HttpRequest

STATES: dict[str, tuple[str, parts.Tone]] = {
    "open": ("To work", "warning"),
    "proposed": ("Waits for a second person", "danger"),
    "closed": ("Closed", "success"),
    "cleared": ("Gone by itself", ""),
}
TONES: dict[str, str] = {text: tone for text, tone in STATES.values() if tone}
RUN_STATES: dict[str, tuple[str, parts.Tone]] = {
    "reading": ("Reading Stripe's statement", "warning"),
    "matching": ("Matching", "warning"),
    "done": ("Done", "success"),
}
_SHOWN = 50


def _day(when: datetime | None) -> str:
    return f"{when:%d %b %Y, %H:%M} UTC" if when else "not yet"


def _name(actor: str | None) -> str:
    """How somebody of the staff is called; anybody else by the id."""
    try:
        sub = UUID(actor or "")
    except ValueError:
        return actor or ""
    return refunds.names({sub}).get(sub, str(sub))


def _money(sums: dict[str, int]) -> str:
    return ", ".join(str(Money(minor, code)) for code, minor in sums.items()) or "none"


# -- runs ----------------------------------------------------------------------------------------------------------


class Window(Dialog):
    """Which days; the last one included."""

    since = forms.DateField(label="From", help_text="Such as 2026-11-01 (UTC)", widget=UnfoldAdminTextInputWidget())
    until = forms.DateField(
        label="To", required=False, help_text="Included; empty: until now", widget=UnfoldAdminTextInputWidget()
    )

    def times(self) -> tuple[datetime, datetime]:
        since = datetime.combine(self.cleaned_data["since"], time(), tzinfo=UTC)
        last = self.cleaned_data["until"]
        return since, datetime.combine(last, time(), tzinfo=UTC) + timedelta(days=1) if last else clock.now()


@admin.register(Run)
class RunAdmin(CasePage):
    """A run's page is its one-page summary: made to be printed."""

    thing, desk, desk_order, icon, order = "reconciliation", "Reconciliation", 15, "rule", 10

    list_display = ("window", "state_label", "read", "matched", "found", "cleared", "started_at")
    list_filter: ClassVar = ["state", ("started_at", RangeDateFilter)]
    actions_list: ClassVar = ["reconcile"]
    in_palette = False

    @display(description="Window", ordering="since")
    def window(self, row: Run) -> str:
        return f"{row.since:%d %b, %H:%M} to {row.until:%d %b %Y, %H:%M}"

    @display(description="State", ordering="state", label={text: str(tone) for text, tone in RUN_STATES.values()})
    def state_label(self, row: Run) -> str:
        return RUN_STATES[row.state][0]

    @action(
        title="Reconcile",
        verb="run",
        question="Stripe's statement of these days is laid beside the ledger. Nothing is booked but payouts to our bank.",
        form=Window,
        icon="rule",
        look="primary",
    )
    def reconcile(self, request: HttpRequest, form: Window) -> HttpResponse:
        since, until = form.times()
        try:
            run = commands.start_run(since=since, until=until, by=self.actor(request))
        except BHError as refusal:
            self.message_user(request, refusal.detail, messages.ERROR)
            return HttpResponse(headers={"HX-Redirect": self.address()})
        self.log_addition(request, run, "Reconciliation started")
        self.message_user(request, "Started. The page fills when Stripe's statement is read.", messages.SUCCESS)
        return HttpResponse(headers={"HX-Redirect": self.address(run)})

    def figures(self, request: HttpRequest) -> Iterable[Figure]:
        run = queries.last_run()
        yield Figure(
            "Last reconciliation",
            f"{run.finished_at:%d %b, %H:%M}" if run and run.finished_at else "never",
            note=f"{run.matched} matched, {run.found} differ" if run else "",
            href=self.address(run),
        )

    def case(self, request: HttpRequest, obj: Any) -> parts.Case:
        text, tone = RUN_STATES[obj.state]
        return parts.Case(
            headline=parts.Headline(
                title=f"Reconciliation, {self.window(obj)}",
                figure=str(obj.found),
                unit="break" if obj.found == 1 else "breaks",
                below=f"{obj.matched} of {obj.read} transactions read are matched; {obj.cleared} older breaks are gone",
                status=text,
                tone=tone,
                notice=obj.note or "",
            ),
            wide=[self._sums(obj), self._kinds(obj), self._breaks(obj), self._payouts(obj)],
            narrow=[
                parts.Facts(
                    "The run",
                    [
                        ("Asked by", _name(obj.asked_by)),
                        ("Started", _day(obj.started_at)),
                        ("Finished", _day(obj.finished_at)),
                        parts.Fact(
                            "Breaks as CSV",
                            "take along",
                            href=f"/staff/reports/breaks/?format=csv&run={obj.id}",
                            note="logged with your name",
                        ),
                    ],
                )
            ],
        )

    def _sums(self, run: Run) -> parts.Table:
        rows = []
        for code, of in run.sums.items():
            for side, name in (("there", "Stripe's statement"), ("here", "Our ledger")):
                amount, fee = of.get(f"{side}_amount", 0), of.get(f"{side}_fee", 0)
                moved = [Money(minor, code).decimal for minor in (amount, fee, amount - fee)]
                rows.append([code, name, str(of.get(f"{side}_lines", 0)), *moved])
        return parts.Table(
            "What moved within the window",
            ["Currency", "Side", "Moves", "Amount", "Fees", "Net"],
            rows,
            numeric=frozenset({2, 3, 4, 5}),
        )

    def _kinds(self, run: Run) -> parts.Table:
        counted = queries.breaks_by_kind(run)
        rows = [
            [kind.replace("_", " "), sentence, *map(str, counted.get(kind, (0, 0)))] for kind, sentence in KINDS.items()
        ]
        return parts.Table("Breaks by kind", ["Kind", "Means", "Found", "To work"], rows, numeric=frozenset({2, 3}))

    def _breaks(self, run: Run) -> parts.Timeline:
        rows = Break.objects.filter(last_run=run).exclude(state="cleared")[:_SHOWN]
        return parts.Timeline(
            "The breaks",
            [
                parts.Moment(
                    f"{row.kind.replace('_', ' ')}: {row.key}",
                    row.at,
                    who=STATES[row.state][0],
                    note=f"difference {_money(row.difference)}",
                    href=reverse("admin:payments_reconciliation_break_change", args=(row.pk,)),
                )
                for row in rows
            ],
            empty="Both sides agree.",
        )

    def _payouts(self, run: Run) -> parts.Table:
        rows = [
            [payout.id, str(payout.money), payout.status, str(moves), Money(net, payout.currency).decimal]
            for payout, moves, net in queries.payouts_of(run)
        ]
        return parts.Table(
            "Payouts to our bank",
            ["Payout", "Amount", "State", "Moves in it", "They come to"],
            rows,
            numeric=frozenset({1, 3, 4}),
        )


# -- breaks --------------------------------------------------------------------------------------------------------


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
        return _money(row.difference)

    @display(description="State", ordering="state", label=TONES)
    def state_label(self, row: Break) -> str:
        return STATES[row.state][0]

    @display(description="Taken by")
    def taken_shown(self, row: Break) -> str:
        return _name(row.taken_by)

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
        text, tone = STATES[obj.state]
        return parts.Case(
            headline=parts.Headline(
                title=obj.key,
                figure=_money(obj.difference),
                unit="Stripe less us",
                below=KINDS[obj.kind],
                status=text,
                tone=tone,
                notice=_notice(obj),
            ),
            wide=[
                _side("At Stripe", obj.there),
                _side("In our ledger", obj.here),
                parts.Timeline(
                    "What was done",
                    [
                        parts.Moment(step.what.capitalize(), step.at, who=_name(step.by), note=step.note or "")
                        for step in obj.steps.order_by("-id")
                    ],
                ),
            ],
            narrow=[_about(obj)],
        )


def _break(object_id: object) -> Break | None:
    """The break of a page; Django asks with the object, Unfold with its id, both also without one."""
    if object_id is None or isinstance(object_id, Break):
        return object_id
    try:
        return Break.objects.filter(id=UUID(str(object_id))).first()
    except ValueError:
        return None


def _notice(row: Break) -> str:
    if row.state == "proposed":
        account = (row.correct_to or "").replace("_", " ")
        return f"{_name(row.proposed_by)} proposes to book it to {account}: {row.reason} Somebody else has to approve."
    if row.state == "closed":
        return f"{_name(row.settled_by)}: {row.reason}"
    return ""


def _side(title: str, lines: list[dict[str, Any]]) -> parts.Table:
    rows = [
        [
            line["id"],
            f"{datetime.fromisoformat(line['at']):%d %b %Y, %H:%M:%S}",
            Money(line["amount"], line["currency"]).decimal,
            Money(line["fee"], line["currency"]).decimal,
            str(Money(line["amount"] - line["fee"], line["currency"])),
        ]
        for line in lines
    ]
    headers = ["Transaction" if title == "At Stripe" else "Journal", "When", "Amount", "Fee", "Net"]
    return parts.Table(title, headers, rows, numeric=frozenset({2, 3, 4}), empty="Nothing that is left over.")


def _about(row: Break) -> parts.Facts:
    facts = [
        parts.Fact("Kind", row.kind.replace("_", " ")),
        parts.Fact("Object", row.key, mono=True),
        parts.Fact("Moved", _day(row.at)),
        parts.Fact("First seen", _day(row.first_seen_at)),
        parts.Fact("Last seen", _day(row.last_seen_at)),
        parts.Fact("Taken by", _name(row.taken_by) or "nobody"),
    ]
    if row.payment_id:
        href = reverse("admin:payments_donations_payment_change", args=(row.payment_id,))
        facts.append(parts.Fact("Payment", str(row.payment_id), mono=True, href=href))
    for journal in row.here:
        href = reverse("admin:payments_ledger_journal_change", args=(journal["id"],))
        facts.append(parts.Fact("Journal", journal["id"], mono=True, href=href))
    return parts.Facts("About", facts)


# -- payouts to our bank, and what must hold -----------------------------------------------------------------------


@admin.register(BankPayout)
class BankPayoutAdmin(CasePage):
    thing, desk, desk_order, icon, order = "bank_payout", "Reconciliation", 15, "account_balance", 30

    list_display = ("id", "amount_shown", "status", "arrives_at", "created_at")
    list_filter: ClassVar = ["status", "currency", ("created_at", RangeDateFilter)]
    search_fields: ClassVar = ["=id"]

    @display(description="Amount", ordering="amount")
    def amount_shown(self, row: BankPayout) -> str:
        return str(row.money)

    def case(self, request: HttpRequest, obj: Any) -> parts.Case:
        lines, net = queries.lines_of(obj)
        return parts.Case(
            headline=parts.Headline(
                title=f"Stripe's payout {obj.id}",
                figure=obj.money.decimal,
                unit=obj.currency,
                status=obj.status,
                tone="danger" if obj.failure else "success" if obj.status == "paid" else "info",
                notice=f"The bank did not take it: {obj.failure}" if obj.failure else "",
            ),
            wide=[
                parts.Table(
                    f"What it consists of: {len(lines)} moves, {Money(net, obj.currency)}",
                    ["Transaction", "Type", "Object", "Amount", "Fee"],
                    [
                        [
                            line.id,
                            line.type,
                            line.key,
                            Money(line.amount, line.currency).decimal,
                            Money(line.fee, line.currency).decimal,
                        ]
                        for line in lines[:500]
                    ],
                    numeric=frozenset({3, 4}),
                    empty="Not asked yet, or paid out by hand.",
                )
            ],
            narrow=[
                parts.Facts(
                    "About",
                    [("Made", _day(obj.created_at)), ("Arrives", _day(obj.arrives_at)), ("Read", _day(obj.read_at))],
                )
            ],
        )


class HowFar(Dialog):
    stripe = forms.BooleanField(
        label="Compare our balance with what Stripe reports, too",
        required=False,
        help_text="Money that moves meanwhile shows as a difference",
    )


@admin.register(CheckRound)
class HoldsAdmin(BoardPage):
    """Every invariant in one sentence, with when it was last asked."""

    thing, desk, desk_order, icon, order = "invariant", "Reconciliation", 15, "verified", 40
    plural = "What must hold"

    def board(self, request: HttpRequest) -> parts.Board:
        return parts.Board(wide=[_sentences(), _open_findings()])


def _sentences() -> parts.Checks:
    rounds = queries.rounds()
    return parts.Checks(
        "Asked every ten minutes; the balance at Stripe on demand",
        [
            parts.Check(
                sentence
                + (f" (asked {rounds[name].checked_at:%d %b, %H:%M:%S})" if name in rounds else " (not asked yet)"),
                "warning" if name not in rounds else "danger" if rounds[name].open_findings else "success",
            )
            for name, sentence in SENTENCES.items()
        ],
    )


def _open_findings() -> parts.Timeline:
    return parts.Timeline(
        "What does not",
        [
            parts.Moment(
                SENTENCES.get(row.check_name, row.check_name),
                row.first_seen_at,
                who=row.subject,
                note=row.detail,
                href=reverse("admin:payments_reconciliation_finding_change", args=(row.pk,)),
            )
            for row in queries.open_findings()
        ],
        empty="Everything holds.",
    )


@admin.register(Finding)
class FindingAdmin(CasePage):
    """What must hold at every moment, and where it does not."""

    thing, desk, desk_order, icon, order = "invariant", "Reconciliation", 15, "report", 41

    list_display = ("sentence", "subject", "detail", "first_seen_at", "last_seen_at", "cleared_at")
    list_filter: ClassVar = [
        "check_name",
        ("first_seen_at", RangeDateFilter),
        ("cleared_at", admin.EmptyFieldListFilter),
    ]
    search_fields: ClassVar = ["=subject"]
    search_help_text = "The id of whatever breaks it"
    actions_list: ClassVar = ["check_now"]

    @display(description="What should hold", ordering="check_name")
    def sentence(self, row: Finding) -> str:
        return SENTENCES.get(row.check_name, row.check_name)

    @action(
        title="Check now",
        verb="check",
        question="Every invariant is asked; it takes a few seconds and changes nothing.",
        form=HowFar,
        icon="fact_check",
        look="primary",
    )
    def check_now(self, request: HttpRequest, form: HowFar) -> HttpResponse:
        found = checking.check_all()
        if form.cleaned_data["stripe"]:
            try:
                found += checking.check_balance()
            except GatewayError:
                self.message_user(request, "Stripe does not answer; our balance was not compared.", messages.WARNING)
        text = "Everything holds." if found == 0 else f"{found} findings."
        self.message_user(request, text, messages.SUCCESS if found == 0 else messages.ERROR)
        return HttpResponse(headers={"HX-Redirect": self.address()})

    def figures(self, request: HttpRequest) -> Iterable[Figure]:
        broken = queries.open_findings()
        asked = max((row.checked_at for row in queries.rounds().values()), default=None)
        yield Figure(
            "What must hold",
            "everything holds"
            if not broken and asked
            else "not asked yet"
            if asked is None
            else f"{len(broken)} do not",
            note=f"asked {asked:%d %b, %H:%M}" if asked else "",
            href=self.address() + "?cleared_at__isempty=1",
            pressing=bool(broken),
        )

    def found_as(self, obj: Any) -> str:
        return str(self.sentence(obj))

    def case(self, request: HttpRequest, obj: Any) -> parts.Case:
        return parts.Case(
            headline=parts.Headline(
                title=self.sentence(obj),
                figure="Holds again" if obj.cleared_at else "Does not hold",
                below=obj.detail,
                tone="success" if obj.cleared_at else "danger",
                status="cleared" if obj.cleared_at else "open",
            ),
            wide=[_sentences()],
            narrow=[
                parts.Facts(
                    "About",
                    [
                        parts.Fact("Where", obj.subject, mono=True),
                        parts.Fact("First seen", _day(obj.first_seen_at)),
                        parts.Fact("Last seen", _day(obj.last_seen_at)),
                        parts.Fact("Held again", _day(obj.cleared_at)),
                    ],
                )
            ],
        )
