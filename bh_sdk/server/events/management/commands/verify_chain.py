"""`manage.py verify_chain`: is the log what was recorded?"""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from bh_sdk.server.events.chain import verify
from bh_sdk.server.events.seals import SealSink
from bh_sdk.server.ops.settings import setting


class Command(BaseCommand):
    help = "Compute every digest and every link of the chain again; name the first row that differs and exit with 1."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        verdict = verify(setting("BH_SERVICE"), SealSink.from_environment())
        for note in verdict.notes:
            self.stdout.write(note)
        if verdict.finding is not None:
            raise CommandError(str(verdict.finding))
        self.stdout.write(
            f"{verdict.events} events in {verdict.seals} seals are intact; {verdict.heads} signed heads agree"
        )
