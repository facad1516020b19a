from __future__ import annotations

from django.apps import AppConfig


class Calibration(AppConfig):
    """Holds the commands; it has no tables."""

    name = "trust_svc.scoring.calibration"
    label = "trust_calibration"
    verbose_name = "Calibration"
