"""A reconciliation from start to end: read Stripe's statement, book its payouts, match, keep the breaks.

What was read is kept after every batch, so a run that was killed is carried on where it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, TypeVar

from django.db import connection, transaction

from bh_sdk.server.ops import clock
from payments_svc.gateway.balance import BalanceTransaction, Statement
from payments_svc.ledger import queries as ledger
from payments_svc.reconciliation import bank_payouts, queries
from payments_svc.reconciliation.models import BankPayout, Break, BreakStep, Run, RunBreak, StatementLine
from payments_svc.reconciliation.rules import Bounds, Found, Here, There, match

LEASE = timedelta(minutes=10)
# Stripe's statement is read from this long before the window: we may have booked within it what moved before.
OVERLAP = timedelta(days=3)
# Younger than this may be on its way between Stripe and us.
SETTLES_WITHIN = timedelta(minutes=10)
LATE_AFTER = timedelta(days=2)
BATCH = 1_000
_KEYS_AT_ONCE = 5_000
# So many sources Stripe is asked about one by one before a move of ours counts as unknown there.
_ASKED_SINGLY = 200

T = TypeVar("T")


def carry_on(run_id: int, statement: Statement, *, batch: int = BATCH) -> Run:
    """Bring a run to its end from wherever it is. Raises OutcomeUnknown when Stripe is away; then it is due again."""
    run = Run.objects.get(id=run_id)
    if run.state == "reading":
        _read(run, statement, batch)
        _read_payouts(run, statement)
        _ask_singly(run, statement)
        _advance(run, "matching")
    if run.state == "matching":
        _match(run)
    return run


# -- reading -------------------------------------------------------------------------------------------------------


def _read(run: Run, statement: Statement, size: int) -> None:
    told = statement.transactions(run.since - OVERLAP, run.until, after=run.cursor)
    for batch in _batches(told, size):
        with transaction.atomic():
            keep(batch)
            run.cursor, run.read = batch[-1].id, run.read + len(batch)
            run.due_at = clock.now() + LEASE
            run.save(update_fields=["cursor", "read", "due_at"])


def keep(told: Iterable[BalanceTransaction], *, payout_id: str | None = None) -> None:
    """Keep lines of the statement. One that is there stays as it is, but for the payout that it left with."""
    rows = [
        StatementLine(
            id=line.id,
            type=line.type,
            key=line.source or line.id,
            currency=line.amount.code,
            amount=line.amount.minor,
            fee=line.fee.minor,
            created_at=line.created,
            payout_id=payout_id,
        )
        for line in told
    ]
    if payout_id is None:
        StatementLine.objects.bulk_create(rows, ignore_conflicts=True)
    else:
        StatementLine.objects.bulk_create(
            rows, update_conflicts=True, unique_fields=["id"], update_fields=["payout_id"]
        )


def _read_payouts(run: Run, statement: Statement) -> None:
    """Payouts of the window are booked, and those that arrived are asked what they consist of."""
    for told in statement.payouts(run.since - OVERLAP, run.until):
        bank_payouts.bring_to(told)
    for row in BankPayout.objects.filter(status="paid", read_at__isnull=True).order_by("created_at"):
        for batch in _batches(statement.paid_out(row.id)):
            with transaction.atomic():
                keep(batch, payout_id=row.id)
        BankPayout.objects.filter(id=row.id).update(read_at=clock.now())


def _ask_singly(run: Run, statement: Statement) -> None:
    """What we booked within the window and is not on the pages we read may have moved long before: ask by its source."""
    booked = {row.key for row in ledger.at_stripe(since=run.since, until=run.until)}
    known = set[str]()
    for some in _batches(booked, _KEYS_AT_ONCE):
        known |= set(StatementLine.objects.filter(key__in=some).values_list("key", flat=True))
    sources = [key for key in sorted(booked - known) if ":" not in key]
    for source in sources[:_ASKED_SINGLY]:
        keep(list(statement.of_source(source)))


def _batches(rows: Iterable[T], size: int = BATCH) -> Iterator[list[T]]:
    left = iter(rows)
    while batch := list(islice(left, size)):
        yield batch


def _advance(run: Run, state: str) -> None:
    run.state, run.due_at = state, clock.now() + LEASE
    run.save(update_fields=["state", "due_at"])


# -- matching ------------------------------------------------------------------------------------------------------


@transaction.atomic
def _match(run: Run) -> None:
    """Lay both sides beside each other and bring the breaks to what is found. One at a time, whoever runs."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('payments_reconciliation', 0))")
    now = clock.now()
    unsettled = Break.objects.exclude(state="cleared")
    open_keys = set(unsettled.values_list("key", flat=True))
    there, here = _both_sides(run, open_keys)
    bounds = Bounds(
        since=run.since,
        until=run.until,
        settled=now - SETTLES_WITHIN,
        late_after=LATE_AFTER,
        open_keys=open_keys,
        in_flight=queries.in_flight(),
    )
    outcome = match(there, here, bounds)
    run.cleared = _clear(outcome.found, run, at=now)
    RunBreak.objects.bulk_create(_as_found(_remember(found, run, at=now), run) for found in outcome.found)
    run.matched, run.found, run.sums = outcome.matched, len(outcome.found), _sums(run, there, here)
    run.payouts = queries.payouts_of(run)
    run.state, run.finished_at, run.due_at, run.note = "done", now, None, None
    run.save()


