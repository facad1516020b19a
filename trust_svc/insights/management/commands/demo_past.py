"""The past of a local stack."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from bh_sdk.server.access import wiring
from bh_sdk.server.ops import clock
from trust_svc.evidence import queries as known
from trust_svc.insights import commands
from trust_svc.insights.management import past
from trust_svc.insights.management.telling import Teller


class Command(BaseCommand):
    help = "Tell three months of trust that went before: facts, reports, cases, appeals, overrides. Local stacks only."

    def handle(self, *_: Any, **__: Any) -> None:
        environment = wiring.setting("BH_ENV")
        if environment not in ("local", "test"):
            raise CommandError(f"A past is made up for local stacks only, and BH_ENV is {environment or 'not set'}")
        today = clock.now()
        plan = past.campaigns(today)
        if known.is_known("campaign", plan[0].id):
            self.stdout.write("the past is told already")
            return
        # Nobody sees half of it: the workers of the stack live in the present, and go on from where this ends.
        with _own_clock() as go_to, transaction.atomic():
            Teller(plan, today).tell(go_to)
            go_to(today)
            days = commands.rebuild()
        decided = sum(1 for each in plan if each.blame)
        self.stdout.write(f"{len(plan)} campaigns of the last {days} days, {decided} decided cases")


@contextmanager
def _own_clock() -> Iterator[Callable[[datetime], None]]:
    """Let this process alone be at another time."""
    before = os.environ.get("BH_CLOCK_FILE")
    unmoved = clock.now() - clock.shift()
    with tempfile.TemporaryDirectory() as room:

        def go_to(moment: datetime) -> None:
            # A file for each moment: two of them may fall into one tick of the file system.
            file = Path(room) / f"{moment:%Y%m%dT%H%M%S%f}"
            file.write_text(str((moment - unmoved).total_seconds()))
            os.environ["BH_CLOCK_FILE"] = str(file)

        try:
            yield go_to
        finally:
            os.environ.pop("BH_CLOCK_FILE", None)
            if before is not None:
                os.environ["BH_CLOCK_FILE"] = before
