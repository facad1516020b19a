from __future__ import annotations

from django.apps import AppConfig


class Retention(AppConfig):
    name = "notify_svc.retention"
    label = "notify_retention"
    verbose_name = "Retention"

    def ready(self) -> None:
        # Not at the top: it needs the models, which are not there yet when this module is imported.
        from notify_svc.retention import metrics

        metrics.register()
