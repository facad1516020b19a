"""Payments, campaigns and guests as support and finance see them. Nobody edits money here."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar
from uuid import UUID

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.urls import reverse
from unfold.contrib.filters.admin import RangeDateFilter

from bh_sdk.money import Money
from bh_sdk.server.admin import CasePage, Figure, Guarded, action, display, parts
from bh_sdk.server.ops.sealed import keyed_hashes
from payments_svc.donations import timeline
from payments_svc.donations.models import Campaign, Guest, Payment
from payments_svc.insights.models import CampaignTotal
from payments_svc.ledger import queries as ledger
from payments_svc.payouts import cards as escrow
from payments_svc.payouts import queries as payouts
from payments_svc.refunds import batches, dialogs
from payments_svc.refunds import queries as refunds
from payments_svc.refunds.rules import ENDED_FOR_DONORS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from django.http import HttpRequest, HttpResponse

STATUS = {
    "created": ("Opening", "info"),
    "requires_payment_method": ("Waiting for a card", "info"),
    "requires_action": ("Waiting for the donor's bank", "warning"),
    "processing": ("Processing", "warning"),
    "succeeded": ("Succeeded", "success"),
    "canceled": ("Canceled", ""),
    "unknown": ("Unknown, asking Stripe", "danger"),
}
TONES = {text: tone for text, tone in STATUS.values() if tone}
# Where each state stands on the way of a payment.
_WAY = ("Opened", "Card", "Charge", "Booked")


@admin.register(Payment)
class PaymentAdmin(CasePage):
    thing, desk, desk_order, icon, order = "payment", "Money", 10, "payments", 10

    list_display = ("gift", "campaign_title", "donor", "status_label", "refund_label", "created_at")
    list_filter: ClassVar = ["status", "currency", ("created_at", RangeDateFilter), "anonymous", "dispute_status"]
    list_select_related: ClassVar = ["campaign"]
    search_fields: ClassVar = ["intent_id"]
    search_help_text = "Payment id, Stripe's intent or charge, a donor's mail address or id"
    date_hierarchy = "created_at"
    actions_detail: ClassVar = ["refund"]

    def has_refund_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        """Asking for a refund is a policy about refunds; the button shows where something is left to refund."""
        if not request.user.may("refund", "request"):  # type: ignore[union-attr]
            return False
        if object_id is None:
            return True
        row = self.get_object(request, str(object_id))
        return row is not None and row.status == "succeeded" and refunds.left(row).minor > 0

    @action(
        title="Refund",
        verb="refund",
        question="The donor gets money back on the card they paid with, within some days. Stripe keeps its fee.",
        form=dialogs.AskRefund,
        submit="Ask for the refund",
        icon="undo",
        look="primary",
    )
    def refund(self, request: HttpRequest, form: dialogs.AskRefund, object_id: str) -> HttpResponse:
        command = partial(dialogs.ask, request, form)
        return self.decide(request, object_id, command, done=f"Refund of {form.cleaned_data['amount']} asked for")

    @display(description="Gift", ordering="charged")
    def gift(self, row: Payment) -> str:
        return str(row.money(row.amount))

    @display(description="Campaign", ordering="campaign__title")
    def campaign_title(self, row: Payment) -> str:
        return row.campaign.title

    @display(description="Donor")
    def donor(self, row: Payment) -> str:
        return ("Guest " if row.is_guest else "User ") + str(row.donor_id)[:8]

    @display(description="Status", ordering="status", label=TONES)
    def status_label(self, row: Payment) -> str:
        return STATUS[row.status][0]

    @display(description="Back", label={"Refunded": "warning", "Partly refunded": "warning"})
    def refund_label(self, row: Payment) -> str | None:
        return {"full": "Refunded", "partial": "Partly refunded"}.get(row.refund_status)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Payment], search_term: str
    ) -> tuple[QuerySet[Payment], bool]:
        """Exact finds only: ids of ours and of Stripe's, and a mail address by its keyed hash."""
        term = search_term.strip()
        if not term:
            return queryset, False
        wanted = Q(intent_id=term) | Q(charge_id=term)
        if "@" in term:
            hashes = keyed_hashes(term.lower(), "email")
            wanted |= Q(donor_id__in=Guest.objects.filter(email_hash__in=hashes).values("id"))
        if len(term) == 36:
            wanted |= Q(id__in=_uuid(term)) | Q(donor_id__in=_uuid(term)) | Q(campaign_id__in=_uuid(term))
        return queryset.filter(wanted), False

    def figures(self, request: HttpRequest) -> Iterable[Figure]:
        waiting = Payment.objects.filter(status="unknown").count()
        yield Figure(
            "Outcome unknown",
            str(waiting),
            note="Stripe is being asked" if waiting else "every payment is accounted for",
            href=self.address() + "?status=unknown",
            pressing=waiting > 0,
        )
        uneven = {code: total for code, total in ledger.imbalance().items() if total}
        yield Figure(
            "Ledger",
            "balanced" if not uneven else "NOT BALANCED",
            note="" if not uneven else ", ".join(f"{code} {total}" for code, total in uneven.items()),
            pressing=bool(uneven),
        )

    def found_as(self, obj: Any) -> str:
        return f"{obj.money(obj.amount)} to {obj.campaign.title}"

    def case(self, request: HttpRequest, obj: Any) -> parts.Case:
        text, tone = STATUS[obj.status]
        return parts.Case(
            headline=parts.Headline(
                title=f"Gift to {obj.campaign.title}",
                figure=obj.money(obj.amount).decimal,
                unit=obj.currency,
                below=obj.message or "",
                status=text,
                tone=tone,  # type: ignore[arg-type]
                steps=_steps(obj),
                notice=_notice(obj),
            ),
            wide=[
                parts.Timeline("What happened", timeline.of(obj)),
                *_failed_tries(obj),
                *(
                    parts.MoneyTable(
                        f"Ledger: {journal.kind.replace('_', ' ')}",
                        [
                            parts.Line(e.account.replace("_", " "), e.money.decimal, e.line.replace("_", " "))
                            for e in journal.entries.all()
                        ],
                        total=f"{Money(0, journal.currency)}",
                    )
                    for journal in ledger.journals_of(obj.id)
                ),
            ],
            narrow=[_money(obj), *_refunds(obj), _where(obj, self.may_see_guests(request))],
        )

    def may_see_guests(self, request: HttpRequest) -> bool:
        return bool(request.user.may("guest", "view"))  # type: ignore[union-attr]


