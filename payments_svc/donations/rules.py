"""What may happen to a payment, and when a campaign takes a gift. Pure: no database, clock or network."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from bh_sdk.errors import AmountInvalid, AmountOutOfBounds, CampaignNotAccepting, CurrencyMismatch, Invalid
from bh_sdk.events import PaymentStatus
from bh_sdk.money import Money

# From each state to every state it may move to. The database holds the same table and refuses anything else.
MOVES: dict[PaymentStatus, frozenset[PaymentStatus]] = {
    "created": frozenset(
        {"requires_payment_method", "requires_action", "processing", "succeeded", "canceled", "unknown"}
    ),
    "requires_payment_method": frozenset({"requires_action", "processing", "succeeded", "canceled", "unknown"}),
    "requires_action": frozenset({"requires_payment_method", "processing", "succeeded", "canceled", "unknown"}),
    "processing": frozenset({"requires_payment_method", "requires_action", "succeeded", "canceled", "unknown"}),
    "unknown": frozenset({"requires_payment_method", "requires_action", "processing", "succeeded", "canceled"}),
    "succeeded": frozenset(),
    "canceled": frozenset(),
}
OPEN: frozenset[PaymentStatus] = frozenset(status for status, onward in MOVES.items() if onward)
GIFTS_TAKEN_IN = frozenset({"FUNDING", "FUNDED"})
_ADDRESS = re.compile(
    r"://|www\.|@|[\w-]{2}\.(?:com|org|net|info|biz|io|co|uk|de|ru|xyz|shop|site|top|online|test|example)\b", re.I
)
# An intent that nobody paid for a week is given up, unless the money is under way.
ABANDONED_AFTER = timedelta(days=7)
# One of a recurring gift is tried again for as long, and whoever tries gives it up; this is for the case that nobody did.
ABANDONED_OFF_SESSION_AFTER = timedelta(days=21)
ABANDONABLE = frozenset({"requires_payment_method", "requires_action"})


def may_move(now: PaymentStatus, to: PaymentStatus) -> bool:
    return to in MOVES[now]


@dataclass(frozen=True, slots=True)
class Terms:
    """Under which conditions a campaign takes gifts."""

    status: str
    currency: str
    least: Money
    most: Money
    ends_at: datetime | None


def accept_at_all(terms: Terms, *, at: datetime) -> None:
    """Raise CampaignNotAccepting when the campaign takes no gifts now."""
    if terms.status not in GIFTS_TAKEN_IN:
        raise CampaignNotAccepting(f"The campaign is {terms.status.lower().replace('_', ' ')}", status_now=terms.status)
    if terms.ends_at is not None and at >= terms.ends_at:
        raise CampaignNotAccepting("The campaign has ended", ended_at=terms.ends_at.isoformat())


def accept(gift: Money, terms: Terms, *, at: datetime) -> None:
    """Raise the refusal a donor can act on, or nothing."""
    accept_at_all(terms, at=at)
    if gift.code != terms.currency:
        raise CurrencyMismatch(f"This campaign takes gifts in {terms.currency}", currency=terms.currency)
    if gift.minor % gift.chargeable_step:
        gift.stripe_amount()
        raise AmountInvalid("This amount cannot be charged", currency=gift.code)
    if not terms.least <= gift <= terms.most:
        raise AmountOutOfBounds(
            f"Give between {terms.least} and {terms.most}", minimum=terms.least.decimal, maximum=terms.most.decimal
        )


def accept_charge(charged: Money, *, most: Money) -> None:
    """Raise the refusal when gift and covered fees together are more than can be charged at once."""
    if charged > most:
        raise AmountOutOfBounds(
            f"With the fees {charged} would be charged, and {most} is the most", maximum=most.decimal
        )


def is_presentable(name: str) -> bool:
    """Whether a name may be shown to everybody: one that reads like a web or mail address is an advertisement."""
    return _ADDRESS.search(name) is None


def accept_return_url(url: str, *, origins: Collection[str]) -> None:
    """Raise Invalid unless the page lies on our own site: the bank's page must lead nobody elsewhere."""
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    if f"{parts.scheme}://{parts.netloc}" not in origins:
        raise Invalid(errors=[{"pointer": "#/return_url", "message": "must be a page of the platform's own site"}])


def is_abandoned(*, opened_at: datetime, off_session: bool, at: datetime) -> bool:
    return at - opened_at > (ABANDONED_OFF_SESSION_AFTER if off_session else ABANDONED_AFTER)


def next_look(status: PaymentStatus, *, opened_at: datetime, at: datetime) -> datetime | None:
    """When to ask Stripe again although it told us nothing: soon while an outcome is unknown, ever rarer while a donor may
    still pay, never once the payment is final."""
    if status not in OPEN:
        return None
    if status in ("created", "unknown"):
        return at + timedelta(seconds=5)
    age = at - opened_at
    return at + min(max(age, timedelta(seconds=20)), timedelta(hours=12))
