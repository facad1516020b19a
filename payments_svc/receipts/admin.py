"""Receipts as support and finance see them: find, open, send again, void, and the run of a year."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpResponse
from django.urls import path, reverse
from unfold.contrib.filters.admin import RangeDateFilter

from bh_sdk.money import Money
from bh_sdk.server.access.models import Staff
from bh_sdk.server.admin import CasePage, Dialog, Figure, Guarded, action, display, parts
from payments_svc.donations import queries as donations
from payments_svc.receipts import annual, commands, content, declarations, files, queries, words
from payments_svc.receipts.dialogs import StartYear, VoidReceipt
from payments_svc.receipts.links import verification_url
from payments_svc.receipts.models import AnnualRun, GiftAidDeclaration, Receipt
from payments_svc.receipts.rules import gift_aid_on, number_of, read_number

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.http import HttpRequest

KINDS = {"standard": "Standard", "us": "US", "ca": "Canada", "uk_gift_aid": "UK Gift Aid"}
_SHOWN = 100


def called(person: str) -> str:
    """A member of staff by name; a donor by the beginning of the id."""
    try:
        staff = Staff.objects.filter(sub=UUID(person)).first()
    except ValueError:
        return person
    return str(staff) if staff is not None else f"donor {person[:8]}"


@admin.register(Receipt)
class ReceiptAdmin(CasePage):
    thing, desk, desk_order, icon, order = "receipt", "Receipts", 20, "receipt_long", 10

    list_display = ("number", "money_shown", "kind_shown", "year", "state_label", "issued_at")
    list_filter: ClassVar = ["kind", "year", "currency", ("issued_at", RangeDateFilter)]
    search_fields: ClassVar = ["number"]
    search_help_text = "A receipt number in either style, a guest's mail address, a payment's or donor's id"
    linked_by = ("donor_id", "run_row")
    actions_detail: ClassVar = ["resend", "void"]

    @display(description="Amount", ordering="amount")
    def money_shown(self, row: Receipt) -> str:
        return str(row.money)

    @display(description="Kind", ordering="kind")
    def kind_shown(self, row: Receipt) -> str:
        return KINDS[row.kind]

    @display(description="State", label={"Holds": "success", "Voided": "danger"})
    def state_label(self, row: Receipt) -> str:
        return "Voided" if row.voided else "Holds"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Receipt], search_term: str
    ) -> tuple[QuerySet[Receipt], bool]:
        """Exact finds only: a number in either style, a mail address by its keyed hash, our own ids."""
        term = search_term.strip()
        if not term:
            return queryset, False
        wanted = Q(number=term)
        if (found := read_number(term.upper())) is not None:
            wanted |= Q(number=number_of(*found))
        if "@" in term:
            wanted |= Q(donor_id__in=donations.guests_by_mail(term))
        try:
            named = UUID(term)
        except ValueError:
            return queryset.filter(wanted), False
        wanted |= Q(id=named) | Q(donor_id=named) | Q(id__in=queries.receipts_with(named))
        return queryset.filter(wanted), False

    def figures(self, request: HttpRequest) -> Iterable[Figure]:
        wrong = queries.no_longer_right().count()
        yield Figure(
            "Receipts to void",
            str(wrong),
            note="a gift on them was given back since" if wrong else "every receipt still holds",
            href=self.address(),
            pressing=wrong > 0,
        )

    def found_as(self, obj: Any) -> str:
        return f"Receipt {obj.number}"

    # -- what staff do -----------------------------------------------------------------------------------------------

    def has_void_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return self.may(request, "void") and self._holds(object_id)

    def has_resend_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return self.may(request, "resend") and self._holds(object_id)

    def _holds(self, object_id: object) -> bool:
        """A button is shown where it can do something; without an object the question is about the verb."""
        return object_id is None or Receipt.objects.filter(pk=str(object_id), voided_at__isnull=True).exists()

    @action(
        title="Send again",
        verb="resend",
        question="The donor gets a mail with the way to this receipt. The receipt itself stays as it is.",
        icon="forward_to_inbox",
    )
    def resend(self, request: HttpRequest, form: Dialog, object_id: str) -> HttpResponse:
        command = partial(commands.resend, receipt_id=UUID(object_id), by=self.actor(request))
        return self.decide(request, object_id, command, done="The mail is on its way")

    @action(
        title="Void",
        verb="void",
        question="The receipt no longer holds, for good: its page says so to everybody with the code, and the number is never "
        "used again. Its gifts can be refunded after that, or stand on another receipt. Ask the donor not to use it.",
        form=VoidReceipt,
        submit="Void the receipt",
        icon="block",
        look="danger",
    )
    def void(self, request: HttpRequest, form: VoidReceipt, object_id: str) -> HttpResponse:
        command = partial(
            commands.void,
            receipt_id=UUID(object_id),
            by=self.actor(request),
            reason=form.cleaned_data["reason"],
        )
        return self.decide(request, object_id, command, done=f"Voided: {form.cleaned_data['reason']}"[:200])

    # -- the paper ---------------------------------------------------------------------------------------------------

    def get_urls(self) -> list[Any]:
        door = self.admin_site.admin_view(self.open_pdf)
        return [path("<uuid:receipt_id>/pdf/", door, name="payments_receipts_pdf"), *super().get_urls()]

    def open_pdf(self, request: HttpRequest, receipt_id: UUID) -> HttpResponse:
        """The receipt as its donor has it. It holds personal data, so who opened it is logged."""
        if not self.may(request, "view"):
            raise PermissionDenied
        receipt = Receipt.objects.filter(id=receipt_id).first()
        if receipt is None:
            raise Http404
        self.log_change(request, receipt, "Opened the PDF")
        answer = HttpResponse(files.pdf_of(receipt), content_type="application/pdf")
        answer["Content-Disposition"] = f'inline; filename="{receipt.number}.pdf"'
        answer["Cache-Control"] = "private, no-store"
        return answer

    # -- the page ----------------------------------------------------------------------------------------------------

    def case(self, request: HttpRequest, obj: Any) -> parts.Case:
        lines = list(obj.lines.select_related("payment__campaign"))
        return parts.Case(
            headline=parts.Headline(
                title=f"{KINDS[obj.kind]} receipt {obj.number}",
                figure=words.readable(obj.money.decimal),
                unit=obj.currency,
                below=f"Gifts of {obj.year}, made out to {obj.donor_name.open()}",
                status=self.state_label(obj),
                tone="danger" if obj.voided else "success",
                notice=_notice(obj),
            ),
            wide=[
                parts.Table(
                    "Gifts on it",
                    ["Received", "Campaign", "Payment", "Amount"],
                    [
                        [
                            f"{line.given_at:%d %b %Y}",
                            line.payment.campaign.title,
                            str(line.payment_id)[:8],
                            line.payment.money(line.amount).decimal,
                        ]
                        for line in lines[:_SHOWN]
                    ],
                    numeric=frozenset({3}),
                ),
                parts.Timeline("What happened", _moments(obj)),
            ],
            narrow=[_paper(obj), _who(obj), _gifts(lines)],
        )


def _notice(row: Receipt) -> str:
    if row.voided:
        return "Voided for good. Its gifts can be refunded, or stand on another receipt."
    if queries.no_longer_right().filter(id=row.id).exists():
        return "A gift on this receipt was given back since it was issued: void it, and tell the donor not to use it."
    return "The gifts on it are not refunded while it holds: finance voids it first."


def _moments(row: Receipt) -> list[parts.Moment]:
    moments = [
        parts.Moment("Sent again" if fact["resent"] else "Issued", fact["at"], who=called(fact["by"]), note=row.number)
        for fact in queries.told_of(row.id)
    ]
    if row.voided_at is not None:
        moments.insert(
            0, parts.Moment("Voided", row.voided_at, who=called(row.voided_by or ""), note=row.void_reason or "")
        )
    return moments


def _paper(row: Receipt) -> parts.Facts:
    try:
        content.check(row)
        sound = "as it was issued"
    except content.ReceiptBroken:
        sound = "TAMPERED WITH"
    facts = [
        parts.Fact("PDF", "open", href=reverse("admin:payments_receipts_pdf", args=(row.pk,))),
        parts.Fact("Verification page", "open", href=verification_url(row)),
        parts.Fact("Row", sound),
        parts.Fact("Issued by", row.content["organisation"]["name"]),
    ]
    if row.kind == "uk_gift_aid":
        facts.insert(0, parts.Fact("Gift Aid on top", str(Money(gift_aid_on(row.amount), row.currency))))
    return parts.Facts("The paper", facts)


def _who(row: Receipt) -> parts.Facts:
    return parts.Facts(
        "Made out to",
        [
            parts.Fact("Name", row.donor_name.open()),
            parts.Fact("Address", ", ".join(words.postal(content.address_of(row))) or "none was needed"),
            parts.Fact("Donor", str(row.donor_id), mono=True, note="guest" if row.is_guest else "user"),
        ],
    )


def _gifts(lines: list[Any]) -> parts.Facts:
    shown = [
        parts.Fact(
            str(line.payment_id)[:8],
            line.payment.campaign.title,
            href=reverse("admin:payments_donations_payment_change", args=(line.payment_id,)),
        )
        for line in lines[:10]
    ]
    return parts.Facts("Payments", shown)


@admin.register(AnnualRun)
class AnnualRunAdmin(CasePage):
    thing, desk, desk_order, icon, order = "annual_run", "Receipts", 20, "event_repeat", 20

    list_display = ("of_year", "state_label", "progress", "started_by_shown", "started_at", "finished_at")
    list_filter: ClassVar = ["year"]
    actions_list: ClassVar = ["start"]
    in_palette = False

    @display(description="Year", ordering="year")
    def of_year(self, row: AnnualRun) -> str:
        return str(row.year)

    @display(description="State", label={"Done": "success", "At work": "info"})
    def state_label(self, row: AnnualRun) -> str:
        return "Done" if row.finished_at else "At work"

    @display(description="Done")
    def progress(self, row: AnnualRun) -> str:
        done = queries.run_progress(row)
        return f"{sum(done.values()) - done['todo']} of {sum(done.values())}"

    @display(description="Started by")
    def started_by_shown(self, row: AnnualRun) -> str:
        return called(row.started_by)

    @action(
        title="Make the receipts of a year",
        verb="start",
        question="Every donor with gifts of that year that stand on no receipt gets one per currency, and a mail that tells so. "
        "Who gave no name and address is left out, with the reason. It can be started again later for whoever is missing; "
        "nobody gets two receipts for one gift.",
        form=StartYear,
        submit="Start",
        icon="play_arrow",
        look="primary",
    )
    def start(self, request: HttpRequest, form: StartYear) -> HttpResponse:
        run, new = annual.start(year=form.cleaned_data["year"], by=self.actor(request))
        if new:
            self.log_change(request, run, f"Started the receipts of {run.year}")
        self.message_user(request, "Started" if new else "It is at work already", messages.SUCCESS)
        return HttpResponse(headers={"HX-Redirect": self.address(run)})

    def found_as(self, obj: Any) -> str:
        return f"Receipts of {obj.year}"

    def case(self, request: HttpRequest, obj: Any) -> parts.Case:
        done = queries.run_progress(obj)
        whole = sum(done.values())
        finished = obj.finished_at is not None
        report = f"{reverse('annual-receipts-list')}?run_id={obj.id}"
        return parts.Case(
            headline=parts.Headline(
                title=f"Receipts of {obj.year}",
                figure=f"{whole - done['todo']:,} of {whole:,}",
                unit="donors and currencies done",
                status=self.state_label(obj),
                tone="success" if finished else "info",
                steps=[
                    parts.Step("Donors listed", "done" if obj.listed_at else "now"),
                    parts.Step("Receipts issued", "done" if finished else "now" if obj.listed_at else "todo"),
                    parts.Step("Finished", "done" if finished else "todo"),
                ],
                notice=""
                if finished
                else "Goes on by itself, also after a restart. Load this page again to see how far.",
            ),
            wide=[
                parts.Bars(
                    "How far",
                    [
                        parts.Bar(name, done[state], max(whole, 1), shown=f"{done[state]:,}")
                        for name, state in (("Issued", "issued"), ("Left out", "skipped"), ("To do", "todo"))
                    ],
                    value_means="of all donors and currencies of the year",
                ),
                parts.Table(
                    "Why some were left out",
                    ["Reason", "How many"],
                    [[reason, f"{count:,}"] for reason, count in queries.reasons(obj)],
                    numeric=frozenset({1}),
                    empty="Nobody was.",
                ),
            ],
            narrow=[
                parts.Facts(
                    "Run",
                    [
                        ("Started by", called(obj.started_by)),
                        ("Started", f"{obj.started_at:%d %b %Y, %H:%M}"),
                        ("Finished", f"{obj.finished_at:%d %b %Y, %H:%M}" if finished else "not yet"),
                        *((f"Receipts in {code}", str(money)) for code, money in queries.run_sums(obj).items()),
                        parts.Fact("Report, row by row", "open", href=report),
                        parts.Fact(
                            "The same as CSV",
                            "download",
                            href=f"{report}&format=csv",
                        ),
                    ],
                )
            ],
        )


@admin.register(GiftAidDeclaration)
class GiftAidAdmin(Guarded):
    thing, desk, desk_order, icon, order = "gift_aid", "Receipts", 20, "volunteer_activism", 30

    list_display = ("who", "donor_id", "state_label", "valid_from", "past_years", "made_at")
    list_filter: ClassVar = [("made_at", RangeDateFilter), "past_years"]
    search_fields: ClassVar = ["donor_id"]
    search_help_text = "A donor's id"
    in_palette = False
    fields: ClassVar = ["who", "home", "donor_id", "statement", "valid_from", "past_years", "made_at", "canceled_at"]
    readonly_fields = fields

    @display(description="Name")
    def who(self, row: GiftAidDeclaration) -> str:
        return str(row.name.open())

    @display(description="Home address")
    def home(self, row: GiftAidDeclaration) -> str:
        return ", ".join(words.postal(declarations.address_in(row)))

    @display(description="State", label={"Holds": "success", "Cancelled": "danger"})
    def state_label(self, row: GiftAidDeclaration) -> str:
        return "Cancelled" if row.canceled_at else "Holds"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[GiftAidDeclaration], search_term: str
    ) -> tuple[QuerySet[GiftAidDeclaration], bool]:
        try:
            return queryset.filter(donor_id=UUID(search_term.strip())), False
        except ValueError:
            return (queryset if not search_term.strip() else queryset.none()), False
