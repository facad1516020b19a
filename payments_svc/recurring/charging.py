"""What a worker does for one series: watch its first gift, charge what is due, give up what was left, warn of old cards.

Every step commits what it is about to do, asks Stripe, and commits what came of it. A period has one payment, named by
series and number before it exists, and a payment one intent, which Stripe charges once at most. So a worker may die
anywhere, and two may work the same series: the next look takes up where the rows stand, and nobody pays twice.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from uuid import UUID

from django.db import transaction

from bh_sdk.errors import CampaignNotAccepting, PaymentNotCancelable
from bh_sdk.events import RecurringCardExpiring
from bh_sdk.money import Money
from bh_sdk.server.events import record
from bh_sdk.server.ops import clock
from payments_svc.donations import charging, opening, screening
from payments_svc.donations import queries as payments
from payments_svc.gateway import saved
from payments_svc.gateway.errors import RequestRefused
from payments_svc.recurring import facts, moves, rules
from payments_svc.recurring.models import Customer, Period, RecurringGift
from payments_svc.risk import commands as risk

# Long enough for every call that one look at a series may take.
_LEASE = timedelta(minutes=3)
# A first gift that nobody paid is given up with its payment.
_STARTING_AT_MOST = timedelta(days=8)


@transaction.atomic
def claim(limit: int) -> list[UUID]:
    """Series to look at, ours for a while: a killed worker's are due again after it."""
    now = clock.now()
    ids = list(
        RecurringGift.objects.select_for_update(skip_locked=True)
        .filter(due_at__lte=now)
        .order_by("due_at", "id")
        .values_list("id", flat=True)[:limit]
    )
    RecurringGift.objects.filter(id__in=ids).update(due_at=now + _LEASE)
    return ids


def work(recurring_id: UUID) -> None:
    """Do what is due. May run any number of times, at any time, also twice at once.

    Raises OutcomeUnknown or ProviderUnavailable when Stripe's answer was lost: the next look finds out.
    """
    for period in Period.objects.filter(recurring=recurring_id, releasing=True):
        _release(period)
    gift = RecurringGift.objects.get(id=recurring_id)
    if gift.status == "starting":
        _watch_first(gift)
    elif gift.status == "active":
        period_due = _period_due(recurring_id)
        if period_due is not None and not _held(gift, period_due):
            _charge(gift, period_due)
        _warn(recurring_id)
    _schedule(recurring_id)


@transaction.atomic
def _schedule(recurring_id: UUID) -> None:
    gift = moves.lock(recurring_id)
    moves.schedule(gift, at=clock.now())
    gift.save()


# --- the first gift ---------------------------------------------------------------------------------------------------


def _watch_first(gift: RecurringGift) -> None:
    payment = payments.payment_of_call(rules.digest(gift.id, 0))
    if payment is not None and payment.status == "succeeded":
        method = saved.method_of_intent(str(payment.intent_id))
        _begin(gift.id, method, payment_id=payment.id)
    elif (payment is not None and payment.status == "canceled") or clock.now() - gift.created_at > _STARTING_AT_MOST:
        _never_started(gift.id)


@transaction.atomic
def _begin(recurring_id: UUID, method: saved.Method | None, *, payment_id: UUID) -> None:
    gift, payment = moves.lock(recurring_id), payments.payment(payment_id)
    period = moves.open_period(gift)
    if gift.status != "starting" or period is None or payment.succeeded_at is None:
        return
    period.payment_id = payment.id
    moves.paid(gift, period, at=clock.now())
    if method is None:
        # Stripe did not keep what paid it, so the gift was one gift.
        moves.end(gift, "never_started", at=clock.now())
    else:
        moves.begin(gift, method, at=payment.succeeded_at)
    gift.save()


@transaction.atomic
def _never_started(recurring_id: UUID) -> None:
    gift = moves.lock(recurring_id)
    if gift.status == "starting":
        moves.end(gift, "never_started", at=clock.now())
        gift.save()


# --- the others -------------------------------------------------------------------------------------------------------


