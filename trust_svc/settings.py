"""Settings of the trust service. Everything that depends on where it runs comes from the environment."""

from __future__ import annotations

from celery.schedules import crontab

from bh_sdk.server.ops.settings import service_settings

globals().update(
    service_settings(
        "trust",
        apps=[
            "trust_svc.evidence.apps.Evidence",
            "trust_svc.scoring.apps.Scoring",
            "trust_svc.scoring.calibration.apps.Calibration",
            "trust_svc.reports.apps.Reports",
            "trust_svc.holds.apps.Holds",
            "trust_svc.cases.apps.Cases",
            "trust_svc.appeals.apps.Appeals",
            "trust_svc.verification.apps.Verification",
            "trust_svc.overrides.apps.Overrides",
            "trust_svc.versions.apps.Versions",
            "trust_svc.insights.apps.Insights",
        ],
        beat={
            # A beat that nobody took in time is worth nothing: the next one does the same.
            "trust.scoring.rescore_due": {
                "task": "trust.scoring.rescore_due",
                "schedule": 0.5,
                "options": {"expires": 2},
            },
            "trust.reports.settle_decided": {
                "task": "trust.reports.settle_decided",
                "schedule": 60.0,
            },
            "trust.cases.gather": {"task": "trust.cases.gather", "schedule": 1.0, "options": {"expires": 2}},
            "trust.cases.wake": {"task": "trust.cases.wake", "schedule": 60.0},
            "trust.scoring.mark_expired": {
                "task": "trust.scoring.mark_expired",
                "schedule": 1.0,
                "options": {"expires": 2},
            },
            "trust.overrides.expire_due": {
                "task": "trust.overrides.expire_due",
                "schedule": 1.0,
                "options": {"expires": 5},
            },
            "trust.verification.tell_ends": {
                "task": "trust.verification.tell_ends",
                "schedule": 300.0,
                "options": {"expires": 300},
            },
            "trust.verification.delete_documents": {
                "task": "trust.verification.delete_documents",
                "schedule": 900.0,
                "options": {"expires": 900},
            },
            "trust.versions.carry_on": {
                "task": "trust.versions.carry_on",
                "schedule": 2.0,
                "options": {"expires": 5},
            },
            "trust.versions.calibrate": {
                "task": "trust.versions.calibrate",
                "schedule": 5.0,
                "options": {"expires": 10},
            },
            "trust.versions.watch_trial": {"task": "trust.versions.watch_trial", "schedule": 60.0},
            "trust.versions.tidy": {"task": "trust.versions.tidy", "schedule": 300.0},
            "trust.insights.keep_up": {
                "task": "trust.insights.keep_up",
                "schedule": 600.0,
                "options": {"expires": 600},
            },
            # Before the epoch: the numbers that made the stored scores must still be those that count.
            "trust.scoring.check_parity": {
                "task": "trust.scoring.check_parity",
                "schedule": crontab(hour="2", minute="2"),
            },
            "trust.scoring.begin_epoch": {
                "task": "trust.scoring.begin_epoch",
                "schedule": crontab(hour="2", minute="17"),
            },
        },
    )
)