def _uuid(term: str) -> list[UUID]:
    try:
        return [UUID(term)]
    except ValueError:
        return []


def _steps(row: Payment) -> list[parts.Step]:
    reached = {"created": 0, "unknown": 0, "requires_payment_method": 1, "requires_action": 1, "processing": 2}
    if row.status == "succeeded":
        return [parts.Step(name, "done") for name in _WAY]
    if row.status == "canceled":
        return [parts.Step("Opened", "done"), parts.Step("Canceled", "failed")]
    now = reached[row.status]
    return [
        parts.Step(name, "done" if place < now else "now" if place == now else "todo")
        for place, name in enumerate(_WAY)
    ]


def _notice(row: Payment) -> str:
    if row.status == "unknown":
        return "Stripe's answer was lost. We ask again every few seconds; nothing has to be done by hand."
    if row.failure_message and row.status != "succeeded":
        return f"The last try failed ({row.failure_code}): {row.failure_message} The donor may try again."
    if row.dispute_status == "open":
        return "The donor's bank disputes this payment."
    return ""


def _failed_tries(row: Payment) -> list[parts.Card]:
    """In Stripe's own words, which the donor never sees."""
    tries = [
        [f"{one.created_at:%d %b %Y, %H:%M:%S}", one.code, one.message, f"…{one.cluster[-8:]}" if one.cluster else ""]
        for one in row.failed_tries.order_by("-created_at")[:20]
    ]
    return [parts.Table("Failed tries, as the bank said it", ["When", "Code", "Words", "Card"], tries)] if tries else []


