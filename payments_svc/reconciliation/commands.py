"""Starting and resuming runs, and working the breaks they find."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from django.db import transaction

from bh_sdk.errors import Invalid, SecondPersonNeeded
from bh_sdk.money import Money
from bh_sdk.server.ops import clock
from bh_sdk.server.ops.doorbell import ring
from payments_svc.gateway.balance import Statement, StripeStatement
from payments_svc.ledger import commands as ledger
from payments_svc.ledger import rules as postings
from payments_svc.ledger.rules import Account
from payments_svc.reconciliation import bank_payouts, queries, running
from payments_svc.reconciliation.errors import (
    BreakOpen,
    BreakSettled,
    CorrectionWaits,
    NothingProposed,
    NothingToCorrect,
)
from payments_svc.reconciliation.models import Break, BreakStep, Run
from payments_svc.refunds import queries as refunds

# The daily run looks this far back: what moved late yesterday may be booked today.
_DAYS_BACK = 3
# When the day's run starts, by UTC. Stripe has written the day before by then.
_DAILY_AT = time(3, 0)
CORRECTING_ACCOUNTS: tuple[Account, ...] = (
    "suspense",
    "processing_fees",
    "platform_revenue",
    "disputes",
    "bank",
)

book_payout = bank_payouts.book_payout


@transaction.atomic
def start_run(*, since: datetime, until: datetime, by: str, day: date | None = None) -> Run:
    """Write down that a window is to be reconciled; a worker does it. Raises Invalid for a window that is none."""
    now = clock.now()
    until = min(until, now)
    if since >= until:
        raise Invalid("The window has to begin before it ends, and before now")
    run = Run.objects.create(since=since, until=until, asked_by=by, day=day, started_at=now, due_at=now)
    ring("payments.reconciliation.carry_on")
    return run


@transaction.atomic
def start_daily_run() -> Run | None:
    """The run of today, once, from three in the morning on."""
    now = clock.now()
    today = now.date()
    if now.time() < _DAILY_AT or Run.objects.filter(day=today).exists():
        return None
    midnight = datetime.combine(today, time(), tzinfo=UTC)
    return start_run(since=midnight - timedelta(days=_DAYS_BACK), until=now, by="system", day=today)


@transaction.atomic
def claim_run() -> Run | None:
    """The oldest run that is due, ours for ten minutes: a killed worker's is due again after it."""
    now = clock.now()
    run = Run.objects.select_for_update(skip_locked=True).filter(due_at__lte=now).order_by("due_at", "id").first()
    if run is not None:
        run.due_at = now + running.LEASE
        run.save(update_fields=["due_at"])
    return run


def carry_on(run_id: int, *, statement: Statement | None = None, batch: int = running.BATCH) -> Run:
    """Bring a run to its end from wherever it is. Raises OutcomeUnknown when Stripe is away; then it is due again."""
    return running.carry_on(run_id, statement or StripeStatement(), batch=batch)


@transaction.atomic
def put_off(run_id: int, why: str) -> None:
    Run.objects.filter(id=run_id).update(note=why[:200], due_at=clock.now() + timedelta(minutes=1))


# -- breaks --------------------------------------------------------------------------------------------------------


@transaction.atomic
def take(*, break_id: UUID, by: str) -> Break:
    """Say that one is looking into it. Raises BreakSettled."""
    row = _unsettled(break_id)
    row.taken_by = by
    row.save(update_fields=["taken_by"])
    _step(row, by, "taken")
    return row


@transaction.atomic
def note(*, break_id: UUID, by: str, text: str) -> Break:
    """Write down what was found out."""
    row = queries.break_for_update(break_id)
    _step(row, by, "note", text)
    return row


@transaction.atomic
def close(*, break_id: UUID, by: str, reason: str) -> Break:
    """End it without a booking: the difference is as it should be. It comes back when the difference changes.

    Raises BreakSettled, and CorrectionWaits while a correction waits for a second person.
    """
    row = _unsettled(break_id)
    if row.state == "proposed":
        raise CorrectionWaits
    _settle(row, by=by, reason=reason)
    _step(row, by, "closed", reason)
    return row


@transaction.atomic
def correct(*, break_id: UUID, by: str, account: Account, reason: str) -> Break:
    """Book the difference against an account, so that our ledger says what Stripe says. Above what one person may refund
    alone it waits for a second person.

    Raises BreakSettled, CorrectionWaits, and NothingToCorrect when the difference is none of money.
    """
    row = _unsettled(break_id)
    if row.state == "proposed":
        raise CorrectionWaits
    if not row.difference:
        raise NothingToCorrect
    row.correct_to, row.reason, row.proposed_by, row.approved_by = account, reason, by, None
    if _needs_second(row):
        row.state = "proposed"
        row.save()
        _step(row, by, "proposed", f"to {account}: {reason}")
        return row
    _book(row, by=by)
    return row


@transaction.atomic
def approve(*, break_id: UUID, by: str) -> Break:
    """The second person agrees, and the correction is booked. Raises NothingProposed, SecondPersonNeeded."""
    row = queries.break_for_update(break_id)
    if row.state != "proposed":
        raise NothingProposed
    if row.proposed_by == by:
        raise SecondPersonNeeded
    row.approved_by = by
    _book(row, by=by)
    return row


@transaction.atomic
def reject(*, break_id: UUID, by: str, reason: str) -> Break:
    """The correction is not booked; the break is open again. Whoever proposed it may withdraw it like this."""
    row = queries.break_for_update(break_id)
    if row.state != "proposed":
        raise NothingProposed
    row.state, row.correct_to, row.proposed_by, row.reason = "open", None, None, None
    row.save()
    _step(row, by, "rejected", reason)
    return row


@transaction.atomic
def reopen(*, break_id: UUID, by: str, reason: str) -> Break:
    """Look at it again. Raises BreakOpen."""
    row = queries.break_for_update(break_id)
    if row.settled_at is None:
        raise BreakOpen
    row.state, row.settled_at, row.settled_by, row.reason = "open", None, None, None
    row.correct_to = row.proposed_by = row.approved_by = None
    row.save()
    _step(row, by, "reopened", reason)
    return row


def _unsettled(break_id: UUID) -> Break:
    row = queries.break_for_update(break_id)
    if row.settled_at is not None:
        raise BreakSettled
    return row


def _needs_second(row: Break) -> bool:
    return any(Money(abs(minor), code) > refunds.alone_up_to(code) for code, minor in row.difference.items())


def _book(row: Break, *, by: str) -> None:
    """One journal per currency: our side of Stripe's balance moves by the difference, the account takes the other side."""
    now = clock.now()
    account: Account = row.correct_to  # type: ignore[assignment]  # a form and `correct` let no other in
    for code, minor in row.difference.items():
        row.corrections += 1
        ledger.post(
            reference=f"correction:{row.id}:{row.corrections}",
            kind="correction",
            source=row.key,
            payment_id=row.payment_id,
            currency=code,
            postings=postings.move(minor, debit="stripe_balance", credit=account, line="correction"),
            at=now,
            by=by,
            reason=row.reason,
        )
    _settle(row, by=by, reason=row.reason or "")
    _step(row, by, "corrected", f"to {account}: {row.reason}")


def _settle(row: Break, *, by: str, reason: str) -> None:
    row.state, row.settled_at, row.settled_by, row.reason = "closed", clock.now(), by, reason
    row.save()


def _step(row: Break, by: str, what: str, text: str | None = None) -> None:
    BreakStep.objects.create(of=row, at=clock.now(), by=by, what=what, note=text[:500] if text else None)
