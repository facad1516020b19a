"""What donors, and staff for them, decide about a recurring gift. Charging is in `charging`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from uuid import UUID, uuid4

from django.db import transaction

from bh_sdk.errors import (
    Conflict,
    IdempotencyKeyReused,
    MethodRefused,
    NothingToPay,
    ProviderUnavailable,
    RecurringNotChangeable,
)
from bh_sdk.events import RecurringChanged
from bh_sdk.money import Money
from bh_sdk.server.access import Principal
from bh_sdk.server.events import record
from bh_sdk.server.ops import clock
from payments_svc.donations import declines, opening, screening
from payments_svc.donations import queries as payments
from payments_svc.donations.rules import accept_at_all
from payments_svc.gateway import saved
from payments_svc.gateway.errors import CardRefused, OutcomeUnknown, RequestRefused
from payments_svc.recurring import facts, moves, rules
from payments_svc.recurring.models import Customer, Period, RecurringGift
from payments_svc.risk import commands as risk
from payments_svc.risk.rules import Step, Try

Change = Literal["amount", "method", "paused", "resumed", "skipped"]


@dataclass(frozen=True, slots=True)
class Wish:
    """What a donor wants to give regularly."""

    campaign_id: UUID
    amount: Money
    interval: rules.Interval
    cover_fees: bool
    message: str | None
    anonymous: bool


@dataclass(frozen=True, slots=True)
class Started:
    """A series with its first gift, which the donor's browser confirms now."""

    gift: RecurringGift
    opened: opening.Opened


def start(*, wish: Wish, by: Principal, request_digest: str) -> Started:
    """Begin a series with a gift now, whose card is kept. The same `request_digest` again resumes it.

    Raises CampaignNotAccepting, CurrencyMismatch, AmountOutOfBounds and AmountInvalid; ProviderUnavailable when Stripe's
    answer was lost: the call may be repeated.
    """
    gift = _wanted(wish, donor_id=UUID(by.id), request_digest=request_digest)
    opened = opening.open_payment(
        gift=opening.Gift(
            campaign_id=gift.campaign_id,
            amount=gift.money,
            cover_fees=gift.cover_fees,
            message=wish.message,
            anonymous=gift.anonymous,
            guest=None,
        ),
        by=by,
        request_digest=rules.digest(gift.id, 0),
        series=opening.Series(gift.id, _customer(gift.donor_id), off_session=False),
    )
    return Started(_note_first(gift.id, opened.payment.id), opened)


@transaction.atomic
def _wanted(wish: Wish, *, donor_id: UUID, request_digest: str) -> RecurringGift:
    known = RecurringGift.objects.filter(request_digest=request_digest).first()
    terms = {
        "campaign_id": wish.campaign_id,
        "amount": wish.amount.minor,
        "currency": wish.amount.code,
        "interval": wish.interval,
        "cover_fees": wish.cover_fees,
        "anonymous": wish.anonymous,
    }
    if known is not None:
        if any(getattr(known, name) != value for name, value in terms.items()):
            raise IdempotencyKeyReused
        return known
    now = clock.now()
    rules.accept_amount(wish.amount, payments.campaign(wish.campaign_id).terms, at=now)
    gift = RecurringGift(donor_id=donor_id, request_digest=request_digest, created_at=now, **terms)
    moves.schedule(gift, at=now)
    gift.save()
    Period.objects.create(
        recurring=gift, number=0, due_at=now, amount=gift.amount, cover_fees=gift.cover_fees, created_at=now
    )
    return gift


def _customer(donor_id: UUID) -> str:
    """Stripe's name for the donor; it has to be asked for once."""
    known, _ = Customer.objects.get_or_create(donor_id=donor_id, defaults={"created_at": clock.now()})
    if known.stripe_id is None:
        name = _named(known)
        # Somebody else may have asked at the same time, with the same key: it is the same name.
        Customer.objects.filter(id=known.id, stripe_id=None).update(stripe_id=name)
        known.refresh_from_db()
    return str(known.stripe_id)


def _named(customer: Customer) -> str:
    try:
        return saved.create_customer(donor_id=customer.donor_id, key=f"customer-{customer.id}")
    except OutcomeUnknown as lost:
        if not lost.remembered:
            raise ProviderUnavailable from None
    try:
        # Stripe remembers an error under the first key. A customer too many at Stripe holds no card and costs nothing.
        return saved.create_customer(donor_id=customer.donor_id, key=f"customer-{customer.id}-1")
    except OutcomeUnknown:
        raise ProviderUnavailable from None


@transaction.atomic
def _note_first(recurring_id: UUID, payment_id: UUID) -> RecurringGift:
    gift = moves.lock(recurring_id)
    Period.objects.filter(recurring=gift, number=0, payment_id=None).update(payment_id=payment_id)
    return gift


def _changeable(recurring_id: UUID) -> RecurringGift:
    """The series under its lock, when the donor may still change it."""
    gift = moves.lock(recurring_id)
    if gift.status == "starting":
        raise RecurringNotChangeable("The first gift has not arrived yet", recurring_status=gift.status)
    if gift.status == "ended":
        raise RecurringNotChangeable("The recurring gift has ended; begin a new one", recurring_status=gift.status)
    return gift


