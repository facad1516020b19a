"""Double entry: what each move of money debits (+) and credits (-). Amounts are minor units of one currency."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Account = Literal["stripe_balance", "campaign_payable", "platform_revenue", "disputes"]
Line = Literal[
    "charge", "processing_fee", "platform_fee", "gift", "refund", "refund_reversal", "dispute", "dispute_reversal"
]


@dataclass(frozen=True, slots=True)
class Posting:
    """One line of a journal. A positive amount debits the account, a negative one credits it."""

    account: Account
    line: Line
    amount: int


def donation(*, charged: int, processing_fee: int, platform_fee: int) -> list[Posting]:
    """The card paid `charged`; Stripe kept its fee, the platform earns its own, the rest is owed to the campaign."""
    return _balanced(
        Posting("stripe_balance", "charge", charged),
        Posting("stripe_balance", "processing_fee", -processing_fee),
        Posting("platform_revenue", "platform_fee", -platform_fee),
        Posting("campaign_payable", "gift", -(charged - processing_fee - platform_fee)),
    )


def refund(*, amount: int) -> list[Posting]:
    """Stripe sends the donor's money back and keeps its fee, so the campaign is owed the whole refund less."""
    return _balanced(Posting("stripe_balance", "refund", -amount), Posting("campaign_payable", "refund", amount))


def refund_reversal(*, amount: int) -> list[Posting]:
    """The bank could not take the refund: the money is back and owed to the campaign again."""
    return _balanced(
        Posting("stripe_balance", "refund_reversal", amount), Posting("campaign_payable", "refund_reversal", -amount)
    )


def dispute(*, amount: int) -> list[Posting]:
    """The bank withdrew the disputed sum; it stands between us and the bank until the case is decided."""
    return _balanced(Posting("stripe_balance", "dispute", -amount), Posting("disputes", "dispute", amount))


def dispute_won(*, amount: int) -> list[Posting]:
    return _balanced(
        Posting("stripe_balance", "dispute_reversal", amount), Posting("disputes", "dispute_reversal", -amount)
    )


def dispute_lost(*, amount: int) -> list[Posting]:
    """The donor's bank keeps it; the campaign is owed that much less."""
    return _balanced(Posting("disputes", "dispute", -amount), Posting("campaign_payable", "dispute", amount))


def _balanced(*postings: Posting) -> list[Posting]:
    if sum(posting.amount for posting in postings) != 0:
        raise AssertionError("a journal must sum to zero")
    return [posting for posting in postings if posting.amount != 0]
