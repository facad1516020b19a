from __future__ import annotations

from django.apps import AppConfig


class Disputes(AppConfig):
    name = "payments_svc.disputes"
    label = "payments_disputes"
    verbose_name = "Disputes"
