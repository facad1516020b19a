"""GET /api/v1/payments/history/{user_id}."""

from __future__ import annotations

import base64
import json
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from fastapi import APIRouter, HTTPException, Query
from sqlalchemy import select, tuple_
from sqlalchemy.orm import Mapped, mapped_column

from bench.peer_fastapi.house import Base, Caller, Session
from bh_sdk.money import CURRENCIES
from bh_sdk.wire.base import Page
from bh_sdk.wire.payments import Payment as PaymentOut

router = APIRouter()


class Payment(Base):
    __tablename__ = "payments_donations_payment"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    intent_id: Mapped[str | None]
    campaign_id: Mapped[UUID]
    donor_id: Mapped[UUID]
    user_id: Mapped[UUID | None]
    request_digest: Mapped[str]
    currency: Mapped[str]
    amount: Mapped[int]
    charged: Mapped[int]
    processing_fee: Mapped[int]
    platform_fee: Mapped[int]
    refunded: Mapped[int] = mapped_column(default=0)
    status: Mapped[str] = mapped_column(default="created")
    dispute_status: Mapped[str] = mapped_column(default="none")
    anonymous: Mapped[bool] = mapped_column(default=False)
    cover_fees: Mapped[bool] = mapped_column(default=False)
    message: Mapped[str | None]
    created_at: Mapped[datetime]

    def major(self, minor: int) -> str:
        """A decimal string in major units."""
        exponent = CURRENCIES[self.currency].exponent
        return f"{Decimal(minor).scaleb(-exponent):.{exponent}f}"

    def answer(self) -> PaymentOut:
        """The payment as it goes over the wire."""
        refund = "none" if not self.refunded else "full" if self.refunded == self.charged else "partial"
        return PaymentOut.model_validate(
            {
                "payment_id": self.id,
                "payment_intent_id": self.intent_id,
                "campaign_id": self.campaign_id,
                "user_id": self.user_id,
                "amount": self.major(self.amount),
                "charged": self.major(self.charged),
                "currency": self.currency,
                "status": self.status,
                "refund_status": refund,
                "refunded_amount": self.major(self.refunded),
                "dispute_status": self.dispute_status,
                "anonymous": self.anonymous,
                "message": self.message,
                "created_at": self.created_at,
            }
        )


@router.get("/api/v1/payments/history/{user_id}")
async def history(
    user_id: UUID,
    caller: Caller,
    session: Session,
    status: str | None = None,
    campaign_id: UUID | None = None,
    cursor: str | None = None,
    limit: int = Query(20, ge=1, le=100),
) -> Page[PaymentOut]:
    """One donor's payments, newest first."""
    if caller != user_id:
        raise HTTPException(404)
    query = select(Payment).where(Payment.user_id == user_id)
    if status is not None:
        query = query.where(Payment.status == status)
    if campaign_id is not None:
        query = query.where(Payment.campaign_id == campaign_id)
    if cursor is not None:
        moment, ident = json.loads(base64.urlsafe_b64decode(cursor))
        query = query.where(tuple_(Payment.created_at, Payment.id) < (datetime.fromisoformat(moment), UUID(ident)))
    query = query.order_by(Payment.created_at.desc(), Payment.id.desc()).limit(limit + 1)
    found = list(await session.scalars(query))
    follow = None
    if len(found) > limit:
        found = found[:limit]
        last = json.dumps([found[-1].created_at.isoformat(), str(found[-1].id)]).encode()
        follow = f"/api/v1/payments/history/{user_id}?cursor={base64.urlsafe_b64encode(last).decode()}"
    return Page(results=[payment.answer() for payment in found], next=follow)
