"""The calendar of recurring gifts and the ladder of tries. Pure; all times are UTC.

Periods lie on a grid: number 0 is the day of the first gift, number n the day n intervals after it, at the same time of
day. The anchor is kept: a gift begun on the 31st comes on the last day of a short month and on the 31st again after it.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Literal
from uuid import UUID

from bh_sdk.errors import AmountOutOfBounds
from bh_sdk.money import Money, currency
from payments_svc.donations.rules import Terms, accept

Interval = Literal["weekly", "monthly", "quarterly", "yearly"]
_MONTHS: dict[Interval, int] = {"monthly": 1, "quarterly": 3, "yearly": 12}

# Between the first failed try of a period and each of the others.
RETRY_AFTER = (timedelta(days=1), timedelta(days=3), timedelta(days=7))
LEAST_BETWEEN_TRIES = timedelta(hours=12)
# The donor hears this long before a charge that the card will not live to see.
WARN_BEFORE = timedelta(days=30)
MOST_SKIPPED = 12
# The least that is worth a charge every time, by the number of a currency's decimals: 5.00, 500, 5.000.
_LEAST = {0: 500, 2: 500, 3: 5000}

# From each state to every state a series may move to.
MOVES: dict[str, frozenset[str]] = {
    "starting": frozenset({"active", "ended"}),
    "active": frozenset({"paused", "ended"}),
    "paused": frozenset({"active", "ended"}),
    "ended": frozenset(),
}
# A period is open until one of the others is true. `dropped`: the series was paused or ended before it was paid,
# or risk would not have it charged. What was
# under way when we gave it up may still arrive: then it was paid.
PERIOD_MOVES: dict[str, frozenset[str]] = {
    "open": frozenset({"paid", "failed", "dropped"}),
    "failed": frozenset({"paid"}),
    "dropped": frozenset({"paid"}),
    "paid": frozenset(),
    "skipped": frozenset(),
}
# After these the bank forbids another try with the same card (docs.stripe.com/declines/codes), or nothing but the donor's
# own hand helps: no call is made until there is another card, and the notices go on.
NEVER_AGAIN = frozenset(
    {
        "authentication_required", "expired_card", "fraudulent", "incorrect_number", "invalid_account", "lost_card",
        "new_account_information_available", "pickup_card", "resource_missing", "restricted_card",
        "revocation_of_all_authorizations", "revocation_of_authorization", "security_violation", "stolen_card",
        "stop_payment_order",
    }
)  # fmt: skip

# Why a period was given up without a charge, as staff read it; the donor is told of no rule.
HELD = {"blocked": "held:block_list", "gift_amount": "held:gift_bound", "day_amount": "held:day_bound"}


def digest(recurring_id: UUID, number: int) -> str:
    """The name of a period's payment, known before there is one: whoever opens it opens the same."""
    return sha256(f"recurring:{recurring_id}:{number}".encode()).hexdigest()


def slot(anchor: datetime, interval: Interval, number: int) -> datetime:
    """When period `number` is due."""
    if interval == "weekly":
        return anchor + timedelta(weeks=number)
    months = anchor.year * 12 + anchor.month - 1 + _MONTHS[interval] * number
    year, month = divmod(months, 12)
    return anchor.replace(year=year, month=month + 1, day=min(anchor.day, monthrange(year, month + 1)[1]))


def next_after(anchor: datetime, interval: Interval, at: datetime) -> int:
    """The number of the first period that is due later than `at`."""
    if at < anchor:
        return 0
    if interval == "weekly":
        return (at - anchor) // timedelta(weeks=1) + 1
    months = (at.year - anchor.year) * 12 + at.month - anchor.month
    # The grid's day of that month may still be to come.
    number = months // _MONTHS[interval]
    return number + 1 if slot(anchor, interval, number) <= at else number


def latest_due(anchor: datetime, interval: Interval, at: datetime) -> int:
    """The number of the period that is due now. Older ones that nobody charged are over: nobody pays twice at once."""
    return next_after(anchor, interval, at) - 1


def next_try(first_failed_at: datetime, tries: int, *, at: datetime) -> datetime | None:
    """When to try again after `tries` tries that failed; None after the last. After an outage too tries keep a distance."""
    if tries > len(RETRY_AFTER):
        return None
    return max(first_failed_at + RETRY_AFTER[tries - 1], at + LEAST_BETWEEN_TRIES)


def least(code: str) -> Money:
    return Money(_LEAST[currency(code).exponent], code)


def accept_amount(gift: Money, terms: Terms, *, at: datetime) -> None:
    """Raise the refusal a donor can act on, or nothing: what holds for every gift, and the minimum of recurring ones."""
    accept(gift, terms, at=at)
    if gift < least(gift.code):
        bounds = {"minimum": max(least(gift.code), terms.least).decimal, "maximum": terms.most.decimal}
        raise AmountOutOfBounds(f"A recurring gift is {least(gift.code)} or more", **bounds)


def card_ends(exp_year: int, exp_month: int) -> tuple[int, int]:
    """The first month in which the card no longer works, as (year, month)."""
    return (exp_year + 1, 1) if exp_month == 12 else (exp_year, exp_month + 1)


def expires_before(charge_at: datetime, *, exp_year: int | None, exp_month: int | None) -> bool:
    """Whether a card that is good through its month of expiry is over when the charge comes."""
    if exp_year is None or exp_month is None:
        return False
    return (charge_at.year, charge_at.month) >= card_ends(exp_year, exp_month)


def warn_at(charge_at: datetime, *, exp_year: int | None, exp_month: int | None) -> datetime | None:
    """When to tell the donor that the card will be over by the charge; None when it will not."""
    return charge_at - WARN_BEFORE if expires_before(charge_at, exp_year=exp_year, exp_month=exp_month) else None