def _changed(gift: RecurringGift, change: Change, *, by: UUID) -> RecurringGift:
    moves.look_now(gift, at=clock.now())
    gift.save()
    record(RecurringChanged(**facts.common(gift), change=change, next_at=gift.next_at), subject=gift.id, actor=str(by))
    return gift


def _asked(
    gift: RecurringGift, step: Step, *, amount: Money, digest: str | None = None, method: str | None = None
) -> Try:
    """What risk has to know; a call without an Idempotency-Key counts each time."""
    return screening.of_series(
        step,
        campaign_id=gift.campaign_id,
        amount=amount,
        donor_id=gift.donor_id,
        digest=digest or uuid4().hex,
        payment_method_id=method,
    )


def change_amount(*, gift: RecurringGift, amount: Money, cover_fees: bool | None, by: UUID) -> RecurringGift:
    """Give another amount from the next period on; one that is being charged keeps the old.

    Raises RecurringNotChangeable, CampaignNotAccepting, CurrencyMismatch, AmountOutOfBounds and AmountInvalid; GiftRefused
    and TooManyTries of risk.
    """
    _check_changeable(gift.id)
    # Before any transaction of ours: what was refused stays written down.
    risk.screen(_asked(gift, "change", amount=amount))
    return _change_amount(recurring_id=gift.id, amount=amount, cover_fees=cover_fees, by=by)


@transaction.atomic
def _change_amount(*, recurring_id: UUID, amount: Money, cover_fees: bool | None, by: UUID) -> RecurringGift:
    gift = _changeable(recurring_id)
    rules.accept_amount(amount, payments.campaign(gift.campaign_id).terms, at=clock.now())
    wanted = (amount.minor, gift.cover_fees if cover_fees is None else cover_fees)
    if wanted == (gift.amount, gift.cover_fees):
        return gift
    gift.amount, gift.cover_fees = wanted
    return _changed(gift, "amount", by=by)


@transaction.atomic
def pause(*, recurring_id: UUID, by: UUID) -> RecurringGift:
    """Charge nothing until it is resumed. A period that is being tried again is given up. Raises RecurringNotChangeable."""
    gift, now = _changeable(recurring_id), clock.now()
    if gift.status == "paused":
        return gift
    period = moves.open_period(gift)
    if period is not None:
        moves.give_up(gift, period, "dropped", at=now)
    gift.status, gift.paused_at, gift.next_at = "paused", now, None
    return _changed(gift, "paused", by=by)


@transaction.atomic
def resume(*, recurring_id: UUID, by: UUID) -> RecurringGift:
    """Go on with the next period that is still to come: what passed during the pause is never charged.

    Raises RecurringNotChangeable, and CampaignNotAccepting when the campaign takes no gifts any more.
    """
    gift, now = _changeable(recurring_id), clock.now()
    if gift.status == "active" or gift.anchor_at is None:
        return gift
    accept_at_all(payments.campaign(gift.campaign_id).terms, at=now)
    gift.status, gift.paused_at = "active", None
    gift.next_number = max(gift.next_number, rules.next_after(gift.anchor_at, gift.interval, now))  # type: ignore[arg-type]
    gift.next_at = gift.slot(gift.next_number)
    return _changed(gift, "resumed", by=by)


@transaction.atomic
def skip(*, recurring_id: UUID, by: UUID) -> RecurringGift:
    """Leave the next period out; one that is being charged already is not the next.

    Raises RecurringNotChangeable for one that is paused, and Conflict after a year's worth of skipping.
    """
    gift, now = _changeable(recurring_id), clock.now()
    if gift.status != "active" or gift.next_at is None or gift.anchor_at is None:
        raise RecurringNotChangeable("The recurring gift is paused", recurring_status=gift.status)
    ahead = gift.next_number - rules.next_after(gift.anchor_at, gift.interval, now)  # type: ignore[arg-type]
    if ahead >= rules.MOST_SKIPPED:
        raise Conflict("So many periods are skipped already; pause the recurring gift instead")
    if gift.next_at <= now:
        raise RecurringNotChangeable("The period is being charged right now", recurring_status=gift.status)
    Period.objects.create(
        recurring=gift,
        number=gift.next_number,
        due_at=gift.next_at,
        amount=gift.amount,
        cover_fees=gift.cover_fees,
        state="skipped",
        created_at=now,
        closed_at=now,
    )
    gift.next_number += 1
    gift.next_at = gift.slot(gift.next_number)
    return _changed(gift, "skipped", by=by)


@transaction.atomic
def cancel(*, recurring_id: UUID, by: UUID) -> RecurringGift:
    """No further charge, for good. One that has ended already stays as it is."""
    gift = moves.lock(recurring_id)
    return gift if gift.status == "ended" else _canceled(gift, by=by, note=None)


