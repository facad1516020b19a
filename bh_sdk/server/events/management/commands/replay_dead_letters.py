"""`manage.py replay_dead_letters`: apply parked events again."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from bh_sdk.server.events import dead_letters


class Command(BaseCommand):
    help = "Apply parked events again, subject by subject in their order; a subject stops at its first failure."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--subject", help="only this subject")
        parser.add_argument("--by", default="command", help="who asks for it; kept with each event")

    def handle(self, *args: Any, subject: str | None, by: str, **options: Any) -> None:
        applied, failed = 0, []
        for id in dead_letters.parked_ids(subject=subject):
            outcome = dead_letters.replay(id=id, by=by)
            applied += outcome.applied
            if outcome.failed is not None:
                failed.append(outcome.failed)
        self.stdout.write(f"{applied} events applied")
        for reason in failed:
            self.stderr.write(reason)
        if failed:
            raise CommandError(f"{len(failed)} subjects still wait")
