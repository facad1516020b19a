"""Recurring gifts in the memory of `PaymentsWorld`: begin, pay the first, list, change, pause, resume, skip, cancel.

Time stands still there: no later period is ever charged, and every card that is offered is taken.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from bh_sdk.errors import AmountOutOfBounds, NotFound, NothingToPay, RecurringNotChangeable
from bh_sdk.money import Money, currency
from bh_sdk.wire import payments as payments_wire
from bh_sdk.wire import recurring as wire
from bh_sdk.wire.base import Page

if TYPE_CHECKING:
    from bh_sdk.testing.payments import PaymentsWorld
    from bh_sdk.testing.world import Asked, Route

BASE = "/api/v1/payments/recurring"
_DAYS = {"weekly": 7, "monthly": 30, "quarterly": 91, "yearly": 365}
_CARD = wire.SavedMethod(kind="card", brand="visa", last4="4242", expires="2034-12")


class Recurring:
    """The recurring gifts of a world."""

    def __init__(self, world: PaymentsWorld) -> None:
        self.world = world
        self.rows: dict[UUID, wire.RecurringGift] = {}
        self.first: dict[UUID, str] = {}

    def routes(self) -> list[tuple[str, str, Route, bool]]:
        return [
            ("POST", BASE, self._start, True),
            ("GET", BASE, self._list, False),
            ("GET", f"{BASE}/{{}}", self._one, False),
            ("PATCH", f"{BASE}/{{}}", self._change, False),
            ("POST", f"{BASE}/{{}}/pause", self._moves(self._pause), False),
            ("POST", f"{BASE}/{{}}/resume", self._moves(self._resume), False),
            ("POST", f"{BASE}/{{}}/skip", self._moves(self._skip), True),
            ("POST", f"{BASE}/{{}}/cancel", self._cancel, False),
            ("POST", f"{BASE}/{{}}/method", self._method, True),
            ("POST", f"{BASE}/{{}}/pay", self._pay, False),
        ]

    def _start(self, asked: Asked) -> tuple[int, wire.RecurringCreated]:
        body, user_id = asked.read(wire.StartRecurring), asked.caller.user()
        amount = Money.parse(body.amount, body.currency)
        _enough(amount)
        gift = {name: getattr(body, name) for name in ("campaign_id", "amount", "currency", "message", "anonymous")}
        opened = self.world.open_gift(payments_wire.CreateIntent(**gift, cover_fees=body.cover_fees), asked.caller)
        row = wire.RecurringGift(
            recurring_id=uuid.uuid4(),
            campaign_id=body.campaign_id,
            user_id=user_id,
            amount=amount.decimal,
            currency=amount.code,
            cover_fees=body.cover_fees,
            anonymous=body.anonymous,
            interval=body.interval,
            status="starting",
            ended_why=None,
            next_at=None,
            method=None,
            trouble=None,
            created_at=self.world.now(),
            started_at=None,
            ended_at=None,
        )
        self.rows[row.recurring_id] = row
        self.first[row.recurring_id] = str(opened.payment_intent_id)
        payment = payments_wire.Payment.model_validate(opened.model_dump() | {"recurring_id": row.recurring_id})
        return 201, wire.RecurringCreated(**row.model_dump(), payment=payment, client_secret=opened.client_secret)

    def _list(self, asked: Asked) -> Page[wire.RecurringGift]:
        user_id = UUID(asked.query["user_id"]) if "user_id" in asked.query else asked.caller.user()
        asked.caller.may_see(user_id)
        mine = [self._now(row) for row in reversed(self.rows.values()) if row.user_id == user_id]
        return self.world.page(mine, asked, BASE)

    def _one(self, asked: Asked) -> wire.RecurringGift:
        row = self.rows.get(asked.ids[0])
        if row is None:
            raise NotFound
        asked.caller.may_see(row.user_id)
        return self._now(row)

    def _own(self, asked: Asked) -> wire.RecurringGift:
        row = self.rows.get(asked.ids[0])
        if row is None or row.user_id != asked.caller.user():
            raise NotFound
        return self._now(row)

    def _now(self, row: wire.RecurringGift) -> wire.RecurringGift:
        """The series as it stands: it starts when its first gift has arrived."""
        gift = self.world.gifts[self.first[row.recurring_id]]
        if row.status != "starting" or gift.payment.status != "succeeded":
            return row
        now = self.world.now()
        start = {"status": "active", "started_at": now, "next_at": now + _interval(row), "method": _CARD}
        return self._keep(row, **start)

    def _keep(self, row: wire.RecurringGift, **changes: object) -> wire.RecurringGift:
        kept = row.model_copy(update=changes)
        self.rows[row.recurring_id] = kept
        return kept

    def _changeable(self, asked: Asked) -> wire.RecurringGift:
        row = self._own(asked)
        if row.status not in ("active", "paused"):
            raise RecurringNotChangeable(recurring_status=row.status)
        return row

    def _change(self, asked: Asked) -> wire.RecurringGift:
        body, row = asked.read(wire.ChangeRecurring), self._changeable(asked)
        amount = Money.parse(body.amount, row.currency)
        _enough(amount)
        covered = row.cover_fees if body.cover_fees is None else body.cover_fees
        return self._keep(row, amount=amount.decimal, cover_fees=covered)

    def _moves(self, move: Callable[[wire.RecurringGift], wire.RecurringGift]) -> Route:
        return lambda asked: move(self._changeable(asked))

    def _pause(self, row: wire.RecurringGift) -> wire.RecurringGift:
        return self._keep(row, status="paused", next_at=None)

    def _resume(self, row: wire.RecurringGift) -> wire.RecurringGift:
        return self._keep(row, status="active", next_at=row.next_at or self.world.now() + _interval(row))

    def _skip(self, row: wire.RecurringGift) -> wire.RecurringGift:
        if row.next_at is None:
            raise RecurringNotChangeable(recurring_status=row.status)
        return self._keep(row, next_at=row.next_at + _interval(row))

    def _cancel(self, asked: Asked) -> wire.RecurringGift:
        row = self._own(asked)
        if row.status == "ended":
            return row
        return self._keep(row, status="ended", ended_why="canceled", ended_at=self.world.now(), next_at=None)

    def _method(self, asked: Asked) -> wire.MethodChanged:
        asked.read(wire.ChangeMethod)
        row = self._keep(self._changeable(asked), method=_CARD)
        setup = f"seti_{uuid.uuid4().hex}"
        secret = f"{setup}_secret_{uuid.uuid4().hex}"
        return wire.MethodChanged(**row.model_dump(), setup_intent_id=setup, client_secret=secret, next_action=None)

    def _pay(self, asked: Asked) -> wire.PeriodToPay:
        self._own(asked)
        raise NothingToPay


def _interval(row: wire.RecurringGift) -> timedelta:
    return timedelta(days=_DAYS[row.interval])


def _enough(amount: Money) -> None:
    least = Money({0: 500, 2: 500, 3: 5000}[currency(amount.code).exponent], amount.code)
    if amount < least:
        raise AmountOutOfBounds(minimum=least.decimal)
