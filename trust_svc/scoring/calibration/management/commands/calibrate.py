"""`manage.py calibrate`: fit parameters to decided cases of files. `calibrate_live` does it with those of the service."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from trust_svc.scoring.calibration import labels, lines
from trust_svc.scoring.calibration.calibrate import Calibrated, Case, calibrated, spoken
from trust_svc.scoring.calibration.errors import Unusable
from trust_svc.scoring.calibration.given import keep_apart, moment, parameters
from trust_svc.scoring.calibration.sheet import whole


class Command(BaseCommand):
    help = "Fit parameters to labelled facts; each --input goes with the --labels of the same place."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--input", type=Path, action="append", required=True, metavar="FACTS.jsonl")
        parser.add_argument("--labels", type=Path, action="append", required=True, metavar="LABELS.csv")
        parser.add_argument("--output", type=Path, required=True, metavar="PARAMS.json")
        parser.add_argument("--as-of", metavar="TIME", help="RFC 3339; default: the newest fact's time of each input")
        parser.add_argument("--params", type=Path, metavar="FILE.json", help="parameters to begin with")

    def handle(self, *args: Any, **given: Any) -> None:
        try:
            keep_apart(given["output"], [*given["input"], *given["labels"]])
            found, left_out = _of_files(given)
            with whole(given["output"]) as file:
                told = {"params": json.loads(found.params.canonical()), "report": found.report}
                file.write(json.dumps(told, indent=2, sort_keys=True) + "\n")
        except Unusable as error:
            raise CommandError(str(error), returncode=2) from None
        if left_out:
            self.stdout.write(f"{left_out} labels left out: no fact tells of whom they name by then")
        self.stdout.write("\n".join([*spoken(found.report), f"parameters in {given['output']}"]))


def _of_files(given: dict[str, Any]) -> tuple[Calibrated, int]:
    base = parameters(given["params"])
    cases: list[Case] = []
    left_out = 0
    for facts, labelled in labels.paired(given["input"], given["labels"]):
        population = lines.read(facts, as_of=moment(given["as_of"]))
        found, unknown = labels.cases(population, labelled, base)
        cases += found
        left_out += unknown
    return calibrated(cases, base), left_out