def _money(row: Payment) -> parts.Facts:
    said = "Stripe's fee" if row.status == "succeeded" else "Stripe's fee (estimate)"
    facts = [
        parts.Fact("Gift", str(row.money(row.amount))),
        parts.Fact("Charged", str(row.charged_money), note="the donor covers the fees" if row.cover_fees else ""),
        parts.Fact(said, f"-{row.money(row.processing_fee)}"),
        parts.Fact("Platform fee", f"-{row.money(row.platform_fee)}"),
        parts.Fact("To the campaign", str(row.money(row.net)), strong=True),
    ]
    if row.refunded:
        facts.append(parts.Fact("Refunded", f"-{row.money(row.refunded)}"))
    return parts.Facts("Money", facts)


def _refunds(row: Payment) -> list[parts.Facts]:
    known = refunds.refunds(payment_id=row.id)[:20]
    if not known:
        return []
    facts = [
        parts.Fact(
            f"{each.created_at:%d %b %Y}",
            str(each.money),
            note=each.status.replace("_", " "),
            href=reverse("admin:payments_refunds_refund_change", args=(each.id,)),
        )
        for each in known
    ]
    return [parts.Facts("Refunds", [*facts, parts.Fact("Left to refund", str(refunds.left(row)), strong=True)])]


def _where(row: Payment, show_guest: bool) -> parts.Facts:
    facts = [
        parts.Fact("Payment", str(row.id), mono=True),
        parts.Fact("Campaign", row.campaign.title, href=_page(row.campaign)),
        parts.Fact("Donor", str(row.donor_id), mono=True, note="guest" if row.is_guest else "user"),
    ]
    if row.is_guest and show_guest:
        guest = Guest.objects.get(id=row.donor_id)
        name = row.guest_name.open() if row.guest_name is not None else guest.name.open()
        facts.append(parts.Fact("Guest", name, note=guest.email.open()))
    if row.recurring_id is not None:
        series = reverse("admin:payments_recurring_recurringgift_change", args=(row.recurring_id,))
        facts.append(parts.Fact("Recurring gift", str(row.recurring_id)[:8], href=series, mono=True))
    facts += [
        parts.Fact("Shown publicly", "anonymous" if row.anonymous else "with the name"),
        parts.Fact("Intent", row.intent_id or "", mono=True),
        parts.Fact("Charge", row.charge_id or "", mono=True),
        parts.Fact("Receipt of Stripe", "open" if row.receipt_url else "", href=row.receipt_url or ""),
    ]
    return parts.Facts("Who and where", facts)


def _page(campaign: Campaign) -> str:
    return reverse("admin:payments_donations_campaign_change", args=(campaign.pk,))


