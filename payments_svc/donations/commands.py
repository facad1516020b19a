"""Everything that changes a campaign or a payment.

A payment is opened in three steps, so that no step holds a transaction over the network: the row and its fact, the call
to Stripe, the intent's id. Whatever is lost between them is found again by asking Stripe (`settle`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from uuid import UUID

from django.db import IntegrityError, transaction

from bh_sdk.errors import (
    Conflict,
    IdempotencyKeyReused,
    Invalid,
    PaymentNotCancelable,
    PaymentNotConfirmable,
    ProviderUnavailable,
)
from bh_sdk.events import DonationCanceled, DonationCreated, DonationFailed, DonationSucceeded
from bh_sdk.money import Money
from bh_sdk.server.access import Principal
from bh_sdk.server.events import record
from bh_sdk.server.ops import clock
from bh_sdk.server.ops.sealed import keyed_hash, keyed_hashes
from payments_svc.disputes import commands as disputes
from payments_svc.donations import declines, facts, handoffs, queries, screening
from payments_svc.donations.fees import Quote, quote
from payments_svc.donations.models import Campaign, FailedTry, Guest, Payment
from payments_svc.donations.rules import (
    ABANDONABLE,
    OPEN,
    accept,
    accept_at_all,
    accept_charge,
    is_abandoned,
    may_move,
    next_look,
)
from payments_svc.gateway import limits, stripe_api
from payments_svc.gateway import standing as gateway
from payments_svc.gateway.errors import CardRefused, OutcomeUnknown, RequestRefused
from payments_svc.gateway.standing import NextAction, Standing
from payments_svc.ledger import commands as ledger
from payments_svc.ledger import rules as postings
from payments_svc.pricing import queries as pricing
from payments_svc.refunds import commands as refunds
from payments_svc.risk import commands as risk
from payments_svc.risk import queries as risk_queries


@transaction.atomic
def describe_campaign(
    *,
    campaign_id: UUID,
    title: str,
    owner_id: UUID,
    currency: str,
    goal: Money,
    status: str,
    min_amount: Money | None,
    max_amount: Money | None,
    ends_at: datetime | None,
    category: str | None,
) -> tuple[Campaign, bool]:
    """Take over what the platform says of a campaign; True when it is new. Trust and notify are told.

    Raises Conflict when the currency would change under gifts that were given, Invalid when no gift could be accepted.
    """
    if min_amount is not None and max_amount is not None and min_amount > max_amount:
        raise Invalid(errors=[{"pointer": "/min_amount", "message": "must not exceed max_amount"}])
    now = clock.now()
    known = Campaign.objects.select_for_update().filter(id=campaign_id).first()
    if known is not None and known.currency != currency and known.payments.exists():
        raise Conflict(f"The campaign has gifts in {known.currency}", currency=known.currency)
    told = {
        "title": title,
        "owner_id": owner_id,
        "currency": currency,
        "goal": goal.minor,
        "status": status,
        "min_amount": min_amount.minor if min_amount else None,
        "max_amount": max_amount.minor if max_amount else None,
        "ends_at": ends_at,
        "category": category,
        "updated_at": now,
    }
    campaign, created = Campaign.objects.update_or_create(
        id=campaign_id, defaults=told, create_defaults=told | {"created_at": now}
    )
    handoffs.campaign_changed(campaign.id, at=now)
    return campaign, created


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
        standing = _ask(payment, partial(_open_intent, payment))
        return Opened(bring_to(payment.id, standing), standing.client_secret)
    return _resumed(gift, payment)


def _resumed(gift: Gift, payment: Payment) -> Opened:
    if not _same(gift, payment):
        # The stored answer of the first call is gone by now, and this is another call.
        raise IdempotencyKeyReused
    if payment.intent_id is None:
        # An earlier try got this far, and nobody knows whether Stripe heard of it.
        standing = _ask(payment, partial(_find_or_open, payment))
    else:
        # An earlier try succeeded and its answer was lost on the way to the caller.
        standing = _ask(payment, partial(stripe_api.look, payment.intent_id))
    return Opened(bring_to(payment.id, standing), standing.client_secret)


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
    donor_id = _guest(*gift.guest).id if gift.guest else UUID(by)
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


def _guest(name: str, email: str) -> Guest:
    """The guest behind a mail address. Whoever types an address has not proved that it is theirs, so what is known of a
    guest does not change here, but when a gift arrives."""
    address = email.strip().lower()
    now = clock.now()
    known = Guest.objects.select_for_update().filter(email_hash__in=keyed_hashes(address, "email")).first()
    if known is None:
        known, _ = Guest.objects.get_or_create(
            email_hash=keyed_hash(address, "email"), defaults={"email": email.strip(), "name": name, "created_at": now}
        )
        handoffs.guest_changed(known.id, at=now)
    return known


def _greet_by(payment: Payment, *, at: datetime) -> None:
    """A guest is greeted by the name of the last gift that arrived."""
    if payment.guest_name is None:
        return
    guest = Guest.objects.select_for_update().get(id=payment.donor_id)
    if guest.name.open() != payment.guest_name.open():
        guest.name = payment.guest_name.open()
        guest.save(update_fields=["name"])
        handoffs.guest_changed(guest.id, at=at)


def _open_intent(payment: Payment, *, again: int = 0) -> Standing:
    return stripe_api.create_intent(
        again=again,
        payment_id=payment.id,
        campaign_id=payment.campaign_id,
        charged=payment.charged_money,
        description=f"Gift to {payment.campaign.title}",
        customer_id=payment.customer_id,
        keeps_method=payment.keeps_method,
    )


def _ask(payment: Payment, call: Callable[[], Standing]) -> Standing:
    """One call to Stripe for a caller who waits. A lost answer leaves the payment `unknown`, to be found out soon."""
    try:
        return call()
    except OutcomeUnknown:
        _mark_unknown(payment.id)
        raise ProviderUnavailable(payment_id=str(payment.id)) from None
    except RequestRefused as refusal:
        # Our own bounds should have refused it; Stripe knows better, and nothing was charged.
        _give_up(payment.id)
        raise Invalid(str(refusal), errors=[{"pointer": "/amount", "message": str(refusal)}]) from refusal


@transaction.atomic
def _mark_unknown(payment_id: UUID) -> None:
    payment = queries.payment_for_update(payment_id)
    if payment.status in OPEN and payment.status != "unknown":
        now = clock.now()
        payment.status = "unknown"
        payment.look_again_at = next_look("unknown", opened_at=payment.created_at, at=now)
        payment.save(update_fields=["status", "look_again_at"])


@transaction.atomic
def _give_up(payment_id: UUID) -> None:
    payment = queries.payment_for_update(payment_id)
    if payment.status in OPEN:
        payment.status, payment.look_again_at = "canceled", None
        payment.save(update_fields=["status", "look_again_at"])
        record(DonationCanceled(**facts.common(payment)), subject=payment.id)


def confirm(
    *, payment: Payment, payment_method_id: str | None, request_digest: str, return_url: str | None = None
) -> tuple[Payment, NextAction | None]:
    """Charge the payment with a method, or look how it stands after the browser confirmed it. A try that failed is
    followed by the next one on the same intent.

    Raises PaymentNotConfirmable when there is nothing left to charge, GiftRefused and TooManyTries of risk,
    ProviderUnavailable when the answer was lost.
    """
    intent_id = str(payment.intent_id)
    look = partial(stripe_api.look, intent_id)
    if payment_method_id is None or payment.status == "succeeded":
        standing = _ask(payment, look)
        return bring_to(payment.id, standing), standing.next_action
    if payment.status == "canceled":
        raise PaymentNotConfirmable("The payment was canceled; open a new one", payment_status=payment.status)
    risk.screen(screening.charging(payment, payment_method_id=payment_method_id, request_digest=request_digest))
    key = f"confirm-{payment.id}-{request_digest[:32]}"
    charge = partial(stripe_api.confirm_intent, intent_id=intent_id, payment_method_id=payment_method_id)
    try:
        standing = _charge(partial(charge, return_url=return_url), key)
    except CardRefused:
        # The intent tells why in more detail than the error does.
        standing = _ask(payment, look)
    except RequestRefused as refusal:
        current = bring_to(payment.id, _ask(payment, look))
        if current.status == "succeeded":
            return current, None
        if refusal.param == "payment_method" or refusal.code == "resource_missing":
            problem = {"pointer": "/payment_method_id", "message": str(refusal)}
            raise Invalid("Stripe does not accept this payment method", errors=[problem]) from refusal
        raise PaymentNotConfirmable(str(refusal), payment_status=current.status) from refusal
    except OutcomeUnknown:
        _mark_unknown(payment.id)
        raise ProviderUnavailable(payment_id=str(payment.id)) from None
    return bring_to(payment.id, standing), standing.next_action


def _charge(confirm_intent: Callable[..., Standing], key: str) -> Standing:
    """Confirm the intent. An intent is charged once at most, so where Stripe remembers an error under the key of this try,
    another key is safe."""
    try:
        return confirm_intent(key=key)
    except OutcomeUnknown as lost:
        if not lost.remembered:
            raise
        return confirm_intent(key=f"{key}-1")


def cancel(*, payment: Payment) -> Payment:
    """Give the payment up, as its payer wishes. One that was given up already stays so.

    Raises PaymentNotCancelable when it succeeded or the money is under way, ProviderUnavailable when Stripe's answer was
    lost. Stripe decides a race with a charge: whoever is first there wins, and our books follow.
    """
    if payment.status == "canceled":
        return payment
    look = partial(stripe_api.look, payment.intent_id) if payment.intent_id else partial(_find_or_open, payment)
    standing = _ask(payment, look)
    if standing.status in ABANDONABLE:
        standing = _ask(payment, partial(_cancel_intent, standing.intent_id))
    payment = bring_to(payment.id, standing)
    if payment.status != "canceled":
        raise PaymentNotCancelable(_NOT_CANCELABLE.get(payment.status), payment_status=payment.status)
    return payment


_NOT_CANCELABLE = {
    "succeeded": "The gift has arrived already; ask for a refund instead",
    "processing": "The bank is collecting the money already; wait for the outcome",
}


def _cancel_intent(intent_id: str) -> Standing:
    try:
        return stripe_api.cancel_intent(intent_id=intent_id, reason="requested_by_customer")
    except RequestRefused:
        # Somebody was faster: a charge, or another cancel.
        return stripe_api.look(intent_id)


def charge_saved(*, payment_id: UUID, payment_method_id: str, key: str) -> Payment:
    """Charge a payment of a recurring gift to a saved method, without the donor. `key` names the try: with the same one it
    is asked once. A refused card is no error: the payment says why.

    Raises OutcomeUnknown when the answer was lost, and RequestRefused when Stripe will not charge this method at all.
    """
    payment = Payment.objects.get(id=payment_id)
    intent_id = str(payment.intent_id)
    charge = partial(
        stripe_api.confirm_intent, intent_id=intent_id, payment_method_id=payment_method_id, off_session=True
    )
    try:
        standing = _charge(charge, key)
    except CardRefused:
        standing = stripe_api.look(intent_id)
    except RequestRefused:
        # Perhaps because it was paid in the meantime: then that is the answer.
        current = bring_to(payment_id, stripe_api.look(intent_id))
        if current.status in OPEN:
            raise
        return current
    except OutcomeUnknown:
        _mark_unknown(payment_id)
        raise
    return bring_to(payment_id, standing)


def reopen(payment: Payment) -> Opened:
    """An open payment with its secret, for a payer who comes back to it. Raises ProviderUnavailable."""
    standing = _ask(payment, partial(stripe_api.look, str(payment.intent_id)))
    return Opened(bring_to(payment.id, standing), standing.client_secret)


def settle(payment_id: UUID, *, intent_id: str | None = None) -> Payment:
    """Ask Stripe how a payment stands and bring our books to it. May run any number of times, at any time.

    `intent_id` names the intent when Stripe told of it before our own call did. Raises OutcomeUnknown when Stripe is
    away; then nothing changed and the caller asks again later.
    """
    payment = Payment.objects.select_related("campaign").get(id=payment_id)
    intent_id = intent_id or payment.intent_id
    try:
        standing = stripe_api.look(intent_id) if intent_id else _find_or_open(payment)
    except RequestRefused:
        if intent_id is None:
            # Stripe will not open it however often it is asked, and nothing was charged.
            _give_up(payment_id)
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
    if payment.off_session or not risk_queries.is_worn_out(payment.failed_tries.count()):
        return standing
    return stripe_api.cancel_intent(intent_id=standing.intent_id, reason="abandoned")


def _find_or_open(payment: Payment) -> Standing:
    """The lost intent of a payment. A search says whether the first call arrived; if it did not, asking with its key is
    the same as asking once, unless Stripe remembers an error under it."""
    found = stripe_api.find_intent(payment_id=payment.id, opened_at=payment.created_at)
    if found:
        return stripe_api.look(found)
    try:
        return _open_intent(payment)
    except OutcomeUnknown as lost:
        if not lost.remembered:
            raise
        return _open_intent(payment, again=1)


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


def _note_failed_try(payment: Payment, standing: Standing, *, at: datetime) -> None:
    failed = standing.failed_try
    if failed is not None:
        payment.failure_code, payment.failure_message = failed.code[:100], failed.message[:500]
        _keep_failed_try(payment, failed, at=at)


@transaction.atomic
def note_failed_try(payment_id: UUID, failed: gateway.FailedTry) -> None:
    """Keep a try that failed, once, whatever became of the payment since."""
    _keep_failed_try(queries.payment_for_update(payment_id), failed, at=clock.now())


@transaction.atomic
def note_warning(payment_id: UUID, *, stripe_id: str, fraud_type: str) -> None:
    """Keep an early fraud warning of the card network, once."""
    disputes.note_warning(queries.payment_for_update(payment_id), stripe_id=stripe_id, fraud_type=fraud_type)


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


def _cluster(fingerprint: str | None) -> str | None:
    return keyed_hash(fingerprint, "card") if fingerprint else None


def _note_card(payment: Payment, fingerprint: str | None, *, at: datetime) -> None:
    if cluster := _cluster(fingerprint):
        risk.note_card(cluster=cluster, donor_id=payment.donor_id, at=at)


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
    _greet_by(payment, at=at)
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
        ),
        subject=payment.id,
    )
