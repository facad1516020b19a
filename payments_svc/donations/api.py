"""Giving: `/api/v1/payments/…`."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from django.http import HttpResponse
from ninja import Query

from bh_sdk.errors import IdempotencyKeyMissing, Invalid
from bh_sdk.events import PaymentStatus
from bh_sdk.money import Money
from bh_sdk.server.access import may
from bh_sdk.server.api import Call, Cursor, Limit, Page, Router, Status, idempotent
from bh_sdk.server.ops.sealed import keyed_hash
from bh_sdk.server.ops.settings import setting
from bh_sdk.wire import payments as wire
from bh_sdk.wire.base import Time
from payments_svc.donations import answers, charging, commands, history, opening, queries, rules

router = Router(tags=["payments"])


def _giver(request: Call, body: wire.CreateIntent) -> str:
    """Whose Idempotency-Key is it? A guest is known by the mail address, per campaign."""
    if request.auth.is_guest and body.donor is not None:
        return f"guest:{keyed_hash(body.donor.email.lower(), 'email')}/{body.campaign_id}"
    return f"{request.auth.kind}:{request.auth.id}"


def _payer(request: Call, body: wire.ConfirmPayment) -> str:
    """A guest is known by the intent; whether it is theirs, the client secret proves."""
    return f"{request.auth.kind}:{request.auth.id}/{body.payment_intent_id if request.auth.is_guest else ''}"


@router.post("/create-intent", auth=may("payment", "create"), response={201: wire.PaymentCreated})
@idempotent(caller=_giver)
def create_intent(request: Call, body: wire.CreateIntent) -> Status[wire.PaymentCreated]:
    """Open a payment: answers Stripe's `client_secret`, with which the browser collects the card and confirms."""
    guest = _donor(request, body)
    gift = opening.Gift(
        campaign_id=body.campaign_id,
        amount=Money.parse(body.amount, body.currency),
        cover_fees=body.cover_fees,
        message=body.message,
        anonymous=body.anonymous,
        guest=(guest.name, guest.email) if guest else None,
    )
    opened = opening.open_payment(gift=gift, by=request.auth, request_digest=_digest(request))
    return Status(201, answers.created(opened.payment, opened.client_secret))


def _digest(request: Call) -> str:
    """What a repeat of this call has in common with it; every route that asks for it is idempotent."""
    if request.idempotency is None:
        raise IdempotencyKeyMissing
    return request.idempotency.digest


def _donor(request: Call, body: wire.CreateIntent) -> wire.GuestDonor | None:
    if request.auth.is_guest and body.donor is None:
        raise Invalid(errors=[{"pointer": "/donor", "message": "a guest gives a name and a mail address"}])
    if not request.auth.is_guest and body.donor is not None:
        raise Invalid(errors=[{"pointer": "/donor", "message": "a signed-in donor is known already; leave it out"}])
    return body.donor


@router.post("/confirm", auth=may("payment", "confirm"), response=wire.PaymentConfirmed)
@idempotent(caller=_payer)
def confirm_payment(request: Call, body: wire.ConfirmPayment) -> wire.PaymentConfirmed:
    """Charge a payment with a method, or ask how it stands after the browser confirmed it. A declined card is no error:
    the payment is back at `requires_payment_method` with the reason."""
    payment = queries.access_payment_to_confirm(
        body.payment_intent_id, by=request.auth, client_secret=body.client_secret
    )
    if body.return_url is not None:
        rules.accept_return_url(body.return_url, origins=setting("BH_ALLOWED_ORIGINS"))
    payment, action = charging.confirm(
        payment=payment,
        payment_method_id=body.payment_method_id,
        request_digest=_digest(request),
        return_url=body.return_url,
    )
    return answers.confirmed(payment, action)


@router.post("/{uuid:payment_id}/cancel", auth=may("payment", "cancel"), response=wire.Payment)
def cancel_payment(request: Call, payment_id: UUID, body: wire.CancelPayment) -> wire.Payment:
    """Give a payment up before it is paid. Asking twice is asking once, so it needs no Idempotency-Key."""
    payment = queries.access_payment_to_cancel(payment_id, by=request.auth, client_secret=body.client_secret)
    return answers.payment(charging.cancel(payment=payment))


@router.get("/history/{uuid:user_id}", auth=may("history", "read"), response=Page[wire.Payment])
def payment_history(
    request: Call,
    user_id: UUID,
    status: PaymentStatus | None = None,
    campaign_id: UUID | None = None,
    from_: Annotated[Time | None, Query(alias="from")] = None,
    to: Time | None = None,
    cursor: Cursor = None,
    limit: Limit = 20,
) -> HttpResponse:
    """Every payment of one donor in every state, newest first."""
    queries.access_history(user_id, by=request.auth)
    return history.page(
        request, user_id, status=status, campaign_id=campaign_id, since=from_, until=to, cursor=cursor, limit=limit
    )


@router.put(
    "/campaigns/{uuid:campaign_id}", auth=may("campaign", "describe"), response={200: wire.Campaign, 201: wire.Campaign}
)
def describe_campaign(request: Call, campaign_id: UUID, body: wire.DescribeCampaign) -> Status[wire.Campaign]:
    """Tell payments what it must know of a campaign. Replaces what was told before."""
    campaign, created = commands.describe_campaign(
        campaign_id=campaign_id,
        title=body.title,
        owner_id=body.owner_id,
        currency=body.currency,
        goal=Money.parse(body.goal, body.currency),
        status=body.status,
        min_amount=_bound(body.min_amount, body.currency),
        max_amount=_bound(body.max_amount, body.currency),
        ends_at=body.ends_at,
        category=body.category,
    )
    return Status(201 if created else 200, answers.campaign(campaign))


def _bound(amount: str | None, currency: str) -> Money | None:
    return None if amount is None else Money.parse(amount, currency)


@router.get("/{uuid:payment_id}", auth=may("payment", "read"), response=wire.Payment)
def get_payment(request: Call, payment_id: UUID, link: str | None = None) -> wire.Payment:
    """One payment: for its payer, staff, and a guest with the `link` of the thank-you mail."""
    return answers.payment(queries.access_payment(payment_id, by=request.auth, link=link))
