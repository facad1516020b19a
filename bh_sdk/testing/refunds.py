"""Refunds in the memory of `PaymentsWorld`. Every signed-in user counts as staff: one asks, above 500.00 another approves,
and what needs nobody else succeeds at once. Disputes, receipts and banks that send money back are not imitated."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import UUID

from bh_sdk.errors import Invalid, NotFound, PaymentNotRefundable, RefundDecided, SecondPersonNeeded
from bh_sdk.money import Money
from bh_sdk.wire import refunds as wire
from bh_sdk.wire.base import Page

if TYPE_CHECKING:
    from bh_sdk.testing.payments import Gift, PaymentsWorld
    from bh_sdk.testing.world import Asked, Route

BASE = "/api/v1/payments"
_ALONE = 50_000


class Refunds:
    """The refunds of a world."""

    def __init__(self, world: PaymentsWorld) -> None:
        self.world = world
        self.rows: dict[UUID, wire.Refund] = {}

    def routes(self) -> list[tuple[str, str, Route, bool]]:
        return [
            ("POST", f"{BASE}/refund", self._ask, True),
            ("POST", f"{BASE}/refunds/{{}}/approve", self._approve, True),
            ("POST", f"{BASE}/refunds/{{}}/reject", self._reject, True),
            ("GET", f"{BASE}/refunds/{{}}", self._one, False),
            ("GET", f"{BASE}/refunds", self._list, False),
        ]

    def _gift(self, payment_id: UUID) -> tuple[str, Gift]:
        for intent, gift in self.world.gifts.items():
            if gift.payment.payment_id == payment_id:
                return intent, gift
        raise NotFound

    def _ask(self, asked: Asked) -> tuple[int, wire.Refund]:
        body, by = asked.read(wire.AskRefund), asked.caller.user()
        if body.reason == "other" and not (body.notes or "").strip():
            raise Invalid(errors=[{"pointer": "#/notes", "message": "say what the reason is"}])
        _, gift = self._gift(body.payment_id)
        left = self._left(gift)
        amount = left if body.amount is None else Money.parse(body.amount, gift.payment.currency)
        if gift.payment.status != "succeeded" or not left or amount > left:
            raise PaymentNotRefundable(left=left.decimal)
        row = wire.Refund(
            refund_id=uuid.uuid4(),
            payment_id=body.payment_id,
            campaign_id=gift.payment.campaign_id,
            status="pending_approval",
            amount=amount.decimal,
            currency=amount.code,
            reason=body.reason,
            notes=body.notes or "",
            source="staff",
            second_person=amount.minor > _ALONE,
            requested_by=by,
            approved_by=None,
            rejected_by=None,
            decision_notes="",
            failure_reason=None,
            reopened=False,
            retry_of=None,
            created_at=self.world.now(),
            decided_at=None,
            settled_at=None,
        )
        self.rows[row.refund_id] = row
        return 202, row if row.second_person else self._made(row, by=None, notes="")

    def _left(self, gift: Gift) -> Money:
        left = Money.parse(gift.payment.charged, gift.payment.currency)
        for row in self.rows.values():
            if row.payment_id == gift.payment.payment_id and row.status != "rejected":
                left -= Money.parse(row.amount, row.currency)
        return left

    def _made(self, row: wire.Refund, *, by: UUID | None, notes: str) -> wire.Refund:
        now = self.world.now()
        change = {
            "status": "succeeded",
            "approved_by": by,
            "decision_notes": notes,
            "decided_at": now,
            "settled_at": now,
        }
        self.rows[row.refund_id] = row = row.model_copy(update=change)
        intent, gift = self._gift(row.payment_id)
        back = Money.parse(gift.payment.refunded_amount, row.currency) + Money.parse(row.amount, row.currency)
        whole = back.decimal == gift.payment.charged
        told = {"refunded_amount": back.decimal, "refund_status": "full" if whole else "partial"}
        self.world.gifts[intent] = replace(gift, payment=gift.payment.model_copy(update=told))
        return row

    def _waiting(self, asked: Asked) -> tuple[wire.Refund, UUID]:
        by, row = asked.caller.user(), self._one(asked)
        if row.requested_by == by:
            raise SecondPersonNeeded
        if row.status != "pending_approval":
            raise RefundDecided(refund_status=row.status)
        return row, by

    def _approve(self, asked: Asked) -> wire.Refund:
        body, (row, by) = asked.read(wire.DecideRefund), self._waiting(asked)
        return self._made(row, by=by, notes=body.notes or "")

    def _reject(self, asked: Asked) -> wire.Refund:
        body, (row, by) = asked.read(wire.RejectRefund), self._waiting(asked)
        change = {
            "status": "rejected",
            "rejected_by": by,
            "decision_notes": body.notes,
            "decided_at": self.world.now(),
        }
        self.rows[row.refund_id] = row.model_copy(update=change)
        return self.rows[row.refund_id]

    def _one(self, asked: Asked) -> wire.Refund:
        asked.caller.user()
        row = self.rows.get(asked.ids[0])
        if row is None:
            raise NotFound
        return row

    def _list(self, asked: Asked) -> Page[wire.Refund]:
        asked.caller.user()
        wanted = asked.query.get("payment_id"), asked.query.get("status")
        found = [
            row
            for row in reversed(self.rows.values())
            if wanted[0] in (None, str(row.payment_id)) and wanted[1] in (None, row.status)
        ]
        return self.world.page(found, asked, f"{BASE}/refunds")
