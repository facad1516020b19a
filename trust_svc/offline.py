"""Settings of the commands that work on files alone: no database, no server, no secret, nothing from the environment."""

from __future__ import annotations

INSTALLED_APPS = ["trust_svc.scoring.calibration.apps.Calibration"]
USE_TZ = True
TIME_ZONE = "UTC"