@transaction.atomic
def cancel_for_donor(*, recurring_id: UUID, by: UUID, note: str) -> RecurringGift:
    """End a series for a donor who asked staff to. `note` says how. Raises RecurringNotChangeable when it has ended."""
    gift = moves.lock(recurring_id)
    if gift.status == "ended":
        raise RecurringNotChangeable("The recurring gift has ended already", recurring_status=gift.status)
    return _canceled(gift, by=by, note=note)


def _canceled(gift: RecurringGift, *, by: UUID, note: str | None) -> RecurringGift:
    now = clock.now()
    moves.end(gift, "canceled", at=now, by=by, note=note)
    moves.look_now(gift, at=now)
    gift.save()
    return gift


@transaction.atomic
def payment_moved(*, payment_id: UUID) -> None:
    """Something happened to a payment: if it is a period's, a worker looks at the series at once."""
    recurring_id = Period.objects.filter(payment_id=payment_id).values_list("recurring_id", flat=True).first()
    if recurring_id is not None:
        gift = moves.lock(recurring_id)
        moves.look_now(gift, at=clock.now())
        gift.save(update_fields=["due_at"])


# --- another card -----------------------------------------------------------------------------------------------------


def set_up_method(
    *, gift: RecurringGift, payment_method_id: str, return_url: str | None, request_digest: str
) -> tuple[RecurringGift, saved.Setup]:
    """Have another card saved. Where its bank asks its holder first, nothing changes until `take_method`.

    Raises RecurringNotChangeable, MethodRefused, ProviderUnavailable; GiftRefused and TooManyTries of risk: saving a card
    tells whether it works, so it is a try of it.
    """
    _check_changeable(gift.id)
    try:
        _screen_card(gift, payment_method_id=payment_method_id, digest=request_digest)
        setup = saved.set_up(
            customer_id=_customer(gift.donor_id),
            payment_method_id=payment_method_id,
            return_url=return_url,
            key=f"method-{gift.id}-{request_digest[:32]}",
        )
    except (CardRefused, RequestRefused) as refusal:
        code = str(refusal) if isinstance(refusal, CardRefused) else refusal.code or "resource_missing"
        raise _refused(code) from refusal
    except OutcomeUnknown:
        # Saving charges nothing, so asking again may at worst save it twice.
        raise ProviderUnavailable from None
    return _taken(gift, setup), setup


def _screen_card(gift: RecurringGift, *, payment_method_id: str | None, digest: str) -> None:
    """Let a card be tried, or not. It is noted before its bank is asked: the ones that are refused count most."""
    asked = _asked(gift, "method", amount=gift.money, digest=digest, method=payment_method_id)
    risk.screen(asked)
    if asked.cluster is not None:
        risk.note_card(cluster=asked.cluster, donor_id=gift.donor_id, at=clock.now())


def take_method(*, gift: RecurringGift, setup_intent_id: str, request_digest: str) -> tuple[RecurringGift, saved.Setup]:
    """Take over the card that the browser has set up. Raises as `set_up_method`."""
    _check_changeable(gift.id)
    _screen_card(gift, payment_method_id=None, digest=request_digest)
    try:
        setup = saved.look_at_setup(setup_intent_id)
    except RequestRefused as refusal:
        raise _refused(refusal.code or "resource_missing") from refusal
    except OutcomeUnknown:
        raise ProviderUnavailable from None
    if setup.customer_id != _customer(gift.donor_id):
        # Somebody else's setup is none that exists.
        raise _refused("resource_missing")
    if setup.status in ("open", "canceled"):
        raise _refused(setup.failure or "authentication_not_handled")
    return _taken(gift, setup), setup


def _taken(gift: RecurringGift, setup: saved.Setup) -> RecurringGift:
    if setup.status != "succeeded" or setup.method is None:
        return gift
    return _change_method(recurring_id=gift.id, method=setup.method, by=gift.donor_id)


def _refused(code: str) -> MethodRefused:
    return MethodRefused(declines.words(code), failure_code=declines.safe_code(code))


@transaction.atomic
def _check_changeable(recurring_id: UUID) -> None:
    _changeable(recurring_id)


@transaction.atomic
def _change_method(*, recurring_id: UUID, method: saved.Method, by: UUID) -> RecurringGift:
    """Charge this card from now on, and at once what the old one would not pay."""
    gift = _changeable(recurring_id)
    if gift.method_id == method.id:
        return gift
    moves.keep(gift, method)
    period = moves.open_period(gift)
    if period is not None and period.stage is None:
        period.next_try_at = clock.now()
        period.save()
    return _changed(gift, "method", by=by)


# --- by the donor's own hand ------------------------------------------------------------------------------------------


def pay_now(*, gift: RecurringGift) -> opening.Opened:
    """The payment of the period that could not be charged, for the donor to confirm in the browser.

    Raises NothingToPay when no period waits, ProviderUnavailable when Stripe is away; GiftRefused, TooManyTries and
    AmountOutOfBounds of risk.
    """
    period = moves.open_period(gift)
    if gift.status != "active" or period is None or period.payment_id is None or period.first_failed_at is None:
        raise NothingToPay
    risk.screen(_asked(gift, "pay", amount=Money(period.amount, gift.currency)))
    return opening.reopen(payments.payment(period.payment_id))
