"""The refunds desk: who asked, who decides, what became of it. Money moves only through the commands."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

from django.contrib import admin
from django.db.models import Count, Q, QuerySet, Sum
from django.urls import reverse
from unfold.contrib.filters.admin import RangeDateFilter

from bh_sdk.money import Money
from bh_sdk.server.admin import CasePage, Figure, action, display, parts
from payments_svc.donations import queries as donations
from payments_svc.ledger import queries as ledger
from payments_svc.refunds import batches, commands, queries, timeline
from payments_svc.refunds.dialogs import REASON_WORDS, Agree, AskAgain, Refuse, ask
from payments_svc.refunds.models import Refund, RefundBatch
from payments_svc.refunds.rules import DEAD, UNSENT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.http import HttpRequest, HttpResponse

STATUS: dict[str, tuple[str, parts.Tone]] = {
    "requested": ("Asked for", "info"),
    "pending_approval": ("Waits for approval", "warning"),
    "approved": ("Approved", "info"),
    "submitting": ("On its way to Stripe", "info"),
    "pending": ("Pending at Stripe", "info"),
    "succeeded": ("Refunded", "success"),
    "failed": ("Came back", "danger"),
    "canceled": ("Withdrawn", ""),
    "rejected": ("Rejected", ""),
}
TONES: dict[str, str] = {text: tone for text, tone in STATUS.values() if tone}
_REACHED = {"requested": 1, "pending_approval": 1, "approved": 2, "submitting": 2, "pending": 3, "succeeded": 4}
_WAY = ("Asked", "Approved", "Sent to Stripe", "Refunded")
_SHOWN = 200


@admin.register(Refund)
class RefundAdmin(CasePage):
    thing, desk, desk_order, icon, order = "refund", "Money", 10, "undo", 40

    list_display = ("amount_shown", "status_label", "campaign", "reason_shown", "asked_by", "created_at")
    list_filter: ClassVar = ["status", "currency", "reason", "source", ("created_at", RangeDateFilter)]
    linked_by = ("batch", "payment")
    list_select_related: ClassVar = ["payment__campaign"]
    search_fields: ClassVar = ["stripe_id"]
    search_help_text = "Id of a refund or a payment, Stripe's refund or intent"
    actions: ClassVar = ["approve_chosen"]
    actions_detail: ClassVar = ["approve", "reject", "withdraw", "ask_again", "close"]

    @display(description="Amount", ordering="amount")
    def amount_shown(self, row: Refund) -> str:
        return str(row.money)

    @display(description="Status", ordering="status", label=TONES)
    def status_label(self, row: Refund) -> str:
        return STATUS[row.status][0]

    @display(description="Campaign", ordering="payment__campaign__title")
    def campaign(self, row: Refund) -> str:
        return row.payment.campaign.title

    @display(description="Reason", ordering="reason")
    def reason_shown(self, row: Refund) -> str:
        return REASON_WORDS.get(row.reason or "", row.reason or "")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Refund]:
        found: QuerySet[Refund] = super().get_queryset(request).annotate(asker=queries.name_of("requested_by"))
        return found

    @display(description="Asked by")
    def asked_by(self, row: Any) -> str:
        if row.requested_by is None:
            return "Stripe's desk"
        return row.asker or str(row.requested_by)[:8]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Refund], search_term: str
    ) -> tuple[QuerySet[Refund], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        wanted = Q(stripe_id=term) | Q(payment__intent_id=term)
        with suppress(ValueError):
            wanted |= Q(id=UUID(term)) | Q(payment_id=UUID(term))
        return queryset.filter(wanted), False

    def figures(self, request: HttpRequest) -> Iterable[Figure]:
        waiting = Refund.objects.filter(status="pending_approval")
        count = waiting.count()
        sums = waiting.values("currency").annotate(total=Sum("amount")).order_by("currency")
        note = ", ".join(str(Money(row["total"], row["currency"])) for row in sums)
        href = f"{self.address()}?status__exact=pending_approval"
        yield Figure("Refunds to approve", str(count), note=note, href=href, pressing=count > 0)
        back = queries.came_back().count()
        note = "the donors have not got their money" if back else "every refund has arrived"
        yield Figure(
            "Refunds that came back",
            str(back),
            note=note,
            href=f"{self.address()}?status__exact=failed",
            pressing=back > 0,
        )

    def found_as(self, obj: Any) -> str:
        return f"Refund of {obj.money}"

    # -- who may press what, on this very refund ------------------------------------------------------------------------

    def has_approve_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return self.may(request, "approve") and self._decides(request, object_id)

    def has_reject_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return self.may(request, "reject") and self._decides(request, object_id)

    def has_withdraw_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        row = _row(object_id)
        mine = row is None or (str(row.requested_by) == self.actor(request) and row.status in UNSENT)
        return self.may(request, "withdraw") and mine

    def has_request_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        row = _row(object_id)
        return self.may(request, "request") and (row is None or queries.is_open_case(row))

    def has_close_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        row = _row(object_id)
        return self.may(request, "close") and (row is None or queries.is_open_case(row))

    def _decides(self, request: HttpRequest, object_id: object) -> bool:
        """No button for whoever asked; the command and the database say the same."""
        row = _row(object_id)
        return row is None or (row.status == "pending_approval" and str(row.requested_by) != self.actor(request))

    # -- actions ------------------------------------------------------------------------------------------------------

    @admin.action(description="Approve the chosen refunds", permissions=["approve"])
    def approve_chosen(self, request: HttpRequest, chosen: QuerySet[Refund]) -> None:
        """Each by itself, through the command: what blocks one holds up no other."""

        def approve(row: Refund) -> None:
            commands.approve_refund(refund_id=row.id, by=UUID(self.actor(request)), notes="Approved with others")

        def lock_payment(key: UUID) -> None:
            donations.payment_for_update(queries.payment_of(key))

        self.carry_out(request, chosen, approve, done="approved", lock_first=lock_payment)

    @action(
        title="Approve",
        verb="approve",
        question="The money goes back to the donor. After this it only goes forward.",
        form=Agree,
        icon="check",
        look="primary",
    )
    def approve(self, request: HttpRequest, form: Agree, object_id: str) -> HttpResponse:
        command = partial(commands.approve_refund, **self._decision(request, form, object_id))
        return self.decide(request, object_id, command, done="Refund approved")

    @action(
        title="Reject",
        verb="reject",
        question="Nothing is paid back, and the amount can be refunded again.",
        form=Refuse,
        icon="block",
        look="danger",
    )
    def reject(self, request: HttpRequest, form: Refuse, object_id: str) -> HttpResponse:
        command = partial(commands.reject_refund, **self._decision(request, form, object_id))
        return self.decide(request, object_id, command, done="Refund rejected")

    @action(
        title="Withdraw",
        verb="withdraw",
        question="You asked for this refund. Taken back, nothing is paid, and the amount can be refunded again.",
        form=Agree,
        icon="undo",
    )
    def withdraw(self, request: HttpRequest, form: Agree, object_id: str) -> HttpResponse:
        command = partial(commands.withdraw_refund, **self._decision(request, form, object_id))
        return self.decide(request, object_id, command, done="Refund withdrawn")

    @action(
        title="Ask again",
        verb="request",
        question="The last one came back. A new refund is asked for, with everything that belongs to one.",
        form=AskAgain,
        icon="replay",
        look="primary",
    )
    def ask_again(self, request: HttpRequest, form: AskAgain, object_id: str) -> HttpResponse:
        command = partial(ask, request, form, retry_of=UUID(object_id))
        return self.decide(request, object_id, command, done="Refund asked for again")

    @action(
        title="Close the case",
        verb="close",
        question="The donor is paid in another way, or need not be. Say which: this is the last word.",
        form=Refuse,
        icon="task_alt",
    )
    def close(self, request: HttpRequest, form: Refuse, object_id: str) -> HttpResponse:
        command = partial(commands.close_case, **self._decision(request, form, object_id))
        return self.decide(request, object_id, command, done="Case closed")

    def _decision(self, request: HttpRequest, form: Agree | Refuse, object_id: str) -> dict[str, Any]:
        return {"refund_id": UUID(object_id), "by": UUID(self.actor(request)), "notes": form.cleaned_data["notes"]}

    # -- the page -----------------------------------------------------------------------------------------------------

    def case(self, request: HttpRequest, obj: Any) -> parts.Case:
        text, tone = STATUS[obj.status]
        return parts.Case(
            headline=parts.Headline(
                title=f"Refund to a donor of {obj.payment.campaign.title}",
                figure=obj.money.decimal,
                unit=obj.currency,
                below=REASON_WORDS.get(obj.reason or "", obj.reason or ""),
                status=text,
                tone=tone,
                steps=_steps(obj),
                notice=self._notice(request, obj),
            ),
            wide=[parts.Timeline("What happened", timeline.of(obj)), *_journals(obj)],
            narrow=[_who(obj), _money(obj)],
        )

    def _notice(self, request: HttpRequest, row: Refund) -> str:
        if row.status == "pending_approval":
            if str(row.requested_by) == self.actor(request):
                return "You asked for this refund, so somebody else of finance decides on it. The amount is reserved."
            return "Somebody of finance who did not ask for it decides. The amount is reserved meanwhile."
        if row.status == "submitting" and row.tries > 1:
            return "Stripe's answer was lost. We ask every minute at the latest; nothing has to be done by hand."
        if queries.is_open_case(row):
            return "Stripe could not bring the money to the donor. Ask again, or close the case with a note."
        if row.status in DEAD and row.failure_reason:
            return f"Not made: {row.failure_reason.replace('_', ' ')}."
        return ""


def _row(object_id: object) -> Refund | None:
    """The refund a button is about. Django asks with its id, with its row, or with nothing for a list."""
    if object_id is None or isinstance(object_id, Refund):
        return object_id
    try:
        return Refund.objects.filter(id=UUID(str(object_id))).first()
    except ValueError:
        return None


def _steps(row: Refund) -> list[parts.Step]:
    if row.status == "failed":
        return [*(parts.Step(name, "done") for name in _WAY[:3]), parts.Step("Came back", "failed")]
    if row.status in DEAD:
        return [parts.Step("Asked", "done"), parts.Step(STATUS[row.status][0], "failed")]
    reached = _REACHED[row.status]
    return [
        parts.Step(
            name,
            "done" if place < reached else "now" if place == reached else "todo",
            note="no way back after this" if place == 2 and reached < 3 else "",
        )
        for place, name in enumerate(_WAY)
    ]


def _who(row: Refund) -> parts.Facts:
    people = {person for person in (row.requested_by, row.approved_by, row.rejected_by) if person is not None}
    names = queries.names(people)

    def name(person: UUID | None) -> str:
        return names.get(person, str(person)[:8]) if person is not None else ""

    facts = [parts.Fact("Asked by", name(row.requested_by) or "somebody at Stripe's own desk", note=row.notes)]
    if row.second_person:
        decided = row.approved_by or row.rejected_by
        facts.append(parts.Fact("Second person", name(decided) or "needed", note=row.decision_notes))
    elif row.source == "staff":
        facts.append(parts.Fact("Second person", "not needed"))
    if row.retry_of_id is not None:
        facts.append(parts.Fact("Instead of", str(row.retry_of_id)[:8], href=_page(row.retry_of_id)))
    facts += [parts.Fact("Asked again", str(again.id)[:8], href=_page(again.id)) for again in row.retries.all()]
    if row.batch_id is not None:
        href = reverse("admin:payments_refunds_refundbatch_change", args=(row.batch_id,))
        facts.append(parts.Fact("Batch", "all gifts of the campaign", href=href))
    return parts.Facts("Who", facts)


def _money(row: Refund) -> parts.Facts:
    payment = row.payment
    return parts.Facts(
        "Payment",
        [
            parts.Fact("Charged", str(payment.charged_money)),
            parts.Fact("This refund", str(row.money), strong=True),
            parts.Fact("Given back so far", str(payment.money(payment.refunded))),
            parts.Fact("Left to refund", str(queries.left(payment))),
            parts.Fact(
                "Payment", str(payment.id), mono=True,
                href=reverse("admin:payments_donations_payment_change", args=(payment.id,)),
            ),
            parts.Fact("At Stripe", row.stripe_id or "not yet", mono=True),
            parts.Fact("Refund", str(row.id), mono=True),
        ],
    )  # fmt: skip


def _journals(row: Refund) -> list[parts.MoneyTable]:
    if row.stripe_id is None:
        return []
    return [
        parts.MoneyTable(
            f"Ledger: {journal.kind.replace('_', ' ')}",
            [
                parts.Line(e.account.replace("_", " "), e.money.decimal, e.line.replace("_", " "))
                for e in journal.entries.all()
            ],
            total=f"{Money(0, journal.currency)}",
        )
        for journal in ledger.journals_of(row.payment_id).filter(reference__startswith=f"refund:{row.stripe_id}:")
    ]


def _page(refund_id: UUID) -> str:
    return reverse("admin:payments_refunds_refund_change", args=(refund_id,))


@admin.register(RefundBatch)
class RefundBatchAdmin(CasePage):
    """Every gift of a cancelled campaign, given back one by one."""

    thing, desk, desk_order, icon, order = "refund_batch", "Money", 10, "assignment_return", 45

    list_display = ("title", "state_label", "payments", "started_by", "created_at")
    search_fields: ClassVar = ["title"]
    actions_detail: ClassVar = ["approve"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[RefundBatch]:
        found: QuerySet[RefundBatch] = (
            super().get_queryset(request).annotate(how_many=Count("items"), starter=queries.name_of("requested_by"))
        )
        return found

    @display(description="State", label={"Waits for approval": "warning", "At work": "info", "Done": "success"})
    def state_label(self, row: RefundBatch) -> str:
        return _state(row, queries.progress(row))

    @display(description="Payments", ordering="how_many")
    def payments(self, row: Any) -> str:
        return str(row.how_many)

    @display(description="Started by")
    def started_by(self, row: Any) -> str:
        return row.starter or str(row.requested_by)[:8]

    def has_approve_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        if not self.may(request, "approve") or object_id is None:
            return self.may(request, "approve")
        row = self.get_object(request, str(object_id))
        if row is None or row.approved_by is not None or str(row.requested_by) == self.actor(request):
            return False
        return not row.items.filter(outcome="waiting").exists() and queries.to_agree(row).exists()

    @action(
        title="Approve all that wait",
        verb="approve",
        question="Each refund of this batch that waits is approved by you, one by one, and goes to Stripe.",
        form=Agree,
        icon="done_all",
        look="primary",
    )
    def approve(self, request: HttpRequest, form: Agree, object_id: str) -> HttpResponse:
        command = partial(
            batches.approve,
            batch_id=UUID(object_id),
            by=UUID(self.actor(request)),
            notes=form.cleaned_data["notes"],
        )
        return self.decide(request, object_id, command, done="Batch approved: its refunds are approved one by one")

    def case(self, request: HttpRequest, obj: Any) -> parts.Case:
        found = queries.progress(obj)
        whole = sum(found.values())
        list_of = f"{reverse('admin:payments_refunds_refund_changelist')}?batch__id__exact={obj.id}"
        names = queries.names({person for person in (obj.requested_by, obj.approved_by) if person is not None})
        out = queries.left_out(obj, _SHOWN)
        return parts.Case(
            headline=parts.Headline(
                title=f"All gifts to {obj.title}",
                figure=f"{found.get('succeeded', 0)} of {whole}",
                unit="refunded",
                below=obj.notes,
                status=_state(obj, found),
                notice=self._notice(request, obj, found),
            ),
            wide=[
                parts.Bars(
                    "How far it is",
                    [
                        parts.Bar(_said(name), count, whole, shown=str(count))
                        for name, count in sorted(found.items(), key=lambda pair: -pair[1])
                    ],
                    value_means="payments",
                ),
                parts.Table(
                    "Not asked for, or not approved",
                    ["Payment", "Why"],
                    [[str(item.payment_id), item.why] for item in out],
                    empty="None.",
                ),
            ],
            narrow=[
                parts.Facts(
                    "Batch",
                    [
                        parts.Fact("Payments", str(whole)),
                        parts.Fact("Refunds", "one by one", href=list_of),
                        parts.Fact("Started by", names.get(obj.requested_by, str(obj.requested_by)[:8])),
                        parts.Fact(
                            "Second person",
                            names.get(obj.approved_by, str(obj.approved_by)[:8]) if obj.approved_by else "needed",
                            note=obj.approval_notes,
                        ),
                        parts.Fact("Campaign", str(obj.campaign_id), mono=True),
                    ],
                )
            ],
        )

    def _notice(self, request: HttpRequest, row: RefundBatch, found: dict[str, int]) -> str:
        if found.get("waiting"):
            return "Refunds are being asked for, one payment at a time. This page can be closed; the work goes on."
        if row.approved_by is None and found.get("pending_approval"):
            if str(row.requested_by) == self.actor(request):
                return "You started this batch, so somebody else of finance approves its refunds."
            return "Somebody of finance who did not start it approves the refunds, all here or one by one in the list."
        return ""


def _state(row: RefundBatch, found: dict[str, int]) -> str:
    if row.due_at is not None:
        return "At work"
    if found.get("pending_approval"):
        return "Waits for approval"
    return "At work" if any(found.get(name) for name in ("approved", "submitting", "pending")) else "Done"


def _said(name: str) -> str:
    return {"waiting": "Still to be asked for", "refused": "Not asked for"}.get(name) or STATUS[name][0]
