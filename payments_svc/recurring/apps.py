from __future__ import annotations

from django.apps import AppConfig


class Recurring(AppConfig):
    name = "payments_svc.recurring"
    label = "payments_recurring"
    verbose_name = "Recurring gifts"
