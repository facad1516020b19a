from __future__ import annotations

from django.apps import AppConfig


class Insights(AppConfig):
    name = "notify_svc.insights"
    label = "notify_insights"
    verbose_name = "Insights"

    def ready(self) -> None:
        # Not at the top: it needs the models, which are not there yet when this module is imported.
        from notify_svc.insights import metrics

        metrics.register()
