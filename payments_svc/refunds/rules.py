"""What may happen to a refund, who has to agree, and what it does to the books. Pure.

    requested → pending_approval → approved → submitting → pending → succeeded → failed (the bank sent it back)

Up to `approved` nothing has left: a refund can still be `rejected` (by finance, by what blocks it, by Stripe) or `canceled`
(withdrawn), and its amount is free again. `submitting` is the pivot: Stripe may have heard of it, so only Stripe's word
moves it on, and its amount stays reserved however long that takes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, get_args

from bh_sdk.money import Money, currency

Status = Literal[
    "requested",
    "pending_approval",
    "approved",
    "submitting",
    "pending",
    "succeeded",
    "failed",
    "canceled",
    "rejected",
]
Reason = Literal["duplicate", "fraudulent", "requested_by_customer", "campaign_cancelled", "other"]
Source = Literal["staff", "stripe"]
# What the ledger knows of a refund: nothing, that Stripe owes it to the donor, that it left our balance at Stripe.
Booked = Literal["", "in_flight", "taken"]

REFUND_MOVES: dict[str, frozenset[str]] = {
    "requested": frozenset({"pending_approval", "approved", "rejected", "canceled"}),
    "pending_approval": frozenset({"approved", "rejected", "canceled"}),
    "approved": frozenset({"submitting", "rejected", "canceled"}),
    "submitting": frozenset({"pending", "succeeded", "failed", "canceled", "rejected"}),
    "pending": frozenset({"succeeded", "failed", "canceled"}),
    # A refund that succeeded may still fail when the donor's bank sends it back.
    "succeeded": frozenset({"failed"}),
    "failed": frozenset(),
    "canceled": frozenset(),
    "rejected": frozenset(),
}
# Before the pivot: nobody but us knows of it.
UNSENT: frozenset[str] = frozenset({"requested", "pending_approval", "approved"})
# On its way: the amount is spoken for, and nobody has it yet.
RESERVING: frozenset[str] = UNSENT | {"submitting", "pending"}
# Everything that leaves less to refund.
COUNTING: frozenset[str] = RESERVING | {"succeeded"}
AT_STRIPE: frozenset[str] = frozenset({"pending", "succeeded"})
DEAD: frozenset[str] = frozenset({"failed", "canceled", "rejected"})

REASONS: tuple[Reason, ...] = get_args(Reason)
# What Stripe has no word for is told without a reason.
TOLD_TO_STRIPE: frozenset[str] = frozenset({"duplicate", "fraudulent", "requested_by_customer"})
# What speaks against the campaign or the gift, not of a donor's second thought.
_FOR_CAUSE: frozenset[str] = frozenset({"fraudulent", "campaign_cancelled"})
# In these states of a campaign nobody will use the money for what it was given for.
ENDED_FOR_DONORS: frozenset[str] = frozenset({"CANCELLED", "REJECTED"})

_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(seconds=5), timedelta(minutes=1)
_LOOK_AT_PENDING = timedelta(minutes=1), timedelta(hours=6)


def may_move(now: str, to: str) -> bool:
    return to in REFUND_MOVES[now]


def for_cause(reason: str | None) -> bool:
    return reason in _FOR_CAUSE


def threshold(code: str, configured: dict[str, str]) -> Money:
    """Above which a second person approves, in a currency. One that is not configured takes the figure of `default`, in
    its own decimals: the amount is compared as it is written, so 500.00 pounds and 500 yen."""
    text = configured.get(code) or configured["default"]
    exponent = currency(code).exponent
    whole, _, fraction = text.partition(".")
    return Money.parse(f"{whole}.{fraction[:exponent].ljust(exponent, '0')}" if exponent else whole, code)


def needs_second_person(amount: Money, *, before: Money, limit: Money, may_approve: bool) -> bool:
    """`before` is what was refunded of the same payment without a second person: a sum cut into pieces is that sum. Who may
    approve the refunds of others always needs somebody else for their own."""
    return may_approve or amount + before > limit


def next_try(tries: int, *, at: datetime) -> datetime:
    """When to ask Stripe again about a refund whose answer was lost: soon, then every minute."""
    pause: timedelta = _FIRST_PAUSE * 2 ** min(tries, 6)
    return at + min(pause, _LONGEST_PAUSE)


def next_look(accepted_at: datetime, *, at: datetime) -> datetime:
    """When to look at a pending refund that Stripe told us nothing more of: ever rarer."""
    least, most = _LOOK_AT_PENDING
    return at + min(max(at - accepted_at, least), most)


@dataclass(frozen=True, slots=True)
class Step:
    """One move of the books: from what they said to what they say now."""

    before: Booked
    after: Booked


def booking(booked: Booked, *, state: str, taken: bool) -> list[Step]:
    """How the books follow Stripe. Stripe's balance falls when its balance transaction is written, which may be before or
    after the refund settles; the campaign is owed less from the moment Stripe has accepted. A refund that died is taken
    back whole. An older look than the last one moves nothing back."""
    steps: list[Step] = []
    if taken and booked != "taken":
        steps.append(Step(booked, "taken"))
        booked = "taken"
    elif state in AT_STRIPE and booked == "":
        steps.append(Step(booked, "in_flight"))
        booked = "in_flight"
    if state in DEAD and booked != "":
        steps.append(Step(booked, ""))
    return steps
