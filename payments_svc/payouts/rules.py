"""When campaign funds may be paid out, by whom, and what may happen to a payout. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from bh_sdk.errors import (
    AmountOutOfBounds,
    Conflict,
    CurrencyMismatch,
    FundsNotAvailable,
    PayoutTooEarly,
    SecondPersonNeeded,
)
from bh_sdk.money import Money

Status = Literal["requested", "approved_once", "approved", "submitting", "paid", "failed", "rejected", "canceled"]

# From each state to every state it may move to. The database holds the same table and refuses anything else.
MOVES: dict[Status, frozenset[Status]] = {
    "requested": frozenset({"approved_once", "approved", "rejected", "canceled"}),
    "approved_once": frozenset({"approved", "rejected", "canceled"}),
    "approved": frozenset({"submitting", "rejected"}),
    # Back to approved when Stripe has too little available money, or the bank transfer was not made after all.
    "submitting": frozenset({"paid", "failed", "approved"}),
    # A transfer can be reversed, and a bank can send money back.
    "paid": frozenset({"failed"}),
    "failed": frozenset(),
    "rejected": frozenset(),
    "canceled": frozenset(),
}
# Nothing is booked for these yet: their amounts are reserved beside the ledger.
WAITING: frozenset[Status] = frozenset({"requested", "approved_once"})
# These stand in the ledger as payouts in flight.
IN_FLIGHT: frozenset[Status] = frozenset({"approved", "submitting"})
# These came to nothing, and do not keep the organiser from asking again.
VOID: frozenset[Status] = frozenset({"failed", "rejected", "canceled"})
# Where a campaign stands in whose gifts go to its organiser; of any other they go back to the donors.
PAID_IN = frozenset({"FUNDING", "FUNDED", "COMPLETED"})


def per_currency(table: Mapping[str, str], code: str) -> Money:
    """What a table of settings says of a currency; `*` is every other."""
    return Money.parse(table.get(code) or table["*"], code)


@dataclass(frozen=True, slots=True)
class Terms:
    """What a request is held against."""

    campaign_status: str
    available: Money
    minimum: Money
    first_gift_at: datetime | None
    last_asked_at: datetime | None
    first_after: timedelta
    every: timedelta


def possible_from(terms: Terms) -> datetime | None:
    """From when on a payout may be asked for; None before the first gift."""
    if terms.first_gift_at is None:
        return None
    first = terms.first_gift_at + terms.first_after
    return max(first, terms.last_asked_at + terms.every) if terms.last_asked_at else first


def amount_to_pay(wanted: Money | None, terms: Terms, *, at: datetime) -> Money:
    """What is paid out: what is wanted, or all that is available in amounts that can be sent. Raises the refusal that the
    organiser can act on."""
    if terms.campaign_status not in PAID_IN:
        status = terms.campaign_status.lower().replace("_", " ")
        raise Conflict(f"The campaign is {status}: its gifts go back to the donors", status_now=terms.campaign_status)
    if wanted is not None and wanted.code != terms.available.code:
        raise CurrencyMismatch(f"The campaign has {terms.available.code}", currency=terms.available.code)
    begins = possible_from(terms)
    if begins is None:
        raise FundsNotAvailable("No gift has arrived yet", available="0", currency=terms.available.code)
    if at < begins:
        raise PayoutTooEarly(possible_from=begins.isoformat())
    step = terms.available.chargeable_step
    available = Money(max(terms.available.minor, 0) // step * step, terms.available.code)
    amount = available if wanted is None else wanted
    # Stripe takes no other steps, and says so in its own words.
    amount.stripe_amount()
    # The last of a campaign that is over is paid however little it is.
    least = min(terms.minimum, available) if terms.campaign_status == "COMPLETED" else terms.minimum
    if wanted is not None and (amount < least or not amount):
        raise AmountOutOfBounds(f"A payout is at least {terms.minimum}", minimum=terms.minimum.decimal, maximum=None)
    if amount > available or amount < least or not amount:
        raise FundsNotAvailable(available=available.decimal, currency=available.code, minimum=terms.minimum.decimal)
    return amount


def approvals_needed(amount: Money, *, second_person_above: Money) -> int:
    return 2 if amount > second_person_above else 1


def check_approver(*, by: UUID, requested_by: UUID, owner_id: UUID, first_approved_by: UUID | None) -> None:
    """Nobody approves their own money, and nobody approves twice."""
    if by in (requested_by, owner_id):
        raise SecondPersonNeeded("Who asked for a payout, or receives it, cannot approve it")
    if by == first_approved_by:
        raise SecondPersonNeeded("You have approved it already; it takes another person of finance now")


def check_sender(*, by: UUID, requested_by: UUID, owner_id: UUID, approved_by: tuple[UUID | None, UUID | None]) -> None:
    """A bank transfer is made by hand, so two people of the staff have to do with every one of them."""
    if by in (requested_by, owner_id):
        raise SecondPersonNeeded("Who asked for a payout, or receives it, cannot send it")
    if by == approved_by[0] and approved_by[1] is None:
        raise SecondPersonNeeded("You alone approved it; another person of finance makes the transfer")


def next_try(tries: int, *, at: datetime) -> datetime:
    """When to ask Stripe again about a transfer whose outcome is unknown: soon, then ever rarer."""
    return at + min(timedelta(seconds=5) * (1 << min(tries, 10)), timedelta(hours=1))


@dataclass(frozen=True, slots=True)
class Balance:
    """A campaign's money in one currency, in minor units, as the ledger has it."""

    currency: str
    raised: int
    fees: int
    refunded: int
    lost: int
    disputed: int
    in_flight: int
    paid_out: int
    corrected: int
    owed: int
    reserved: int

    @property
    def free(self) -> int:
        """What may be promised out of it; below zero when more came back than is left."""
        return self.owed - self.disputed - self.reserved

    @property
    def available(self) -> int:
        return max(0, self.free)


_REFUNDS = ("refund", "refund_reversal")
_PAYOUTS = ("payout", "payout_reversal")
_DISPUTES = ("dispute", "dispute_reversal")


def balance_of(currency: str, lines: Mapping[tuple[str, str], int], *, reserved: int) -> Balance:
    """Read a campaign's lines of the ledger: `(account, line)` to what it sums to, debits positive. Whatever moved the debt
    to the campaign and has no name here is a correction, so that the parts always add up to what is owed."""
    payable = {line: -total for (account, line), total in lines.items() if account == "campaign_payable"}
    raised = -sum(total for (account, line), total in lines.items() if (account, line) == ("donor_funds", "charge"))
    gifts = payable.get("gift", 0)
    in_flight = -sum(total for (account, _), total in lines.items() if account == "payouts_in_flight")
    refunded, moved_out, lost = (
        -sum(payable.get(line, 0) for line in some) for some in (_REFUNDS, _PAYOUTS, _DISPUTES)
    )
    named = {"gift", *_REFUNDS, *_PAYOUTS, *_DISPUTES}
    return Balance(
        currency=currency,
        raised=raised,
        fees=raised - gifts,
        refunded=refunded,
        lost=lost,
        disputed=max(0, sum(total for (account, _), total in lines.items() if account == "disputes")),
        in_flight=in_flight,
        paid_out=moved_out - in_flight,
        corrected=sum(amount for line, amount in payable.items() if line not in named),
        owed=sum(payable.values()),
        reserved=reserved,
    )
