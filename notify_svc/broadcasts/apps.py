from __future__ import annotations

from django.apps import AppConfig


class Broadcasts(AppConfig):
    name = "notify_svc.broadcasts"
    label = "notify_broadcasts"
    verbose_name = "Broadcasts"

    def ready(self) -> None:
        # Not at the top: it needs the models, which are not there yet when this module is imported.
        from notify_svc.broadcasts import metrics

        metrics.register()
