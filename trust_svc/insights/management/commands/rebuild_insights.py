"""Count every day again from the history of scores and from reports."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from trust_svc.insights import commands


class Command(BaseCommand):
    help = "Count every day of the analytics again: distribution, movement, reports and how long decisions took."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"{commands.rebuild()} days counted")
