"""The receipts of a year for everybody: begun once, done row by row, taken up again after whatever stopped it."""

from __future__ import annotations

import time
from collections import Counter
from datetime import datetime
from itertools import islice
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, OperationalError, transaction

from bh_sdk.errors import BHError, Conflict
from bh_sdk.server.ops import clock
from bh_sdk.server.ops.logs import log
from payments_svc.donations import queries as donations
from payments_svc.receipts import commands, declarations
from payments_svc.receipts.models import AnnualRun, RunRow
from payments_svc.receipts.rules import LEASE, bounds_of, is_due

# How long one call works; another takes over where it stopped.
_SPELL = 20.0
_CHUNK = 1_000


@transaction.atomic
def start(*, year: int, by: str) -> tuple[AnnualRun, bool]:
    """Begin the run of a year that is over; True when it is new. While one is at work, it is the answer.

    A run after the first takes what has come since: gifts that stand on no receipt. Raises Conflict for a year that is not
    over.
    """
    now = clock.now()
    if now < bounds_of(year)[1]:
        raise Conflict(f"The year {year} is not over: its receipts would miss gifts", year=year)
    try:
        with transaction.atomic():
            return AnnualRun.objects.create(year=year, started_by=by, started_at=now, due_at=now), True
    except IntegrityError:
        return AnnualRun.objects.get(year=year, finished_at__isnull=True), False


def start_when_due() -> AnnualRun | None:
    """Begin the run of last year on the day that the settings name, once."""
    now = clock.now()
    if not is_due(settings.BH_ANNUAL_RECEIPTS_ON, now.date()) or AnnualRun.objects.filter(year=now.year - 1).exists():
        return None
    return start(year=now.year - 1, by="system")[0]


def work() -> int:
    """Go on with a run that nobody is at: write down its donors, then do them one by one. Answers how many were done."""
    run = _claim()
    if run is None:
        return 0
    if run.listed_at is None:
        _list_donors(run)
    end, done = time.monotonic() + _SPELL, 0
    for row_id in (
        RunRow.objects.filter(run=run, state=RunRow.TODO).order_by("id").values_list("id", flat=True)[:_CHUNK]
    ):
        if time.monotonic() > end:
            break
        done += _do(row_id)
    _leave(run.id)
    return done


@transaction.atomic
def _claim() -> AnnualRun | None:
    now = clock.now()
    open_runs = AnnualRun.objects.select_for_update(skip_locked=True).filter(finished_at__isnull=True, due_at__lte=now)
    run = open_runs.order_by("due_at").first()
    if run is not None:
        run.due_at = now + LEASE
        run.save(update_fields=["due_at"])
    return run


@transaction.atomic
def _list_donors(run: AnnualRun) -> None:
    """Write down every donor and currency with a gift that stands on no receipt."""
    since, until = bounds_of(run.year)
    found = donations.gifts_between(since, until).exclude(receipt_lines__voided=False)
    pairs = found.order_by("donor_id", "currency").values_list("donor_id", "currency").distinct()
    found_rows = (RunRow(run=run, donor_id=donor_id, currency=currency) for donor_id, currency in pairs.iterator())
    while chunk := list(islice(found_rows, _CHUNK)):
        RunRow.objects.bulk_create(chunk, ignore_conflicts=True)
    run.listed_at = clock.now()
    run.save(update_fields=["listed_at"])


def _do(row_id: int) -> int:
    """One donor and currency: receipts and what the row says of them commit together, so no crash does it twice."""
    try:
        with transaction.atomic():
            row = RunRow.objects.select_for_update(skip_locked=True).filter(id=row_id, state=RunRow.TODO).first()
            if row is None:
                return 0
            reason = _issue(row)
            _settle(row, reason)
    except OperationalError:
        # The database is away or two got in each other's way: the row stays as it was.
        raise
    except Exception as error:
        # One donor whom nobody foresaw must not hold up all the others; a later run finds them again.
        log("receipts").exception("annual.row_broke", row=row_id)
        with transaction.atomic():
            held = RunRow.objects.select_for_update().get(id=row_id)
            _settle(held, f"could not be done ({type(error).__name__}); see the log, then start the year again")
    return 1


def _issue(row: RunRow) -> str:
    """Why there is no receipt, or nothing when there is."""
    since, until = bounds_of(row.run.year)
    gifts = donations.gifts_between(since, until, donor_id=row.donor_id).filter(currency=row.currency)
    fit, unfit = commands.receiptable(gifts.exclude(receipt_lines__voided=False))
    if not fit:
        reasons = Counter(reason for _, reason in unfit)
        return "; ".join(f"{reason} ({count})" for reason, count in sorted(reasons.items())) or "nothing is left to do"
    to = declarations.known_recipient(row.donor_id)
    if to is None:
        return "The donor gave no name and address for receipts"
    try:
        with transaction.atomic():
            commands.issue(
                payment_ids=fit,
                to=to,
                by=row.run.started_by,
                request_digest=f"annual:{row.run_id}:{row.currency}",
                run_row=row,
            )
    except BHError as refusal:
        return refusal.detail
    return ""


def _settle(row: RunRow, reason: str) -> None:
    row.state, row.reason, row.done_at = RunRow.SKIPPED if reason else RunRow.ISSUED, reason[:300], clock.now()
    row.save(update_fields=["state", "reason", "done_at"])


@transaction.atomic
def _leave(run_id: UUID) -> None:
    """Finish the run when nothing is left, else let the next call go on at once."""
    run = AnnualRun.objects.select_for_update().get(id=run_id)
    now: datetime = clock.now()
    if RunRow.objects.filter(run=run, state=RunRow.TODO).exists():
        run.due_at = now
    else:
        run.due_at, run.finished_at = None, now
    run.save(update_fields=["due_at", "finished_at"])
