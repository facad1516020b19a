"""Build the read models again from the recorded facts: campaign totals, donors, daily figures."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from payments_svc.insights import rebuild


class Command(BaseCommand):
    help = "Build campaign totals, donors and daily figures again from the facts in the feed."

    def handle(self, *args: Any, **options: Any) -> None:
        done = rebuild.insights()
        self.stdout.write(f"{done} facts added up")
