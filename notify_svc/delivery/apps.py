from __future__ import annotations

from django.apps import AppConfig


class Delivery(AppConfig):
    name = "notify_svc.delivery"
    label = "notify_delivery"
    verbose_name = "Delivery"

    def ready(self) -> None:
        # Not at the top: it needs the models, which are not there yet when this module is imported.
        from notify_svc.delivery import metrics

        metrics.register()
