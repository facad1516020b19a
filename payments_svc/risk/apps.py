from __future__ import annotations

from django.apps import AppConfig


class Risk(AppConfig):
    name = "payments_svc.risk"
    label = "payments_risk"
    verbose_name = "Risk"
