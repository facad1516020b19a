"""What risk has to know of somebody who wants to give or to be charged, gathered from our rows."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from django.db.models import Sum

from bh_sdk.money import Money
from bh_sdk.server.ops import cause, clock
from bh_sdk.server.ops.sealed import keyed_hash, keyed_hashes
from payments_svc.donations.models import FailedTry, Guest, Payment
from payments_svc.gateway import stripe_api
from payments_svc.risk import queries as risk
from payments_svc.risk.rules import FAILED_WITHIN, Step, Try

if TYPE_CHECKING:
    from payments_svc.donations.opening import Gift


def opening(gift: Gift, *, by: str, request_digest: str) -> Try:
    """A gift that somebody asks for."""
    hashes = risk.mail_hashes(gift.guest[1]) if gift.guest else ()
    user_id = None if gift.guest else UUID(by)
    known = _guest(gift.guest[1]) if gift.guest else user_id
    return Try(
        step="open",
        campaign_id=gift.campaign_id,
        amount=gift.amount,
        digest=request_digest,
        user_id=user_id,
        mail_hashes=hashes,
        donor_id=known,
        address=cause.current().address,
        failed=_failed(known),
        given_today=_given_today(known, gift.amount.code),
    )


def charging(payment: Payment, *, payment_method_id: str, request_digest: str) -> Try:
    """A card that somebody wants to pay with. May ask Stripe which card it is."""
    hashes = risk.mail_hashes(Guest.objects.get(id=payment.donor_id).email.open()) if payment.is_guest else ()
    cluster = None
    if risk.cards_are_blocked() and (fingerprint := stripe_api.fingerprint_of(payment_method_id)):
        cluster = keyed_hash(fingerprint, "card")
    return Try(
        step="confirm",
        campaign_id=payment.campaign_id,
        amount=payment.money(payment.amount),
        digest=request_digest,
        user_id=payment.user_id,
        mail_hashes=hashes,
        donor_id=payment.donor_id,
        address=cause.current().address,
        failed=_failed(payment.donor_id),
        given_today=_given_today(payment.donor_id, payment.currency),
        cluster=cluster,
    )


def of_series(
    step: Step,
    *,
    campaign_id: UUID,
    amount: Money,
    donor_id: UUID,
    digest: str,
    payment_method_id: str | None = None,
) -> Try:
    """What is asked of a recurring gift: another amount, another card, its period by hand, or the calendar's charge.

    A donor's card is always looked at, so that its use can be noted; the calendar's only where any card is blocked.
    """
    cluster = None
    if payment_method_id is not None and (step == "method" or risk.cards_are_blocked()):
        fingerprint = stripe_api.fingerprint_of(payment_method_id)
        cluster = keyed_hash(fingerprint, "card") if fingerprint else None
    return Try(
        step=step,
        campaign_id=campaign_id,
        amount=amount,
        digest=digest,
        user_id=donor_id,
        mail_hashes=(),
        donor_id=donor_id,
        # Nobody calls when the calendar does.
        address=None if step == "charge" else cause.current().address,
        failed=_failed(donor_id),
        # An amount agreed for later days is measured against an empty one.
        given_today=_given_today(donor_id, amount.code) if step == "pay" else Money(0, amount.code),
        cluster=cluster,
    )


def _guest(address: str) -> UUID | None:
    """Who a guest is follows the whole address."""
    hashes = keyed_hashes(address.strip().lower(), "email")
    return Guest.objects.filter(email_hash__in=hashes).values_list("id", flat=True).first()


def _failed(donor_id: UUID | None) -> int:
    if donor_id is None:
        return 0
    since = clock.now() - FAILED_WITHIN
    return FailedTry.objects.filter(payment__donor_id=donor_id, created_at__gt=since).count()


def _given_today(donor_id: UUID | None, code: str) -> Money | None:
    """Asked only where a day is bounded."""
    if risk.bounds(code).day is None:
        return None
    if donor_id is None:
        return Money(0, code)
    since = clock.now() - timedelta(days=1)
    given = Payment.objects.filter(donor_id=donor_id, currency=code, created_at__gt=since)
    taken = given.filter(status__in=("succeeded", "processing")).aggregate(sum=Sum("amount"))["sum"]
    return Money(taken or 0, code)
