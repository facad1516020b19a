"""Opening a payment: the row and its fact, the call to Stripe, the intent's id.

Three steps, so that none holds a transaction over the network. Whatever is lost between them is found again by asking
Stripe: by the same call repeated, or by `settling.settle`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from uuid import UUID

from django.db import IntegrityError, transaction

from bh_sdk.errors import IdempotencyKeyReused
from bh_sdk.events import DonationCreated
from bh_sdk.money import Money
from bh_sdk.server.access import Principal
from bh_sdk.server.events import record
from bh_sdk.server.ops import clock
from payments_svc.donations import facts, guests, intents, queries, screening, settling
from payments_svc.donations.fees import Quote, quote
from payments_svc.donations.models import Payment
from payments_svc.donations.rules import accept, accept_at_all, accept_charge, next_look
from payments_svc.gateway import limits, stripe_api
from payments_svc.pricing import queries as pricing
from payments_svc.risk import commands as risk


@dataclass(frozen=True, slots=True)
class Gift:
    """What a donor wants to give. `guest` is (name, mail address) of one without an account."""

    campaign_id: UUID
    amount: Money
    cover_fees: bool
    message: str | None
    anonymous: bool
    guest: tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class Series:
    """The recurring gift that a payment is a period of. The first is paid by the donor and its card is kept at Stripe under
    `customer_id`; the others are `off_session`."""

    recurring_id: UUID
    customer_id: str
    off_session: bool


@dataclass(frozen=True, slots=True)
class Opened:
    """A payment that can be paid, with Stripe's secret for the browser."""

    payment: Payment
    client_secret: str


def open_payment(*, gift: Gift, by: Principal, request_digest: str, series: Series | None = None) -> Opened:
    """Open a payment and its intent at Stripe. The same `request_digest` again resumes the payment it opened.

    Raises CampaignNotAccepting, CurrencyMismatch, AmountOutOfBounds and AmountInvalid; GiftRefused and TooManyTries of
    risk; ProviderUnavailable when Stripe's answer was lost: the call may be repeated.
    """
    if not Payment.objects.filter(request_digest=request_digest).exists():
        risk.screen(screening.opening(gift, by=by.id, request_digest=request_digest))
    return _open(gift, by=by.id, request_digest=request_digest, series=series)


def open_period(*, gift: Gift, donor_id: UUID, request_digest: str, series: Series) -> Payment:
    """Open the payment of a later period of a recurring gift, for `charge_saved`. The same `request_digest` again resumes.

    The amount was agreed when the series began, so the campaign's bounds of today do not count.
    Raises CampaignNotAccepting, and ProviderUnavailable when Stripe's answer was lost.
    """
    return _open(gift, by=str(donor_id), request_digest=request_digest, series=series).payment


def _open(gift: Gift, *, by: str, request_digest: str, series: Series | None) -> Opened:
    payment = Payment.objects.filter(request_digest=request_digest).select_related("campaign").first()
    if payment is None:
        try:
            payment = _write_payment(gift, by=by, request_digest=request_digest, series=series)
        except IntegrityError:
            # Somebody wrote it in the meantime: two workers at one period.
            return _resumed(gift, Payment.objects.select_related("campaign").get(request_digest=request_digest))
        standing = intents.ask(payment, partial(intents.create, payment))
        return Opened(settling.bring_to(payment.id, standing), standing.client_secret)
    return _resumed(gift, payment)


@transaction.atomic
def _write_payment(gift: Gift, *, by: str, request_digest: str, series: Series | None) -> Payment:
    now = clock.now()
    campaign = queries.campaign(gift.campaign_id)
    if series is not None and series.off_session:
        accept_at_all(campaign.terms, at=now)
    else:
        accept(gift.amount, campaign.terms, at=now)
    rates = pricing.rates_at(campaign.currency, at=now)
    price: Quote = quote(gift.amount, rates, cover_fees=gift.cover_fees)
    # The covered fees must not push the charge over what Stripe takes at once.
    accept_charge(price.charged, most=limits.most(campaign.currency))
    donor_id = guests.behind(*gift.guest).id if gift.guest else UUID(by)
    payment = Payment.objects.create(
        campaign=campaign,
        donor_id=donor_id,
        user_id=None if gift.guest else donor_id,
        guest_name=gift.guest[0] if gift.guest else None,
        request_digest=request_digest,
        currency=campaign.currency,
        amount=gift.amount.minor,
        charged=price.charged.minor,
        processing_fee=price.processing.minor,
        platform_fee=price.platform.minor,
        processing_rate_id=rates.processing.id,
        platform_rate_id=rates.platform.id,
        anonymous=gift.anonymous,
        cover_fees=gift.cover_fees,
        message=gift.message,
        recurring_id=series.recurring_id if series else None,
        customer_id=series.customer_id if series else None,
        off_session=series is not None and series.off_session,
        created_at=now,
        look_again_at=next_look("created", opened_at=now, at=now),
    )
    opened = DonationCreated(**facts.common(payment), off_session=payment.off_session)
    record(opened, subject=payment.id, actor=str(donor_id))
    return payment


def _resumed(gift: Gift, payment: Payment) -> Opened:
    if not _same(gift, payment):
        # The stored answer of the first call is gone by now, and this is another call.
        raise IdempotencyKeyReused
    if payment.intent_id is None:
        # An earlier try got this far, and nobody knows whether Stripe heard of it.
        standing = intents.ask(payment, partial(intents.find_or_create, payment))
    else:
        # An earlier try succeeded and its answer was lost on the way to the caller.
        standing = intents.ask(payment, partial(stripe_api.look, payment.intent_id))
    return Opened(settling.bring_to(payment.id, standing), standing.client_secret)


def _same(gift: Gift, payment: Payment) -> bool:
    known = (
        payment.campaign_id,
        payment.amount,
        payment.currency,
        payment.cover_fees,
        payment.anonymous,
        payment.message,
    )
    asked = (gift.campaign_id, gift.amount.minor, gift.amount.code, gift.cover_fees, gift.anonymous, gift.message)
    return known == asked


def reopen(payment: Payment) -> Opened:
    """An open payment with its secret, for a payer who comes back to it. Raises ProviderUnavailable."""
    standing = intents.ask(payment, partial(stripe_api.look, str(payment.intent_id)))
    return Opened(settling.bring_to(payment.id, standing), standing.client_secret)
