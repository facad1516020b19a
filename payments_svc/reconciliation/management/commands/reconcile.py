"""`manage.py reconcile --from 2026-11-01 --to 2026-11-08`: lay a window of Stripe's statement beside the ledger, now."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand

from bh_sdk.server.ops import clock
from payments_svc.reconciliation import commands


class Command(BaseCommand):
    help = "Reconcile a window (UTC, the end excluded) and print what was found; without dates the last three days."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--from", dest="since", type=_day, help="YYYY-MM-DD or a time in ISO 8601")
        parser.add_argument("--to", dest="until", type=_day)

    def handle(self, *args: Any, **options: Any) -> None:
        until = options["until"] or clock.now()
        run = commands.start_run(since=options["since"] or until - timedelta(days=3), until=until, by="operator")
        run = commands.carry_on(run.id)
        for code, sums in run.sums.items():
            self.stdout.write(f"{code}: {sums}")
        for row in run.found_breaks.all():
            self.stdout.write(f"{row.kind} {row.key} {row.difference or ''} {row.state}")
        self.stdout.write(
            f"{run.read} transactions read, {run.matched} matched, {run.found} breaks, {run.cleared} cleared"
        )


def _day(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
