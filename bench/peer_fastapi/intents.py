"""POST /api/v1/payments/create-intent: a row and an outbox row, Stripe's intent, the row again."""

from __future__ import annotations

import os
import uuid
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

import stripe
from fastapi import APIRouter, Header, HTTPException
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from bench.peer_fastapi.history import Payment
from bench.peer_fastapi.house import Base, Caller, Session
from bh_sdk.wire.payments import CreateIntent, Fees, PaymentCreated

router = APIRouter()
_stripe = stripe.StripeClient(
    os.environ.get("PEER_STRIPE_KEY", "sk_test_of_another_service"),
    base_addresses={"api": os.environ.get("STRIPE_API_BASE", "https://api.stripe.com")},
    http_client=stripe.HTTPXClient(),
)


class Outbox(Base):
    __tablename__ = "bench_outbox"

    id: Mapped[int] = mapped_column(primary_key=True)
    type: Mapped[str]
    payload: Mapped[dict[str, Any]] = mapped_column(JSONB)


@router.post("/api/v1/payments/create-intent", status_code=201)
async def create_intent(
    body: CreateIntent, caller: Caller, session: Session, idempotency_key: Annotated[uuid.UUID, Header()]
) -> PaymentCreated:
    """Open a payment. The same key again finds the payment that it opened."""
    digest = f"{caller.hex}{idempotency_key.hex}"
    if await session.scalar(select(Payment).where(Payment.request_digest == digest)):
        raise HTTPException(409)
    amount = int(Decimal(body.amount) * 100)
    processing, platform = amount * 15 // 1000 + 20, amount * 2 // 100
    payment = Payment(
        id=uuid.uuid4(),
        campaign_id=body.campaign_id,
        donor_id=caller,
        user_id=caller,
        request_digest=digest,
        currency=body.currency,
        amount=amount,
        charged=amount,
        processing_fee=processing,
        platform_fee=platform,
        anonymous=body.anonymous,
        cover_fees=body.cover_fees,
        message=body.message,
        refunded=0,
        status="created",
        dispute_status="none",
        created_at=datetime.now(UTC),
    )
    session.add(payment)
    session.add(Outbox(type="donation.created", payload={"payment_id": str(payment.id), "amount": body.amount}))
    await session.commit()
    intent = await _stripe.v1.payment_intents.create_async(
        {
            "amount": amount,
            "currency": body.currency.lower(),
            "metadata": {"payment_id": str(payment.id)},
            "automatic_payment_methods": {"enabled": True},
        },
        {"idempotency_key": str(payment.id)},
    )
    payment.intent_id, payment.status = intent.id, "requires_payment_method"
    await session.commit()
    return PaymentCreated(
        **payment.answer().model_dump(),
        client_secret=intent.client_secret or "",
        fees=Fees(processing=payment.major(processing), platform=payment.major(platform)),
        net_amount=payment.major(amount - processing - platform),
    )