@admin.register(Campaign)
class CampaignAdmin(CasePage):
    thing, desk, desk_order, icon, order = "campaign", "Money", 10, "volunteer_activism", 30

    list_display = ("title", "status_label", "currency", "raised", "ends_at")
    list_filter: ClassVar = ["status", "currency", "category"]
    search_fields: ClassVar = ["title"]
    actions_detail: ClassVar = ["refund_all"]

    def has_refund_all_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        if not request.user.may("refund_batch", "start"):  # type: ignore[union-attr]
            return False
        if object_id is None:
            return True
        row = self.get_object(request, str(object_id))
        return row is not None and row.status in ENDED_FOR_DONORS

    @action(
        title="Give every gift back",
        verb="refund_all",
        question="A refund is asked for of whatever is left of each gift to this campaign. Somebody else of finance"
        " approves them before any money leaves.",
        form=dialogs.Agree,
        submit="Ask for all refunds",
        icon="assignment_return",
        look="danger",
    )
    def refund_all(self, request: HttpRequest, form: dialogs.Agree, object_id: str) -> HttpResponse:
        command = partial(
            batches.start, campaign_id=UUID(object_id), by=UUID(self.actor(request)), notes=form.cleaned_data["notes"]
        )
        return self.decide(request, object_id, command, done="Every gift is being given back; see Refund batches")

    @display(description="Status", ordering="status", label={"FUNDING": "success", "FUNDED": "success"})
    def status_label(self, row: Campaign) -> str:
        return row.status

    @display(description="Raised")
    def raised(self, row: Campaign) -> str:
        total = CampaignTotal.objects.filter(campaign_id=row.id).first()
        return str(Money(total.raised if total else 0, row.currency))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Campaign], search_term: str
    ) -> tuple[QuerySet[Campaign], bool]:
        if found := _uuid(search_term.strip()):
            return queryset.filter(Q(id__in=found) | Q(owner_id__in=found)), False
        found_rows: tuple[QuerySet[Campaign], bool] = super().get_search_results(request, queryset, search_term)
        return found_rows

    def case(self, request: HttpRequest, obj: Any) -> parts.Case:
        total = CampaignTotal.objects.filter(campaign_id=obj.id).first() or CampaignTotal(currency=obj.currency)
        latest = Payment.objects.filter(campaign=obj).order_by("-created_at")[:15]
        terms = obj.terms
        return parts.Case(
            headline=parts.Headline(
                title=obj.title,
                figure=Money(total.raised, obj.currency).decimal,
                unit=f"{obj.currency} raised",
                below=f"of {Money(obj.goal, obj.currency)}",
                status=obj.status,
                tone="success" if obj.status in ("FUNDING", "FUNDED") else "",
            ),
            wide=[
                parts.Table(
                    "Latest payments",
                    ["When", "Gift", "Status"],
                    [[f"{p.created_at:%d %b %Y, %H:%M}", str(p.money(p.amount)), STATUS[p.status][0]] for p in latest],
                    numeric=frozenset({1}),
                )
            ],
            narrow=[
                parts.Facts(
                    "Money",
                    [
                        ("Gifts", str(total.gifts)),
                        ("Donors", str(total.donors)),
                        ("Refunded", str(Money(total.refunded, obj.currency))),
                    ],
                ),
                *escrow.holds(payouts.holds_on(obj.id, obj.owner_id)),
                *escrow.escrow(obj.id),
                escrow.latest(obj.id),
                parts.Facts(
                    "Terms",
                    [
                        ("Gifts from", str(terms.least)),
                        ("Gifts up to", str(terms.most)),
                        ("Ends", f"{obj.ends_at:%d %b %Y}" if obj.ends_at else "open"),
                        parts.Fact("Campaign", str(obj.id), mono=True),
                        parts.Fact("Owner", str(obj.owner_id), mono=True),
                    ],
                ),
            ],
        )


@admin.register(Guest)
class GuestAdmin(Guarded):
    thing, desk, desk_order, icon, order = "guest", "People", 40, "person", 10

    list_display = ("who", "id", "created_at")
    fields: ClassVar = ["id", "who", "mail", "created_at"]
    readonly_fields: ClassVar = ["id", "who", "mail", "created_at"]
    search_fields: ClassVar = ["id"]
    search_help_text = "A mail address, or the guest's id"

    @display(description="Name")
    def who(self, row: Guest) -> str:
        return str(row.name.open())

    @display(description="Mail address")
    def mail(self, row: Guest) -> str:
        return str(row.email.open())

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Guest], search_term: str
    ) -> tuple[QuerySet[Guest], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        return queryset.filter(Q(email_hash__in=keyed_hashes(term.lower(), "email")) | Q(id__in=_uuid(term))), False
