"""What a fact adds to the read models. Pure: no database, clock or network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from bh_sdk.events import DisputeClosed, DonationCreated, DonationSucceeded, Fact, RefundFailed, RefundSucceeded
from bh_sdk.money import Money

# How a method that nobody told is called outside; it is empty inside.
UNKNOWN_METHOD = "unknown"


@dataclass(frozen=True, slots=True)
class Change:
    """What one fact changes. `amount`, `refunded` and `disputed` are added to the payment's; `daily` to its day's figures."""

    payment_id: UUID
    campaign_id: UUID
    currency: str
    day: date
    donor_id: UUID | None = None
    method: str = ""
    opened: bool = False
    arrived: bool = False
    amount: int = 0
    refunded: int = 0
    disputed: int = 0
    daily: Mapping[str, int] = field(default_factory=dict)


def change_of(fact: Fact, *, day: date) -> Change | None:
    """What the fact changes, or None for one that the read models do not count.

    A charge by schedule is no try of a donor, and says nothing of conversion.
    """
    match fact:
        case DonationCreated() if not fact.off_session:
            return Change(
                fact.payment_id, fact.campaign_id, fact.currency, day, fact.donor_id, opened=True, daily={"opened": 1}
            )
        case DonationSucceeded():
            return _arrival(fact, day)
        case RefundSucceeded():
            back = _minor(fact.amount, fact.currency)
            return _back(fact, day, refunded=back, daily={"refunds": 1, "refunded": back})
        case RefundFailed() if fact.reversed:
            again = _minor(fact.amount, fact.currency)
            return _back(fact, day, refunded=-again, daily={"reversals": 1, "reversed": again})
        case DisputeClosed() if fact.outcome == "lost":
            lost = _minor(fact.amount, fact.currency)
            return _back(fact, day, disputed=lost, daily={"disputes_lost": 1, "disputed": lost})
    return None


def _arrival(fact: DonationSucceeded, day: date) -> Change:
    gift, charged, net = (_minor(text, fact.currency) for text in (fact.amount, fact.charged, fact.net))
    processing, platform = _known(fact.processing_fee, fact.currency), _known(fact.platform_fee, fact.currency)
    recurring = fact.recurring_id is not None
    return Change(
        fact.payment_id,
        fact.campaign_id,
        fact.currency,
        day,
        fact.donor_id,
        method=(fact.method or "")[:40],
        arrived=True,
        amount=gift,
        daily={
            "gifts": 1,
            "gross": gift,
            "covered": charged - gift,
            "net": net,
            "processing_fees": processing,
            "platform_fees": platform,
            "undivided_fees": charged - net - processing - platform,
            "recurring_gifts": int(recurring),
            "recurring_gross": gift if recurring else 0,
        },
    )


def _back(
    fact: RefundSucceeded | RefundFailed | DisputeClosed,
    day: date,
    *,
    daily: Mapping[str, int],
    refunded: int = 0,
    disputed: int = 0,
) -> Change:
    return Change(
        fact.payment_id,
        fact.campaign_id,
        fact.currency,
        day,
        fact.donor_id,
        refunded=refunded,
        disputed=disputed,
        daily=daily,
    )


def _minor(amount: str, currency: str) -> int:
    """Facts may say a negative amount (a gift that its fees ate up); donors may not."""
    sign = -1 if amount.startswith("-") else 1
    return sign * Money.parse(amount.removeprefix("-"), currency).minor


def _known(amount: str | None, currency: str) -> int:
    return 0 if amount is None else _minor(amount, currency)
