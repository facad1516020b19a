"""`manage.py new_epoch`: for a log that went back in time without noticing."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from bh_sdk.server.events.epochs import begin_epoch
from bh_sdk.server.events.leadership import direct_connection


class Command(BaseCommand):
    help = (
        "Begin a new epoch after the last number in this database. Needed after a copied data directory (the relay's "
        "alarm `stream_ahead`); a dump or a point-in-time restore is noticed by itself."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--reason", default="by command")

    def handle(self, *args: Any, reason: str, **options: Any) -> None:
        with direct_connection() as connection:
            head = begin_epoch(connection, reason=reason)
        self.stdout.write(f"epoch {head.epoch} begins after number {head.number}")
