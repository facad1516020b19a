from __future__ import annotations

from django.apps import AppConfig


class Events(AppConfig):
    name = "bh_sdk.server.events"
    label = "bh_events"
    verbose_name = "Events"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # Not at the top: it needs the settings, which are still being read when this module is imported.
        from bh_sdk.server.events import metrics

        metrics.register()
