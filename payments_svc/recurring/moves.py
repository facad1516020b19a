"""What happens to the rows of a series, whoever decides it. Everything here needs the lock of `lock()` and one transaction."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from bh_sdk.events import RecurringChargeFailed, RecurringEnded, RecurringStarted
from bh_sdk.server.events import record
from bh_sdk.server.ops import clock
from bh_sdk.server.ops.doorbell import ring
from payments_svc.donations import declines
from payments_svc.gateway.saved import Method
from payments_svc.recurring import facts, rules
from payments_svc.recurring.models import Period, RecurringGift

WORK = "payments.recurring.work"


def lock(recurring_id: UUID) -> RecurringGift:
    """The series, locked until the transaction ends. Every change of it and of its periods starts here; a payment is never
    locked under it."""
    return RecurringGift.objects.select_for_update().get(id=recurring_id)


def open_period(gift: RecurringGift) -> Period | None:
    return Period.objects.filter(recurring=gift, state="open").first()


def look_now(gift: RecurringGift, *, at: datetime) -> None:
    """Have a worker look at the series at once."""
    gift.due_at = at
    ring(WORK)


def keep(gift: RecurringGift, method: Method) -> None:
    """Charge this method from now on."""
    gift.method_id, gift.method_kind = method.id, method.kind
    gift.brand, gift.last4 = method.brand, method.last4
    gift.exp_month, gift.exp_year = method.exp_month, method.exp_year


def begin(gift: RecurringGift, method: Method, *, at: datetime) -> None:
    """The first gift arrived at `at`: from now on the calendar runs."""
    keep(gift, method)
    gift.status, gift.anchor_at, gift.started_at = "active", at, clock.now()
    gift.next_number = max(1, rules.next_after(at, gift.interval, clock.now()))  # type: ignore[arg-type]
    gift.next_at = gift.slot(gift.next_number)
    record(RecurringStarted(**facts.common(gift), next_at=gift.next_at), subject=gift.id, actor=str(gift.donor_id))


def open_next(gift: RecurringGift, *, at: datetime) -> Period:
    """Open the period that is due. Older ones that nobody charged are over."""
    if gift.anchor_at is None:
        raise ValueError("a series that has not started has no period to open")
    number = rules.latest_due(gift.anchor_at, gift.interval, at)  # type: ignore[arg-type]
    gift.next_number, gift.next_at = number + 1, gift.slot(number + 1)
    return Period.objects.create(
        recurring=gift,
        number=number,
        due_at=gift.slot(number),
        amount=gift.amount,
        cover_fees=gift.cover_fees,
        next_try_at=at,
        created_at=at,
    )


def paid(gift: RecurringGift, period: Period, *, at: datetime) -> None:
    """The period's money arrived. A period that came due meanwhile is over too: nobody is charged twice on one day."""
    _close(period, "paid", at=at)
    if gift.status == "active" and gift.anchor_at is not None:
        gift.next_number = max(gift.next_number, rules.next_after(gift.anchor_at, gift.interval, at))  # type: ignore[arg-type]
        gift.next_at = gift.slot(gift.next_number)


def failed(gift: RecurringGift, period: Period, reason: str, *, at: datetime) -> None:
    """A try failed. After the last one the series ends: nobody is dunned for ever."""
    period.stage, period.reason = None, reason[:100]
    period.first_failed_at = period.first_failed_at or at
    period.next_try_at = rules.next_try(period.first_failed_at, period.tries, at=at)
    if period.payment_id is None:
        raise ValueError("a try needs a payment")
    record(
        RecurringChargeFailed(
            **facts.common(gift) | {"amount": _amount(gift, period)},
            payment_id=period.payment_id,
            reason=declines.safe_code(reason),
            tries=period.tries,
            next_try_at=period.next_try_at,
        ),
        subject=gift.id,
    )
    if period.next_try_at is None:
        end(gift, "charges_failed", at=at, period_state="failed", period=period)
    else:
        period.save()


def _amount(gift: RecurringGift, period: Period) -> str:
    return type(gift.money)(period.amount, gift.currency).decimal


def end(
    gift: RecurringGift,
    why: str,
    *,
    at: datetime,
    by: UUID | None = None,
    note: str | None = None,
    period: Period | None = None,
    period_state: str = "dropped",
) -> None:
    """No further charge. A period that was not paid yet is given up."""
    told = gift.status != "starting"
    period = period or open_period(gift)
    if period is not None:
        give_up(gift, period, period_state, at=at)
    gift.status, gift.ended_why, gift.ended_at = "ended", why, at
    gift.ended_by, gift.ended_note, gift.next_at = by, note, None
    if told:
        # Of a series that never started nobody was told, so nobody hears of its end.
        record(
            RecurringEnded(**facts.common(gift), why=why),
            subject=gift.id,
            actor=str(by) if by else None,
        )


def give_up(gift: RecurringGift, period: Period, state: str, *, at: datetime) -> None:
    """Close a period that was not paid; a worker then gives its payment up at Stripe."""
    period.releasing = True
    _close(period, state, at=at)
    look_now(gift, at=at)


def _close(period: Period, state: str, *, at: datetime) -> None:
    if state not in rules.PERIOD_MOVES[period.state]:
        raise ValueError(f"a period does not move from {period.state} to {state}")
    period.state, period.closed_at = state, at
    period.stage, period.next_try_at = None, None
    if state == "paid":
        period.releasing = False
    period.save()


def schedule(gift: RecurringGift, *, at: datetime) -> None:
    """When a worker has to look again."""
    gift.due_at = min(filter(None, _reasons_to_look(gift, at=at)), default=None)


def _reasons_to_look(gift: RecurringGift, *, at: datetime) -> list[datetime | None]:
    reasons: list[datetime | None] = []
    if Period.objects.filter(recurring=gift, releasing=True).exists():
        reasons.append(at + timedelta(minutes=1))
    if gift.status == "starting":
        # The donor may still pay; the fact of the payment rings, this is for the case that the ring is lost.
        reasons.append(at + min(max(at - gift.created_at, timedelta(seconds=30)), timedelta(hours=6)))
    if gift.status == "active" and gift.next_at is not None:
        period = open_period(gift)
        if period is None:
            warn_at = rules.warn_at(gift.next_at, exp_year=gift.exp_year, exp_month=gift.exp_month)
            reasons += [gift.next_at, warn_at if gift.warned_of != gift.card else None]
        else:
            # One that is due and was not tried waits for its donor, who is at the bank's page right now.
            waits = period.next_try_at is not None and period.next_try_at > at
            reasons.append(period.next_try_at if waits else at + timedelta(minutes=1))
    return reasons
