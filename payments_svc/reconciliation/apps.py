from __future__ import annotations

from django.apps import AppConfig


class Reconciliation(AppConfig):
    name = "payments_svc.reconciliation"
    label = "payments_reconciliation"
    verbose_name = "Reconciliation"

    def ready(self) -> None:
        # Not at the top: it needs the models, which are not there yet when this module is imported.
        from payments_svc.reconciliation import metrics

        metrics.register()