def _both_sides(run: Run, open_keys: set[str]) -> tuple[list[There], list[Here]]:
    """Every line of every key that moved within the window, or that has a break."""
    lines = StatementLine.objects.filter(created_at__gte=run.since, created_at__lt=run.until)
    keys = set(lines.values_list("key", flat=True)) | open_keys
    booked = {row.journal_id: row for row in ledger.at_stripe(since=run.since, until=run.until)}
    keys |= {row.key for row in booked.values()}
    there: list[There] = []
    for some in _batches(sorted(keys), _KEYS_AT_ONCE):
        booked |= {row.journal_id: row for row in ledger.at_stripe(keys=some)}
        found = StatementLine.objects.filter(key__in=some)
        there += [There(*row) for row in found.values_list("id", "key", "currency", "amount", "fee", "created_at")]
    here = [
        Here(
            str(row.journal_id),
            row.key,
            row.currency,
            row.amount,
            row.fee,
            row.at,
            corrects=row.kind == "correction",
            payment_id=str(row.payment_id) if row.payment_id else None,
        )
        for row in booked.values()
    ]
    return there, here


def _sums(run: Run, there: list[There], here: list[Here]) -> dict[str, Any]:
    """By currency what moved within the window on either side."""
    sums: dict[str, dict[str, int]] = {}
    both: list[There | Here] = [*there, *here]
    for line in both:
        if run.since <= line.at < run.until:
            side = "there" if isinstance(line, There) else "here"
            of = sums.setdefault(line.currency, {})
            for name, value in (("lines", 1), ("amount", line.amount), ("fee", line.fee)):
                of[f"{side}_{name}"] = of.get(f"{side}_{name}", 0) + value
    return dict(sorted(sums.items()))


# -- breaks --------------------------------------------------------------------------------------------------------


def _clear(found: list[Found], run: Run, *, at: datetime) -> int:
    """Breaks that are no longer found clear themselves."""
    seen = {each.identity for each in found}
    gone = [
        row
        for row in Break.objects.select_for_update().filter(state__in=("open", "proposed"))
        if row.identity not in seen
    ]
    for row in gone:
        row.state, row.settled_at, row.last_run = "cleared", at, run
        row.save(update_fields=["state", "settled_at", "last_run"])
        BreakStep.objects.create(of=row, at=at, by="system", what="cleared", note="no longer found")
    return len(gone)


def _as_found(row: Break, run: Run) -> RunBreak:
    """The break as it stands now: the run's page, print and CSV show it like this for good."""
    return RunBreak(
        run=run,
        of=row,
        kind=row.kind,
        key=row.key,
        currency=row.currency,
        difference=row.difference,
        state=row.state,
        payment_id=row.payment_id,
        at=row.at,
    )


def _remember(found: Found, run: Run, *, at: datetime) -> Break:
    difference = difference_of(found)
    told: dict[str, Any] = {
        "difference": difference,
        "there": [_plain(line) for line in found.there],
        "here": [_plain(line) for line in found.here],
        "payment_id": next((line.payment_id for line in found.here if line.payment_id), None),
        "last_seen_at": at,
        "last_run": run,
    }
    row = Break.objects.select_for_update().filter(identity=found.identity).first()
    if row is None:
        row = Break.objects.create(
            identity=found.identity,
            kind=found.kind,
            key=found.key,
            currency=(found.there or found.here)[0].currency,
            at=found.at,
            first_seen_at=at,
            **told,
        )
        BreakStep.objects.create(of=row, at=at, by="system", what="found")
        return row
    back = row.state == "cleared" or (row.state == "closed" and _comes_back(row, difference))
    for name, value in told.items():
        setattr(row, name, value)
    if back:
        row.state, row.settled_at, row.settled_by = "open", None, None
        row.proposed_by = row.approved_by = row.correct_to = None
        BreakStep.objects.create(of=row, at=at, by="system", what="found again")
    row.save()
    return row


def _comes_back(row: Break, difference: dict[str, int]) -> bool:
    """What a person closed stays closed as long as it is the same difference; a correction should have ended it."""
    return row.corrections > 0 or row.difference != difference


def difference_of(found: Found) -> dict[str, int]:
    """Stripe's net less ours, by currency."""
    sums: dict[str, int] = {}
    lines: list[There | Here] = [*found.there, *found.here]
    for line in lines:
        sign = 1 if isinstance(line, There) else -1
        sums[line.currency] = sums.get(line.currency, 0) + sign * (line.amount - line.fee)
    return {code: minor for code, minor in sorted(sums.items()) if minor}


def _plain(line: There | Here) -> dict[str, Any]:
    return {
        "id": line.id,
        "currency": line.currency,
        "amount": line.amount,
        "fee": line.fee,
        "at": line.at.isoformat(),
    }
