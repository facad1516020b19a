"""`manage.py verify_ledger`: is the ledger what was posted?"""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from bh_sdk.server.events.seals import SealSink
from payments_svc.ledger.audit import verify


class Command(BaseCommand):
    help = "Compare every journal and line with its fact and the chain over the facts; name every row that differs."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        verdict = verify(SealSink.from_environment())
        for note in verdict.chain.notes:
            self.stdout.write(note)
        for finding in verdict.findings:
            self.stderr.write(str(finding))
        if verdict.findings:
            raise CommandError(f"{len(verdict.findings)} differences")
        self.stdout.write(
            f"{verdict.journals} journals with {verdict.lines} lines are what was posted; "
            f"{verdict.chain.events} facts in {verdict.chain.seals} seals are intact"
        )
