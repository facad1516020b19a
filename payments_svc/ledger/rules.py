"""Double entry: what each move of money debits (+) and credits (-). Amounts are minor units of one currency.

The chart of accounts. Assets grow by debits, debts by credits:

| account | what it holds |
|---|---|
| stripe_balance | our money at Stripe; equals the sum of Stripe's balance transactions |
| bank | our money at the bank, paid out by Stripe and paid on to organisers |
| donor_funds | what donors paid and is not yet given its place; passes through to zero within each donation |
| campaign_payable | what we owe to campaigns |
| processing_fees | Stripe's fees: what it took, less what gifts bore. What remains we bear ourselves |
| platform_revenue | what we earned |
| refunds_in_flight | reserved for refunds that Stripe has accepted and not yet settled |
| payouts_in_flight | reserved for payouts that are on their way to an organiser |
| disputes | withdrawn by a donor's bank until the case is decided |
| suspense | differences between Stripe and us that finance is looking into |
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Account = Literal[
    "stripe_balance",
    "bank",
    "donor_funds",
    "campaign_payable",
    "processing_fees",
    "platform_revenue",
    "refunds_in_flight",
    "payouts_in_flight",
    "disputes",
    "suspense",
]
Line = Literal[
    "charge",
    "processing_fee",
    "platform_fee",
    "gift",
    "refund",
    "refund_reversal",
    "dispute",
    "dispute_reversal",
    "dispute_fee",
    "payout",
    "payout_reversal",
    "stripe_payout",
    "correction",
]
ACCOUNTS: tuple[Account, ...] = get_args(Account)


@dataclass(frozen=True, slots=True)
class Posting:
    """One line of a journal. A positive amount debits the account, a negative one credits it."""

    account: Account
    line: Line
    amount: int


def move(amount: int, *, debit: Account, credit: Account, line: Line) -> list[Posting]:
    """`amount` from the credited account to the debited one: most journals are this."""
    return balanced(Posting(debit, line, amount), Posting(credit, line, -amount))


def donation(*, charged: int, processing_fee: int, platform_fee: int) -> list[Posting]:
    """The card paid `charged`; Stripe kept its fee, which the gift bears, the platform earns its own, the rest is owed to
    the campaign."""
    return balanced(
        Posting("stripe_balance", "charge", charged),
        Posting("donor_funds", "charge", -charged),
        Posting("stripe_balance", "processing_fee", -processing_fee),
        Posting("processing_fees", "processing_fee", processing_fee),
        Posting("donor_funds", "gift", charged),
        Posting("processing_fees", "gift", -processing_fee),
        Posting("platform_revenue", "platform_fee", -platform_fee),
        Posting("campaign_payable", "gift", -(charged - processing_fee - platform_fee)),
    )


def refund(*, amount: int) -> list[Posting]:
    """Stripe sends the donor's money back and keeps its fee, so the campaign is owed the whole refund less."""
    return move(amount, debit="campaign_payable", credit="stripe_balance", line="refund")


def refund_reversal(*, amount: int) -> list[Posting]:
    """The bank could not take the refund: the money is back and owed to the campaign again."""
    return move(amount, debit="stripe_balance", credit="campaign_payable", line="refund_reversal")


def refund_accepted(*, amount: int) -> list[Posting]:
    """Stripe has accepted a refund and not yet taken it from our balance: the campaign is owed less already."""
    return move(amount, debit="campaign_payable", credit="refunds_in_flight", line="refund")


def refund_left(*, amount: int) -> list[Posting]:
    """What Stripe had accepted left our balance."""
    return move(amount, debit="refunds_in_flight", credit="stripe_balance", line="refund")


def refund_dropped(*, amount: int) -> list[Posting]:
    """What Stripe had accepted never left: the campaign is owed it again."""
    return move(amount, debit="refunds_in_flight", credit="campaign_payable", line="refund_reversal")


def balanced(*postings: Posting) -> list[Posting]:
    """The lines without empty ones. Raises AssertionError when they do not sum to zero."""
    if sum(posting.amount for posting in postings) != 0:
        raise AssertionError("a journal must sum to zero")
    return [posting for posting in postings if posting.amount != 0]
