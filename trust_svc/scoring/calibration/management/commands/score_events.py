"""`manage.py score_events`: score a file of facts, without touching live data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from trust_svc.scoring.calibration import lines, sheet
from trust_svc.scoring.calibration.errors import Unusable
from trust_svc.scoring.calibration.given import keep_apart, moment, parameters


class Command(BaseCommand):
    help = "Score facts of a JSONL file (one fact of the evidence contract a line) into a CSV file."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--input", type=Path, required=True, metavar="FACTS.jsonl")
        parser.add_argument("--output", type=Path, required=True, metavar="SCORES.csv")
        parser.add_argument("--as-of", metavar="TIME", help="RFC 3339; default: the newest fact's time")
        parser.add_argument("--params", type=Path, metavar="FILE.json", help="parameters, as calibrate writes them")

    def handle(self, *args: Any, **given: Any) -> None:
        try:
            keep_apart(given["output"], [given["input"]])
            params = parameters(given["params"])
            population = lines.read(given["input"], as_of=moment(given["as_of"]))
            count = sheet.write(population, params, given["output"])
        except Unusable as error:
            raise CommandError(str(error), returncode=2) from None
        self.stdout.write(f"{count} scores in {given['output']}")
