"""What a card tester does and a donor does not. Pure.

Numbers are for one donor, one network block or one campaign. All of them are multiplied on the local stack.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal
from uuid import UUID

from bh_sdk.money import Money

Step = Literal["open", "confirm", "method", "change", "pay", "charge"]
BlockKind = Literal["mail", "user", "address", "card"]

MINUTE, HOUR = 60, 3600
# Step -> whose tries are counted -> (how many, in how many seconds).
TRIES: dict[Step, dict[str, tuple[tuple[int, int], ...]]] = {
    "open": {
        "person": ((6, MINUTE), (20, HOUR)),
        "address": ((30, MINUTE), (150, HOUR)),
        "campaign": ((600, MINUTE),),
    },
    "confirm": {
        "person": ((6, MINUTE), (20, HOUR)),
        "address": ((30, MINUTE), (150, HOUR)),
        "campaign": ((600, MINUTE),),
    },
    # Another card for a recurring gift: its bank is asked about it, so it is a try like any other. Donors do it seldom.
    "method": {
        "person": ((4, MINUTE), (10, HOUR)),
        "address": ((30, MINUTE), (150, HOUR)),
        "campaign": ((600, MINUTE),),
    },
    "change": {"person": ((6, MINUTE), (20, HOUR))},
    "pay": {"person": ((6, MINUTE), (20, HOUR)), "address": ((30, MINUTE), (150, HOUR))},
    # The calendar's own charge: nobody asks for it, so nobody can ask too often.
    "charge": {},
}
# Over the last hour; over the last day.
MOST_FAILED, FAILED_WITHIN = 8, timedelta(hours=1)
MOST_CARDS, MOST_PERSONS, CARDS_WITHIN = 5, 4, timedelta(days=1)
# An intent that was tried so often is no donor's any more: with its secret a browser can try cards without asking us.
MOST_TRIES_OF_ONE_PAYMENT = 12
# How long a donor who is stopped by what happened, not by how often they ask, waits at least.
PAUSE = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Try:
    """Somebody wants to give, or to be charged. Holds ids and keyed hashes only."""

    step: Step
    campaign_id: UUID
    amount: Money
    # Of the Idempotency-Key: a repeat counts once.
    digest: str
    user_id: UUID | None
    # A guest's address without its tag, by every hash key in use, the newest first; then as it was written.
    mail_hashes: tuple[str, ...]
    # Known unless it is a guest's first gift.
    donor_id: UUID | None
    address: str | None
    # How many of this donor's tries failed within FAILED_WITHIN.
    failed: int = 0
    # What this donor gave over the last day, and the card of this very try, where they are asked for.
    given_today: Money | None = None
    cluster: str | None = None

    @property
    def who(self) -> str:
        return str(self.user_id) if self.user_id else self.mail_hashes[0]


def mail_key(address: str) -> str:
    """Under which address somebody is counted and kept out: a mailbox takes any tag after a plus, so tags are left out. Who a
    guest is follows the whole address."""
    plain = address.strip().lower()
    box, at, domain = plain.rpartition("@")
    name = box.partition("+")[0]
    return f"{name}{at}{domain}" if name else plain


@dataclass(frozen=True, slots=True)
class Cards:
    """The cards of one donor over the last day: how many, and how many donors the most shared of them has."""

    clusters: frozenset[str] = field(default_factory=frozenset)
    persons: int = 0


@dataclass(frozen=True, slots=True)
class Bounds:
    """The most that one gift may be, and one person may give in a day. None: no bound but Stripe's."""

    gift: Money | None = None
    day: Money | None = None


def suspicion(asked: Try, cards: Cards, *, factor: int = 1) -> str | None:
    """The rule that what happened breaks, or None."""
    if asked.failed >= MOST_FAILED * factor:
        return "failed_tries"
    if len(cards.clusters) > MOST_CARDS * factor:
        return "many_cards"
    if cards.persons > MOST_PERSONS * factor:
        return "shared_card"
    return None


def out_of_bounds(asked: Try, bounds: Bounds) -> str | None:
    """The bound that the amount breaks, or None. Saving a card takes no money."""
    if asked.step == "method":
        return None
    if bounds.gift is not None and asked.amount > bounds.gift:
        return "gift_amount"
    if bounds.day is not None and asked.given_today is not None and asked.given_today + asked.amount > bounds.day:
        return "day_amount"
    return None
