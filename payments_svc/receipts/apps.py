from __future__ import annotations

from django.apps import AppConfig


class Receipts(AppConfig):
    name = "payments_svc.receipts"
    label = "payments_receipts"
    verbose_name = "Receipts"
