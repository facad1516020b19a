from __future__ import annotations

from django.apps import AppConfig


class Ledger(AppConfig):
    name = "payments_svc.ledger"
    label = "payments_ledger"
    verbose_name = "Ledger"
