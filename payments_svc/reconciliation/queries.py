"""Reading runs, breaks and findings."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Count, Q

from bh_sdk.errors import NotFound
from payments_svc.reconciliation.models import BankPayout, Break, CheckRound, Finding, Run, StatementLine
from payments_svc.refunds import queries as refunds


def in_flight() -> set[str]:
    """Keys whose money may have moved at Stripe while our books still wait for it."""
    return refunds.on_their_way()


def break_for_update(break_id: UUID) -> Break:
    """The break's row, locked until the transaction ends."""
    found = Break.objects.select_for_update().filter(id=break_id).first()
    if found is None:
        raise NotFound("There is no such break")
    return found


def waiting_breaks() -> tuple[int, int]:
    """How many breaks are open, and how many corrections wait for a second person."""
    counts = Break.objects.aggregate(
        open=Count("id", filter=Q(state="open")), proposed=Count("id", filter=Q(state="proposed"))
    )
    return counts["open"], counts["proposed"]


def last_run() -> Run | None:
    return Run.objects.filter(state="done").first()


def breaks_by_kind(run: Run) -> dict[str, tuple[int, int]]:
    """Of the breaks that a run found: how many of each kind, and how many of them were to be worked when it ended."""
    counted = (
        run.found_breaks.values("kind")
        .annotate(all=Count("id"), left=Count("id", filter=Q(state__in=("open", "proposed"))))
        .order_by("kind")
    )
    return {row["kind"]: (row["all"], row["left"]) for row in counted}


def payouts_of(run: Run) -> list[dict[str, Any]]:
    """The payouts to our bank within a run's window as they stand now, each with how many moves it consists of and what
    they come to (`net`), in minor units."""
    found = []
    for payout in BankPayout.objects.filter(created_at__gte=run.since, created_at__lt=run.until):
        lines, net = lines_of(payout)
        found.append(
            {
                "id": payout.id,
                "amount": payout.amount,
                "currency": payout.currency,
                "status": payout.status,
                "moves": len(lines),
                "net": net,
            }
        )
    return found


def lines_of(payout: BankPayout) -> tuple[list[StatementLine], int]:
    """What a payout consists of, and what it comes to."""
    lines = list(StatementLine.objects.filter(payout_id=payout.id))
    return lines, sum(line.net for line in lines)


def open_findings() -> list[Finding]:
    return list(Finding.objects.filter(cleared_at__isnull=True).order_by("check_name", "subject"))


def rounds() -> dict[str, CheckRound]:
    return {row.check_name: row for row in CheckRound.objects.all()}
