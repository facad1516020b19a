"""`manage.py calibrate_live`: a draft of parameters, fitted to what staff decided."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from bh_sdk.errors import BHError
from trust_svc.scoring import parameters
from trust_svc.scoring.calibration.calibrate import spoken
from trust_svc.scoring.calibration.errors import Unusable
from trust_svc.scoring.calibration.live import calibrate_live
from trust_svc.versions.commands import draft_from_calibration


class Command(BaseCommand):
    help = "Fit parameters to the decided cases of the service and keep them as a draft."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--by", required=True, metavar="WHO", help="who is asking, for the log")
        parser.add_argument("--note", default="Calibrated on decided cases")

    def handle(self, *args: Any, **given: Any) -> None:
        live = parameters.live_version()
        try:
            found = calibrate_live(parameters.params_of(live))
            version = draft_from_calibration(
                params=found.params, report=found.report, made_from=live, note=given["note"], by=given["by"]
            )
        except (Unusable, BHError) as error:
            raise CommandError(str(error), returncode=2) from None
        self.stdout.write("\n".join([*spoken(found.report), f"version {version} is a draft"]))
