"""`manage.py import_scores --input user_profiles.csv --input trust_score_events.jsonl [--dry-run] [--report FILE]`"""

from __future__ import annotations

import csv
from argparse import ArgumentParser
from collections import Counter
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from bh_sdk.server.ops import clock
from trust_svc.evidence.legacy import commands
from trust_svc.evidence.legacy.rows import read_export
from trust_svc.evidence.legacy.rules import OldScore, old_scores

# Wrong lines and people that the terminal names; the report names all.
NAMED = 20


class Command(BaseCommand):
    help = (
        "Bring the scores of the old platform over as evidence. Files are exports of user_profiles and trust_score_events, "
        "JSON Lines or CSV with a head, in whatever shape their columns have. May be run again: nothing is told twice."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--input", type=Path, action="append", required=True, help="may be given several times")
        parser.add_argument("--dry-run", action="store_true", help="say what would come of it, and change nothing")
        parser.add_argument("--report", type=Path, help="CSV of everybody who would stand in another tier (--dry-run)")

    def handle(self, *args: Any, **options: Any) -> None:
        export = read_export(options["input"])
        everybody = old_scores(export.profiles, export.events)
        scored = [each for each in everybody if each.score is not None]
        good = [each for each in scored if each.problem is None]
        self.stdout.write(f"{len(export.profiles)} profiles, {len(export.events)} events, {len(everybody)} people")
        self.stdout.write(f"{len(scored)} scored, {len(everybody) - len(scored)} unscored")
        self.stdout.write("tiers: " + _listed(commands.tiers(everybody)))
        for place, why in export.wrong[:NAMED]:
            self.stdout.write(f"not read: {place}: {why}")
        for each in [each for each in scored if each.problem][:NAMED]:
            self.stdout.write(f"left out: {each.user_id}: {each.problem}")
        left = len(export.wrong) + len(scored) - len(good)
        if left:
            self.stdout.write(f"{left} lines or people are left out")
        if options["dry_run"]:
            self._foretell(good, options["report"])
        else:
            self._bring(good)

    def _foretell(self, good: list[OldScore], report: Path | None) -> None:
        found = commands.moves(good, as_of=clock.now())
        moved = [each for each in found if each.tier != each.old_tier]
        ways = Counter(f"{each.old_tier} to {each.tier}" for each in moved)
        self.stdout.write(f"{len(moved)} of {len(found)} would stand in another tier: {_listed(ways)}")
        if report is not None:
            with report.open("w", newline="") as file:
                lines = csv.writer(file)
                lines.writerow(["user_id", "old_score", "old_tier", "score", "tier", "rated"])
                lines.writerows([m.user_id, m.old_score, m.old_tier, f"{m.score:.2f}", m.tier, m.rated] for m in moved)
        self.stdout.write("nothing was changed")

    def _bring(self, good: list[OldScore]) -> None:
        brought = commands.bring_over(good)
        self.stdout.write(f"{brought.told} told, {brought.known} known already")
        self.stdout.write(f"export   {brought.wanted}\ndatabase {brought.stored}")
        if not brought.is_whole:
            raise CommandError("The database does not say what the export says")


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items())) or "none"
