"""Making our books say what Stripe says of a payment: the one place where its state, journals and facts come from.

A webhook, the sweeper, the staff's button and the answer of a call of ours all end in `bring_to`.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction

from bh_sdk.errors import Conflict
from bh_sdk.events import DonationCanceled, DonationFailed, DonationSucceeded
from bh_sdk.server.events import record
from bh_sdk.server.ops import clock
from bh_sdk.server.ops.sealed import keyed_hash
from payments_svc.disputes import commands as disputes
from payments_svc.donations import declines, facts, guests, intents, queries
from payments_svc.donations.models import FailedTry, Payment
from payments_svc.donations.rules import ABANDONABLE, OPEN, is_abandoned, may_move, next_look
from payments_svc.gateway import standing as gateway
from payments_svc.gateway import stripe_api
from payments_svc.gateway.errors import RequestRefused
from payments_svc.gateway.standing import Standing
from payments_svc.ledger import commands as ledger
from payments_svc.ledger import rules as postings
from payments_svc.refunds import commands as refunds
from payments_svc.risk import commands as risk
from payments_svc.risk import queries as risk_queries


def settle(payment_id: UUID, *, intent_id: str | None = None) -> Payment:
    """Ask Stripe how a payment stands and bring our books to it. May run any number of times, at any time.

    `intent_id` names the intent when Stripe told of it before our own call did. Raises OutcomeUnknown when Stripe is
    away; then nothing changed and the caller asks again later.
    """
    payment = Payment.objects.select_related("campaign").get(id=payment_id)
    intent_id = intent_id or payment.intent_id
    try:
        standing = stripe_api.look(intent_id) if intent_id else intents.find_or_create(payment)
    except RequestRefused:
        if intent_id is None:
            # Stripe will not open it however often it is asked, and nothing was charged.
            intents.give_up(payment_id)
        raise
    if standing.status in ABANDONABLE and is_abandoned(
        opened_at=payment.created_at, off_session=payment.off_session, at=clock.now()
    ):
        standing = stripe_api.cancel_intent(intent_id=standing.intent_id, reason="abandoned")
    elif standing.failed_try is not None and standing.status == "requires_payment_method":
        standing = _worn_out(payment, standing)
    return bring_to(payment_id, standing)


def _worn_out(payment: Payment, standing: Standing) -> Standing:
    """Give an intent up that was tried too often: whoever holds its secret can try cards without asking us."""
    if not risk_queries.is_worn_out(payment.failed_tries.count()):
        return standing
    return stripe_api.cancel_intent(intent_id=standing.intent_id, reason="abandoned")


@transaction.atomic
def bring_to(payment_id: UUID, standing: Standing) -> Payment:
    """Make our rows, ledger and facts say what Stripe says.

    An older look than the last one never takes back what is final; an open payment it may set back, until the next look.
    """
    payment = queries.payment_for_update(payment_id)
    now = clock.now()
    if payment.intent_id is None:
        payment.intent_id = standing.intent_id
        payment.client_secret_hash = keyed_hash(standing.client_secret, "client_secret")
    if standing.amount != payment.charged_money:
        raise Conflict("Stripe holds another amount than the payment", payment_id=str(payment_id))
    if payment.status in OPEN:
        _note_failed_try(payment, standing, at=now)
        if standing.status == "succeeded":
            _succeed(payment, standing, at=now)
        elif standing.status == "canceled":
            payment.status = "canceled"
            record(DonationCanceled(**facts.common(payment)), subject=payment.id)
        elif may_move(payment.status, standing.status):
            payment.status = standing.status
        payment.look_again_at = next_look(payment.status, opened_at=payment.created_at, at=now)  # type: ignore[arg-type]
    payment.save()
    if payment.status == "succeeded":
        refunds.bring_to(payment, standing, at=now)
        disputes.bring_to(payment, standing, at=now)
    return payment


def _succeed(payment: Payment, standing: Standing, *, at: datetime) -> None:
    charge = standing.charge
    if charge is None or charge.amount != payment.charged_money or charge.fee.code != payment.currency:
        raise Conflict("The charge does not match the payment", payment_id=str(payment.id))
    payment.status, payment.succeeded_at = "succeeded", at
    payment.failure_code = payment.failure_message = None
    payment.charge_id, payment.receipt_url = charge.id, charge.receipt_url
    payment.processing_fee, payment.method = charge.fee.minor, charge.method
    payment.cluster = _cluster(charge.card_fingerprint)
    _note_card(payment, charge.card_fingerprint, at=at)
    guests.greet_by(payment, at=at)
    ledger.post(
        reference=f"payment:{payment.id}:succeeded",
        kind="donation",
        source=charge.id,
        payment_id=payment.id,
        campaign_id=payment.campaign_id,
        currency=payment.currency,
        postings=postings.donation(
            charged=payment.charged, processing_fee=payment.processing_fee, platform_fee=payment.platform_fee
        ),
        at=at,
    )
    record(
        DonationSucceeded(
            **facts.common(payment),
            anonymous=payment.anonymous,
            net=payment.money(payment.net).decimal,
            cluster=payment.cluster,
            processing_fee=payment.money(payment.processing_fee).decimal,
            platform_fee=payment.money(payment.platform_fee).decimal,
            method=payment.method,
            recurring_id=payment.recurring_id,
            off_session=payment.off_session,
        ),
        subject=payment.id,
    )


def _note_failed_try(payment: Payment, standing: Standing, *, at: datetime) -> None:
    failed = standing.failed_try
    if failed is not None:
        payment.failure_code, payment.failure_message = failed.code[:100], failed.message[:500]
        _keep_failed_try(payment, failed, at=at)


@transaction.atomic
def note_failed_try(payment_id: UUID, failed: gateway.FailedTry) -> None:
    """Keep a try that failed, once, whatever became of the payment since."""
    _keep_failed_try(queries.payment_for_update(payment_id), failed, at=clock.now())


def _keep_failed_try(payment: Payment, failed: gateway.FailedTry, *, at: datetime) -> None:
    _, new = FailedTry.objects.get_or_create(
        payment=payment,
        reference=failed.reference[:250],
        defaults={
            "code": failed.code[:100],
            "message": failed.message[:500],
            "cluster": _cluster(failed.card_fingerprint),
            "created_at": at,
        },
    )
    if new:
        _note_card(payment, failed.card_fingerprint, at=at)
        record(
            DonationFailed(
                **facts.common(payment), reason=declines.safe_code(failed.code), off_session=payment.off_session
            ),
            subject=payment.id,
        )


def _note_card(payment: Payment, fingerprint: str | None, *, at: datetime) -> None:
    if cluster := _cluster(fingerprint):
        risk.note_card(cluster=cluster, donor_id=payment.donor_id, at=at)


def _cluster(fingerprint: str | None) -> str | None:
    return keyed_hash(fingerprint, "card") if fingerprint else None


@transaction.atomic
def note_warning(payment_id: UUID, *, stripe_id: str, fraud_type: str) -> None:
    """Keep an early fraud warning of the card network, once."""
    disputes.note_warning(queries.payment_for_update(payment_id), stripe_id=stripe_id, fraud_type=fraud_type)
