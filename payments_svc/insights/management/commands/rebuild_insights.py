"""Build the campaign totals again from the recorded facts."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from payments_svc.insights import rebuild


class Command(BaseCommand):
    help = "Build the campaign totals again from the facts in the feed."

    def handle(self, *args: Any, **options: Any) -> None:
        done = rebuild.totals()
        self.stdout.write(f"{done} facts added up")
