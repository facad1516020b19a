from __future__ import annotations

from django.apps import AppConfig


class Reconciliation(AppConfig):
    name = "payments_svc.reconciliation"
    label = "payments_reconciliation"
    verbose_name = "Reconciliation"
