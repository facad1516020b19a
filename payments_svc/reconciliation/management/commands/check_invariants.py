"""`manage.py check_invariants`: does everything hold that must hold?"""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from payments_svc.reconciliation import checking, queries
from payments_svc.reconciliation.invariants import SENTENCES


class Command(BaseCommand):
    help = "Ask every invariant; print what does not hold and exit with 1."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--stripe", action="store_true", help="compare the balance with what Stripe reports, too")

    def handle(self, *args: Any, **options: Any) -> None:
        checking.check_all()
        if options["stripe"]:
            checking.check_balance()
        broken = queries.open_findings()
        for row in broken:
            self.stderr.write(f"{SENTENCES.get(row.check_name, row.check_name)}. Not so: {row.subject}: {row.detail}")
        if broken:
            raise CommandError(f"{len(broken)} findings")
        self.stdout.write(f"{len(queries.rounds())} invariants hold")
