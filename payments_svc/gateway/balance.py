"""Stripe's own books of our money: balance transactions, payouts to our bank, the balance. Read, never written.

Raises OutcomeUnknown when Stripe is away.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from bh_sdk.money import Money
from payments_svc.gateway.client import asking, client

_PAGE = 100


@dataclass(frozen=True, slots=True)
class BalanceTransaction:
    """One move on our balance. `source` is the charge, refund, dispute, payout or transfer it belongs to; Stripe's own
    charges have none."""

    id: str
    type: str
    source: str | None
    amount: Money
    fee: Money
    created: datetime


@dataclass(frozen=True, slots=True)
class BankPayout:
    """A payout of Stripe to our bank."""

    id: str
    amount: Money
    status: str
    created: datetime
    arrives: datetime
    failure: str | None


class Statement(Protocol):
    """What reconciliation asks of Stripe. Times are Stripe's `created`; `since` is included, `until` is not."""

    def transactions(
        self, since: datetime, until: datetime, *, after: str | None = None
    ) -> Iterator[BalanceTransaction]:
        """Newest first; `after` goes on behind the transaction of that id."""

    def of_source(self, source: str) -> Iterator[BalanceTransaction]:
        """Everything that one object moved, whenever it was."""

    def paid_out(self, payout_id: str) -> Iterator[BalanceTransaction]:
        """What a payout consists of, the payout's own transaction left out."""

    def payouts(self, since: datetime, until: datetime) -> Iterator[BankPayout]: ...

    def balance(self) -> dict[str, int]:
        """All that is ours at Stripe, available or pending, in minor units by currency."""


class StripeStatement:
    """The statement of our own account at Stripe."""

    def transactions(
        self, since: datetime, until: datetime, *, after: str | None = None
    ) -> Iterator[BalanceTransaction]:
        asked = {"created": _window(since, until)} | ({"starting_after": after} if after else {})
        return self._transactions(asked)

    def of_source(self, source: str) -> Iterator[BalanceTransaction]:
        return self._transactions({"source": source})

    def paid_out(self, payout_id: str) -> Iterator[BalanceTransaction]:
        return (each for each in self._transactions({"payout": payout_id}) if each.source != payout_id)

    def payouts(self, since: datetime, until: datetime) -> Iterator[BankPayout]:
        with asking():
            params: Any = {"created": _window(since, until), "limit": _PAGE}
            for payout in client().v1.payouts.list(params).auto_paging_iter():
                yield bank_payout(payout)

    def balance(self) -> dict[str, int]:
        with asking():
            told = client().v1.balance.retrieve()
        found: dict[str, int] = defaultdict(int)
        parts: list[Any] = [*told.available, *told.pending]
        for part in parts:
            amount = Money.from_stripe(part.amount, part.currency)
            found[amount.code] += amount.minor
        return dict(found)

    def _transactions(self, asked: dict[str, Any]) -> Iterator[BalanceTransaction]:
        with asking():
            params: Any = {**asked, "limit": _PAGE}
            for told in client().v1.balance_transactions.list(params).auto_paging_iter():
                yield BalanceTransaction(
                    id=told.id,
                    type=told.type,
                    source=told.source if isinstance(told.source, str) else None,
                    amount=Money.from_stripe(told.amount, told.currency),
                    fee=Money.from_stripe(told.fee, told.currency),
                    created=datetime.fromtimestamp(told.created, UTC),
                )


def look_at_payout(payout_id: str) -> BankPayout:
    """How one payout stands."""
    with asking():
        return bank_payout(client().v1.payouts.retrieve(payout_id))


def bank_payout(payout: Any) -> BankPayout:
    return BankPayout(
        id=payout.id,
        amount=Money.from_stripe(payout.amount, payout.currency),
        status=payout.status,
        created=datetime.fromtimestamp(payout.created, UTC),
        arrives=datetime.fromtimestamp(payout.arrival_date, UTC),
        failure=payout.failure_code,
    )


def _window(since: datetime, until: datetime) -> dict[str, int]:
    # Stripe counts whole seconds; a transaction of the last, broken one belongs to the window too.
    return {"gte": int(since.timestamp()), "lte": int(until.timestamp())}
