"""Recurring gifts as support and finance see them. They end one for a donor who asks; nobody changes what a donor gives."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from functools import partial
from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from unfold.contrib.filters.admin import RangeDateFilter

from bh_sdk.money import Money
from bh_sdk.server.admin import CasePage, Dialog, Figure, action, display, parts
from bh_sdk.server.events.models import RecordedEvent
from bh_sdk.server.ops import clock
from payments_svc.donations import declines
from payments_svc.recurring import commands, queries, rules
from payments_svc.recurring.models import Period, RecurringGift

STATUS: dict[str, tuple[str, parts.Tone]] = {
    "starting": ("Waiting for the first gift", "info"),
    "active": ("Active", "success"),
    "paused": ("Paused by the donor", "warning"),
    "ended": ("Ended", ""),
}
_TONES: dict[str, str] = {"Card failed": "danger", **{text: tone for text, tone in STATUS.values() if tone}}
_ENDED = {
    "canceled": "Canceled",
    "charges_failed": "Every try to charge the card failed",
    "campaign_ended": "The campaign takes no gifts any more",
    "never_started": "The first gift never arrived",
}
_PERIOD = {
    "open": "Being charged",
    "paid": "Paid",
    "failed": "Not paid: every try failed",
    "skipped": "Skipped by the donor",
    "dropped": "Given up: paused or ended",
}
_HELD = {
    rules.HELD["blocked"]: "Not charged: the donor or the card is on the block list",
    rules.HELD["gift_amount"]: "Not charged: above the bound of a gift",
    rules.HELD["day_amount"]: "Not charged: above the bound of a day",
}
_FACTS = {
    "payments.recurring.started.v1": "Started",
    "payments.recurring.changed.v1": "Changed",
    "payments.recurring.charge_failed.v1": "A charge failed",
    "payments.recurring.card_expiring.v1": "Told the donor that the card ends",
    "payments.recurring.ended.v1": "Ended",
}
_EXPIRING_WITHIN = timedelta(days=30)


class CardFailed(admin.SimpleListFilter):
    """Series whose present period could not be charged yet."""

    title = "card"
    parameter_name = "card"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("failed", "Failed, tried again")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[RecurringGift]) -> QuerySet[RecurringGift]:
        return queryset.filter(queries.failing()) if self.value() == "failed" else queryset


class EndForDonor(Dialog):
    """Why it is ended by somebody else than the donor."""

    note = forms.CharField(
        label="Note",
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Why, and how the donor asked for it. Kept with the gift.",
    )


@admin.register(RecurringGift)
class RecurringAdmin(CasePage):
    """`recurring` in the policies: `view` to look, `cancel_any` to end one for its donor."""

    thing, desk, desk_order, icon, order = "recurring", "Money", 10, "event_repeat", 20

    list_display = ("gift", "campaign_title", "donor", "status_label", "next_charge", "created_at")
    list_filter: ClassVar = ["status", CardFailed, "interval", "currency", "ended_why", ("created_at", RangeDateFilter)]
    list_select_related: ClassVar = ["campaign"]
    search_fields: ClassVar = ["donor_id"]
    search_help_text = "Id of a recurring gift, a donor, a campaign or one of its payments"
    actions_detail: ClassVar = ["end_for_donor"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[RecurringGift]:
        found: QuerySet[RecurringGift] = super().get_queryset(request).annotate(failing=queries.failing())
        return found

    @display(description="Gift", ordering="amount")
    def gift(self, row: RecurringGift) -> str:
        return str(row)

    @display(description="Campaign", ordering="campaign__title")
    def campaign_title(self, row: RecurringGift) -> str:
        return row.campaign.title

    @display(description="Donor")
    def donor(self, row: RecurringGift) -> str:
        return f"User {str(row.donor_id)[:8]}"

    @display(description="Status", ordering="status", label=_TONES)
    def status_label(self, row: Any) -> str:
        return "Card failed" if row.failing else STATUS[row.status][0]

    @display(description="Next charge", ordering="next_at")
    def next_charge(self, row: RecurringGift) -> str:
        return f"{row.next_at:%d %b %Y}" if row.next_at else "none"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[RecurringGift], search_term: str
    ) -> tuple[QuerySet[RecurringGift], bool]:
        try:
            wanted = UUID(search_term.strip())
        except ValueError:
            return (queryset.none() if search_term.strip() else queryset), False
        series = Period.objects.filter(payment_id=wanted).values("recurring")
        by_id = Q(id=wanted) | Q(donor_id=wanted) | Q(campaign_id=wanted) | Q(id__in=series)
        return queryset.filter(by_id), False

    def found_as(self, obj: Any) -> str:
        return f"{obj} to {obj.campaign.title}"

    def figures(self, request: HttpRequest) -> Iterable[Figure]:
        counts = queries.counts(expiring_by=clock.now() + _EXPIRING_WITHIN)
        yield Figure(
            "Recurring gifts", str(counts.active), note="active", href=f"{self.address()}?status__exact=active"
        )
        yield Figure(
            "Cards that failed",
            str(counts.failing),
            note="tried again, the donors are told" if counts.failing else "no recurring gift waits for its money",
            href=f"{self.address()}?card=failed",
        )
        yield Figure("Cards that end soon", str(counts.expiring), note="before a charge of the next 30 days")

    def case(self, request: HttpRequest, obj: Any) -> parts.Case:
        text, tone = STATUS[obj.status]
        waiting = queries.in_trouble([obj]).get(obj.id)
        return parts.Case(
            headline=parts.Headline(
                title=f"Recurring gift to {obj.campaign.title}",
                figure=obj.money.decimal,
                unit=f"{obj.currency} {obj.interval}",
                below=_next(obj),
                status="Card failed" if waiting else text,
                tone="danger" if waiting else tone,
                notice=_notice(obj, waiting),
            ),
            wide=[_periods(obj), parts.Timeline("What happened", _moments(obj))],
            narrow=[_terms(obj), _card(obj), _payments(obj), _where(obj)],
        )

    @action(
        title="End for the donor",
        verb="cancel_any",
        question="No further period is charged, for good. What was given stays given; a refund is a case of its own.",
        form=EndForDonor,
        submit="End it",
        icon="event_busy",
        look="danger",
    )
    def end_for_donor(self, request: HttpRequest, form: EndForDonor, object_id: str) -> HttpResponse:
        command = partial(
            commands.cancel_for_donor,
            recurring_id=UUID(object_id),
            by=UUID(self.actor(request)),
            note=form.cleaned_data["note"],
        )
        return self.decide(request, object_id, command, done="Recurring gift ended for the donor")


def _next(gift: RecurringGift) -> str:
    if gift.next_at is not None:
        return f"next charge {gift.next_at:%d %b %Y}"
    return _ENDED[str(gift.ended_why)] if gift.status == "ended" else "no charge is planned"


def _notice(gift: RecurringGift, waiting: Period | None) -> str:
    if waiting is None:
        return str(gift.ended_note or "")
    again = f"We try again on {waiting.next_try_at:%d %b %Y}." if waiting.next_try_at else "A try is under way."
    return f"{declines.words(waiting.reason or '')} {again} The donor was told and can change the card or pay by hand."


def _periods(gift: RecurringGift) -> parts.Table:
    rows = [
        [
            str(period.number + 1),
            f"{period.due_at:%d %b %Y}",
            str(Money(period.amount, gift.currency)),
            _state(period),
            _tries(period),
            str(period.payment_id or ""),
        ]
        for period in gift.periods.all()[:60]
    ]
    headers = ["Period", "Due", "Gift", "State", "Tries", "Payment"]
    return parts.Table("Periods", headers, rows, numeric=frozenset({2}), empty="Nothing was charged yet.")


def _state(period: Period) -> str:
    if period.next_try_at:
        return "Waiting for the next try"
    if period.state == "dropped" and period.reason in _HELD:
        return _HELD[period.reason]
    return _PERIOD[period.state]


def _tries(period: Period) -> str:
    if period.number == 0:
        return "by the donor"
    if period.tries == 0:
        return ""
    last = f", last: {period.reason}" if period.reason else ""
    return f"{period.tries}{last}"


def _moments(gift: RecurringGift) -> list[parts.Moment]:
    found = RecordedEvent.objects.filter(aggregatetype="recurring", aggregateid=gift.id).order_by("-created_at")
    moments = [
        parts.Moment(
            _FACTS.get(event.type, event.type), event.created_at, who=_who(gift, event), note=_note(event.payload)
        )
        for event in found[:100]
    ]
    if gift.next_at is not None:
        moments.insert(0, parts.Moment("Next charge", gift.next_at, due=True))
    return moments


def _who(gift: RecurringGift, event: RecordedEvent) -> str:
    if event.actor in (None, "", "system"):
        return ""
    return "the donor" if event.actor == str(gift.donor_id) else f"staff {event.actor[:8]}"


def _note(payload: dict[str, Any]) -> str:
    if "tries" in payload:
        again = payload["next_try_at"]
        return f"try {payload['tries']}: {payload['reason']}, " + (
            f"again on {again[:10]}" if again else "the last one"
        )
    return str(payload.get("change") or payload.get("why") or payload.get("expires") or "").replace("_", " ")


def _terms(gift: RecurringGift) -> parts.Facts:
    return parts.Facts(
        "What was agreed",
        [
            parts.Fact("Each period", str(gift.money), strong=True),
            ("Fees", "the donor covers them" if gift.cover_fees else "come out of the gift"),
            ("Interval", gift.interval),
            ("Began", f"{gift.anchor_at:%d %b %Y}" if gift.anchor_at else "not yet"),
            ("Shown publicly", "anonymous" if gift.anonymous else "with the name"),
        ],
    )


def _card(gift: RecurringGift) -> parts.Facts:
    if gift.method_id is None:
        return parts.Facts("Card", [("Card", "none is kept yet")])
    facts: list[parts.Fact | tuple[str, str]] = [
        ("Card", f"{(gift.brand or gift.method_kind or '').capitalize()} ending in {gift.last4}"),
        parts.Fact("At Stripe", gift.method_id, mono=True),
    ]
    if gift.exp_year is not None:
        told = "the donor was told" if gift.warned_of == gift.card else ""
        facts.insert(1, parts.Fact("Works until", f"{gift.exp_month:02}/{gift.exp_year}", note=told))
    return parts.Facts("Card", facts)


def _payments(gift: RecurringGift) -> parts.Facts:
    """The latest, each a click away."""
    rows = [
        parts.Fact(
            f"{period.due_at:%d %b %Y}",
            str(Money(period.amount, gift.currency)),
            note=_state(period),
            href=reverse("admin:payments_donations_payment_change", args=(period.payment_id,)),
        )
        for period in gift.periods.filter(payment_id__isnull=False)[:12]
    ]
    return parts.Facts("Payments", rows)


def _where(gift: RecurringGift) -> parts.Facts:
    payments = reverse("admin:payments_donations_payment_changelist")
    return parts.Facts(
        "Who and where",
        [
            parts.Fact("Recurring gift", str(gift.id), mono=True),
            parts.Fact("Donor", str(gift.donor_id), mono=True),
            parts.Fact("Campaign", gift.campaign.title, href=_campaign(gift)),
            parts.Fact("All payments of this donor", "open", href=f"{payments}?q={gift.donor_id}"),
        ],
    )


def _campaign(gift: RecurringGift) -> str:
    return reverse("admin:payments_donations_campaign_change", args=(gift.campaign_id,))
