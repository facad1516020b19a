"""The ledger, to read: the trial balance, and every journal with who posted it, from where and why."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin
from django.db.models import Exists, OuterRef
from django.urls import NoReverseMatch, reverse
from unfold.contrib.filters.admin import RangeDateFilter

from bh_sdk.money import Money
from bh_sdk.server.admin import BoardPage, CasePage, display, parts
from bh_sdk.server.events.models import RecordedEvent
from payments_svc.ledger import queries
from payments_svc.ledger.models import Entry, Journal
from payments_svc.ledger.rules import ACCOUNTS

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin
    from django.db.models import QuerySet
    from django.http import HttpRequest

DOORS = {
    "api": "The API",
    "admin": "The admin",
    "staff": "A staff report",
    "webhook": "An event of Stripe",
    "task": "A sweep of ours",
    "consumer": "A fact we heard",
    "command": "A command at a prompt",
}


class OfAccount(admin.SimpleListFilter):
    """Journals that touch an account."""

    title, parameter_name = "account", "account"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, str]]:
        return [(name, name.replace("_", " ")) for name in ACCOUNTS]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Journal]) -> QuerySet[Journal]:
        account = self.value()
        if account not in ACCOUNTS:
            return queryset
        return queryset.filter(Exists(Entry.objects.filter(journal=OuterRef("pk"), account=account)))


@admin.register(Journal)
class JournalAdmin(CasePage):
    thing, desk, desk_order, icon, order = "journal", "Money", 10, "account_balance", 20

    list_display = ("kind_shown", "moved", "reference", "door_shown", "created_at")
    list_filter: ClassVar = [OfAccount, "kind", "currency", "door", ("created_at", RangeDateFilter)]
    linked_by = ("payment_id", "campaign_id", "source")
    search_fields: ClassVar = ["=reference", "=source"]
    search_help_text = "Reference, such as payment:<id>:succeeded, or Stripe's object"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Journal]:
        rows: QuerySet[Journal] = super().get_queryset(request)
        return rows.prefetch_related("entries")

    @display(description="Kind", ordering="kind")
    def kind_shown(self, row: Journal) -> str:
        return row.kind.replace("_", " ")

    @display(description="Moved")
    def moved(self, row: Journal) -> str:
        return str(Money(sum(entry.amount for entry in row.entries.all() if entry.amount > 0), row.currency))

    @display(description="Through", ordering="door")
    def door_shown(self, row: Journal) -> str:
        return DOORS.get(row.door or "", "not kept")

    def case(self, request: HttpRequest, obj: Any) -> parts.Case:
        lines = [
            parts.Line(entry.account.replace("_", " "), entry.money.decimal, entry.line.replace("_", " "))
            for entry in obj.entries.all()
        ]
        return parts.Case(
            headline=parts.Headline(title=self.kind_shown(obj), figure=self.moved(obj), below=obj.reference),
            wide=[
                parts.MoneyTable("Lines: positive debits, negative credits", lines, total=str(Money(0, obj.currency))),
                parts.Timeline("Journals of the same payment", self._siblings(obj), empty="It belongs to no payment."),
            ],
            narrow=[_audit(obj), _belongs(obj)],
        )

    def _siblings(self, row: Journal) -> list[parts.Moment]:
        if row.payment_id is None:
            return []
        return [
            parts.Moment(
                self.kind_shown(each),
                each.created_at,
                who=each.actor or "",
                note=queries.audit_words(each),
                href="" if each.pk == row.pk else self.address(each),
            )
            for each in queries.journals_of(row.payment_id).reverse()
        ]


def _audit(row: Journal) -> parts.Facts:
    fact = RecordedEvent.objects.filter(aggregatetype="journal", aggregateid=row.id).first()
    return parts.Facts(
        "Who, from where and why",
        [
            parts.Fact("Who", row.actor or "not kept", mono=True),
            parts.Fact("Through", DOORS.get(row.door or "", "not kept")),
            parts.Fact("From", row.address or "", note="the network, where somebody called" if row.address else ""),
            parts.Fact("Why", row.reason or ""),
            parts.Fact("Request", row.request_id or "", mono=True),
            parts.Fact("Booked", f"{row.created_at:%d %b %Y, %H:%M:%S} UTC"),
            parts.Fact(
                "Sealed by fact",
                str(fact.position) if fact else "NONE",
                href=_link("bh_events_recordedevent", fact.pk) if fact else "",
                note="verify_ledger compares this journal with it",
            ),
        ],
    )


def _belongs(row: Journal) -> parts.Facts:
    payment = _link("payments_donations_payment", row.payment_id) if row.payment_id else ""
    campaign = _link("payments_donations_campaign", row.campaign_id) if row.campaign_id else ""
    return parts.Facts(
        "Where it belongs",
        [
            parts.Fact("Journal", str(row.id), mono=True),
            parts.Fact("Payment", str(row.payment_id or ""), mono=True, href=payment),
            parts.Fact("Campaign", str(row.campaign_id or ""), mono=True, href=campaign),
            parts.Fact("At Stripe", row.source or "", mono=True),
        ],
    )


def _link(page: str, key: object) -> str:
    try:
        return reverse(f"admin:{page}_change", args=(key,))
    except NoReverseMatch:
        return ""


@admin.register(Entry)
class TrialBalance(BoardPage):
    """Every account with what went in and out, currency by currency; the sums are equal or something is wrong."""

    thing, desk, desk_order, icon, order = "journal", "Money", 10, "balance", 21
    plural = "Trial balance"

    def board(self, request: HttpRequest) -> parts.Board:
        found = queries.balances()
        journals = reverse("admin:payments_ledger_journal_changelist")
        used = [name for name in ACCOUNTS if any(row.account == name for row in found)]
        uneven = {code: minor for code, minor in queries.imbalance().items() if minor}
        return parts.Board(
            [("Journals of", [parts.Choice(name.replace("_", " "), f"{journals}?account={name}") for name in used])],
            wide=[_sheet(code, list(rows)) for code, rows in groupby(found, key=lambda row: row.currency)],
            notice=f"The ledger does not balance: {', '.join(str(Money(m, c)) for c, m in uneven.items())}"
            if uneven
            else "",
        )


def _sheet(code: str, rows: list[queries.Balance]) -> parts.Table:
    cells = [
        [
            row.account.replace("_", " "),
            str(row.lines),
            *(_plain(m, code) for m in (row.debits, row.credits, row.amount)),
        ]
        for row in rows
    ]
    debits, credits = sum(row.debits for row in rows), sum(row.credits for row in rows)
    lines = str(sum(row.lines for row in rows))
    cells.append(["Sum", lines, *(_plain(minor, code) for minor in (debits, credits, debits - credits))])
    return parts.Table(
        f"{code}: debits are positive",
        ["Account", "Lines", "Debits", "Credits", "Balance"],
        cells,
        numeric=frozenset({1, 2, 3, 4}),
    )


def _plain(minor: int, code: str) -> str:
    return Money(minor, code).decimal
