"""Reading the ledger."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Case, Count, F, Q, QuerySet, Sum, Value, When
from django.db.models.functions import Coalesce

from payments_svc.ledger.models import Entry, Journal
from payments_svc.ledger.rules import ACCOUNTS


@dataclass(frozen=True, slots=True)
class Balance:
    """What an account holds in one currency, in minor units: debits less credits."""

    account: str
    currency: str
    debits: int
    credits: int
    lines: int

    @property
    def amount(self) -> int:
        return self.debits - self.credits


def balances() -> list[Balance]:
    """The trial balance: every account that was ever used, by currency and in the order of the chart of accounts."""
    positive = Sum(Case(When(amount__gt=0, then=F("amount")), default=Value(0)))
    rows = Entry.objects.values("account", "journal__currency").annotate(
        debits=positive, total=Sum("amount"), lines=Count("id")
    )
    found = [
        Balance(
            account=row["account"],
            currency=row["journal__currency"],
            debits=int(row["debits"]),
            credits=int(row["debits"] - row["total"]),
            lines=row["lines"],
        )
        for row in rows.order_by()
    ]
    place: dict[str, int] = {account: number for number, account in enumerate(ACCOUNTS)}
    return sorted(found, key=lambda row: (row.currency, place.get(row.account, len(place)), row.account))


def balance(account: str, currency: str) -> int:
    """What one account holds in one currency, in minor units."""
    found = Entry.objects.filter(account=account, journal__currency=currency).aggregate(total=Sum("amount"))
    return int(found["total"] or 0)


@dataclass(frozen=True, slots=True)
class AtStripe:
    """What one journal moved on our balance at Stripe: the sum, and Stripe's fee taken from it, in minor units."""

    journal_id: UUID
    key: str
    kind: str
    currency: str
    amount: int
    fee: int
    at: datetime
    payment_id: UUID | None


# Lines of `stripe_balance` that are Stripe's fee and not the amount it moved.
_FEES = ("processing_fee", "dispute_fee")


def at_stripe(
    *, keys: Collection[str] | None = None, since: datetime | None = None, until: datetime | None = None
) -> list[AtStripe]:
    """The journals that moved our balance at Stripe: those of some keys, or those of a time. The key is the object at
    Stripe that a journal books, else the journal's own reference."""
    entries = Entry.objects.filter(account="stripe_balance")
    if keys is not None:
        wanted = list(keys)
        entries = entries.filter(
            Q(journal__source__in=wanted) | Q(journal__source__isnull=True, journal__reference__in=wanted)
        )
    if since is not None:
        entries = entries.filter(journal__created_at__gte=since)
    if until is not None:
        entries = entries.filter(journal__created_at__lt=until)
    fee = Q(line__in=_FEES)
    rows = entries.values(
        "journal_id",
        key=Coalesce("journal__source", "journal__reference"),
        kind=F("journal__kind"),
        currency=F("journal__currency"),
        at=F("journal__created_at"),
        payment_id=F("journal__payment_id"),
    ).annotate(moved=Coalesce(Sum("amount", filter=~fee), 0), taken=Coalesce(Sum("amount", filter=fee), 0))
    return [
        AtStripe(
            journal_id=row["journal_id"],
            key=row["key"],
            kind=row["kind"],
            currency=row["currency"],
            amount=int(row["moved"]),
            fee=-int(row["taken"]),
            at=row["at"],
            payment_id=row["payment_id"],
        )
        for row in rows.order_by()
    ]


def journals_of(payment_id: UUID) -> QuerySet[Journal]:
    """The journals of one payment with their lines, oldest first."""
    return Journal.objects.filter(payment_id=payment_id).order_by("created_at", "id").prefetch_related("entries")


def audit_words(journal: Journal) -> str:
    """From where and why a journal was posted, in one line."""
    where = ", ".join(part for part in (journal.door, journal.address) if part)
    return ": ".join(part for part in (where, journal.reason) if part)


def imbalance() -> dict[str, int]:
    """What every currency sums to over the whole ledger, in minor units: anything but 0 is an alarm."""
    rows = Entry.objects.values("journal__currency").annotate(total=Sum("amount")).order_by("journal__currency")
    return {row["journal__currency"]: row["total"] for row in rows}


def owed_to(campaign_id: UUID) -> dict[str, int]:
    """What is owed to a campaign, in minor units by currency."""
    rows = (
        Entry.objects.filter(account="campaign_payable", journal__campaign_id=campaign_id)
        .values("journal__currency")
        .annotate(total=Sum("amount"))
    )
    return {row["journal__currency"]: -row["total"] for row in rows}


def lines_of(campaign_id: UUID) -> dict[str, dict[tuple[str, str], int]]:
    """Everything booked for a campaign: by currency, what each (account, line) sums to, debits positive."""
    rows = (
        Entry.objects.filter(journal__campaign_id=campaign_id)
        .values("journal__currency", "account", "line")
        .annotate(total=Sum("amount"))
        .order_by("journal__currency", "account", "line")
    )
    found: dict[str, dict[tuple[str, str], int]] = {}
    for row in rows:
        found.setdefault(row["journal__currency"], {})[row["account"], row["line"]] = row["total"]
    return found


def first_gift_at(campaign_id: UUID) -> datetime | None:
    """When the first gift of a campaign was booked."""
    found = Journal.objects.filter(campaign_id=campaign_id, kind="donation").order_by("created_at")
    return found.values_list("created_at", flat=True).first()


def journals_under(prefix: str) -> QuerySet[Journal]:
    """The journals whose reference begins so (`payout:<id>:`), oldest first, with their lines."""
    found = Journal.objects.filter(reference__startswith=prefix)
    return found.order_by("created_at", "id").prefetch_related("entries")
