from __future__ import annotations

from django.apps import AppConfig


class Scoring(AppConfig):
    name = "trust_svc.scoring"
    label = "trust_scoring"
    verbose_name = "Scoring"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from trust_svc.scoring import metrics

        metrics.register()