@transaction.atomic
def _period_due(recurring_id: UUID) -> Period | None:
    """The period to work on: the open one, or the next when its time has come."""
    gift, now = moves.lock(recurring_id), clock.now()
    if gift.status != "active" or gift.next_at is None:
        return None
    period = moves.open_period(gift)
    if period is None and gift.next_at <= now:
        period = moves.open_next(gift, at=now)
        gift.save()
    return period


def _held(gift: RecurringGift, period: Period) -> bool:
    """Whether risk keeps this period from being charged; then it is given up, and the next one is asked about anew.

    A try that is under way is let go its way: Stripe has it already.
    """
    waits = period.next_try_at is None or period.next_try_at > clock.now()
    if period.stage is not None or waits:
        return False
    rule = risk.hold(
        screening.of_series(
            "charge",
            campaign_id=gift.campaign_id,
            amount=Money(period.amount, gift.currency),
            donor_id=gift.donor_id,
            digest=period.digest,
            payment_method_id=gift.method_id,
        )
    )
    if rule is not None:
        _give_up_held(gift.id, period.id, rule)
    return rule is not None


@transaction.atomic
def _give_up_held(recurring_id: UUID, period_id: UUID, rule: str) -> None:
    gift, period = moves.lock(recurring_id), Period.objects.get(id=period_id)
    if period.state == "open" and period.stage is None:
        period.reason = rules.HELD[rule]
        moves.give_up(gift, period, "dropped", at=clock.now())
        gift.save()


def _charge(gift: RecurringGift, period: Period) -> None:
    try:
        payment = opening.open_period(
            gift=opening.Gift(
                campaign_id=gift.campaign_id,
                amount=Money(period.amount, gift.currency),
                cover_fees=period.cover_fees,
                # What the donor wrote went with the first gift; it is not published anew every month.
                message=None,
                anonymous=gift.anonymous,
                guest=None,
            ),
            donor_id=gift.donor_id,
            request_digest=period.digest,
            series=opening.Series(gift.id, _customer_of(gift), off_session=True),
        )
    except CampaignNotAccepting:
        _campaign_ended(gift.id)
        return
    _note_payment(gift.id, period.id, payment.id)
    if payment.status == "requires_payment_method":
        attempt = _begin_try(gift.id, period.id)
        if attempt is not None and not _try(gift, attempt):
            return
    _bring(gift.id, period.id)


def _customer_of(gift: RecurringGift) -> str:
    return str(Customer.objects.get(donor_id=gift.donor_id).stripe_id)


def _try(gift: RecurringGift, period: Period) -> bool:
    """Ask Stripe to charge the saved method. False when Stripe will not even try with this method."""
    method_id = str(period.tried_method)
    try:
        charging.charge_saved(
            payment_id=UUID(str(period.payment_id)),
            payment_method_id=method_id,
            # A worker that takes this try over asks with the same key, and Stripe answers what it answered.
            key=f"recurring-{period.id}-{period.tries}-{method_id}",
        )
    except RequestRefused as refusal:
        _note_failed(gift.id, period.id, refusal.code or "resource_missing", tries=period.tries)
        return False
    _note_answered(gift.id, period.id, tries=period.tries)
    return True


@transaction.atomic
def _campaign_ended(recurring_id: UUID) -> None:
    gift = moves.lock(recurring_id)
    if gift.status in ("active", "paused"):
        moves.end(gift, "campaign_ended", at=clock.now())
        gift.save()


@transaction.atomic
def _note_payment(recurring_id: UUID, period_id: UUID, payment_id: UUID) -> None:
    gift, period = moves.lock(recurring_id), Period.objects.get(id=period_id)
    period.payment_id = payment_id
    if period.state in ("dropped", "failed"):
        # Given up while its payment was being opened: that has to be given up too.
        period.releasing = True
        moves.look_now(gift, at=clock.now())
        gift.save()
    period.save()


@transaction.atomic
def _begin_try(recurring_id: UUID, period_id: UUID) -> Period | None:
    """Commit to a try, or take over the one that a worker left behind. None when there is nothing to try now."""
    gift, period, now = moves.lock(recurring_id), Period.objects.get(id=period_id), clock.now()
    if gift.status != "active" or period.state != "open" or period.stage == "pending":
        return None
    if period.stage == "trying":
        return period
    if period.next_try_at is None or period.next_try_at > now:
        return None
    period.tries += 1
    if period.reason in rules.NEVER_AGAIN and period.tried_method == gift.method_id:
        moves.failed(gift, period, str(period.reason), at=now)
        gift.save()
        return None
    period.stage, period.tried_method, period.next_try_at = "trying", gift.method_id, None
    period.save()
    return period


