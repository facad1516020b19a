from __future__ import annotations

from django.apps import AppConfig


class Refunds(AppConfig):
    name = "payments_svc.refunds"
    label = "payments_refunds"
    verbose_name = "Refunds"
