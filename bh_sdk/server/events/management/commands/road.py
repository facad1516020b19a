"""`manage.py road`: relay and consumers of this service."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand

from bh_sdk.server.events.road import drive, workers
from bh_sdk.server.ops import heap


class Command(BaseCommand):
    help = "Number and publish this service's facts, and apply those of other services, until SIGTERM."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        found = workers()
        heap.settle()
        sys.exit(drive(found))