@transaction.atomic
def _note_answered(recurring_id: UUID, period_id: UUID, *, tries: int) -> None:
    """Stripe has answered this try: from now on the payment's state says what came of it."""
    moves.lock(recurring_id)
    Period.objects.filter(id=period_id, stage="trying", tries=tries).update(stage="pending")


@transaction.atomic
def _note_failed(recurring_id: UUID, period_id: UUID, reason: str, *, tries: int) -> None:
    gift, period = moves.lock(recurring_id), Period.objects.get(id=period_id)
    if period.state == "open" and period.stage is not None and period.tries == tries:
        moves.failed(gift, period, reason, at=clock.now())
        gift.save()


@transaction.atomic
def _bring(recurring_id: UUID, period_id: UUID) -> None:
    """Make the period say what its payment says."""
    gift, period, now = moves.lock(recurring_id), Period.objects.get(id=period_id), clock.now()
    if period.payment_id is None or period.state in ("paid", "skipped"):
        return
    payment = payments.payment(period.payment_id)
    if payment.status == "succeeded":
        moves.paid(gift, period, at=now)
    elif payment.status == "canceled":
        _canceled(gift, period)
    elif payment.status == "requires_payment_method" and period.state == "open" and period.stage == "pending":
        moves.failed(gift, period, payment.failure_code or "failed", at=now)
    gift.save()


def _canceled(gift: RecurringGift, period: Period) -> None:
    """Given up at Stripe, by us or by somebody at its dashboard: this period will not be paid.

    One that had failed already has failed for good: its ladder of tries is not begun anew with the next period, so the
    series ends. So it is after an outage in which the tries were missed and the payment was abandoned.
    """
    if period.state == "open" and period.first_failed_at is not None and gift.status == "active":
        moves.end(gift, "charges_failed", at=clock.now(), period_state="failed", period=period)
    elif period.state == "open":
        moves.give_up(gift, period, "dropped", at=clock.now())
    period.releasing = False
    period.save()


# --- what was left ----------------------------------------------------------------------------------------------------


def _release(period: Period) -> None:
    """Give the payment of a closed period up at Stripe. One that was faster than we are has paid its period."""
    payment = payments.payment_of_call(period.digest)
    if payment is None:
        Period.objects.filter(id=period.id, payment_id=None).update(releasing=False)
        return
    _note_id(period, payment.id)
    # Paid, or on its way: bringing the period to it says which.
    with suppress(PaymentNotCancelable):
        charging.cancel(payment=payment)
    _bring(period.recurring_id, period.id)


@transaction.atomic
def _note_id(period: Period, payment_id: UUID) -> None:
    moves.lock(period.recurring_id)
    Period.objects.filter(id=period.id, payment_id=None).update(payment_id=payment_id)


# --- old cards --------------------------------------------------------------------------------------------------------


def _warn(recurring_id: UUID) -> None:
    """Tell the donor once of a card that will be over by the next charge. Banks renew cards by themselves: ask first."""
    gift = RecurringGift.objects.get(id=recurring_id)
    if not _to_warn(gift):
        return
    method = saved.method(str(gift.method_id))
    with transaction.atomic():
        gift = moves.lock(recurring_id)
        if gift.method_id == method.id:
            moves.keep(gift, method)
        if _to_warn(gift):
            gift.warned_of = gift.card
            record(
                RecurringCardExpiring(**facts.common(gift), expires=f"{gift.exp_year}-{gift.exp_month:02}"),
                subject=gift.id,
            )
        gift.save()


def _to_warn(gift: RecurringGift) -> bool:
    if gift.status != "active" or gift.next_at is None or gift.warned_of == gift.card:
        return False
    warn_at = rules.warn_at(gift.next_at, exp_year=gift.exp_year, exp_month=gift.exp_month)
    return warn_at is not None and warn_at <= clock.now()
