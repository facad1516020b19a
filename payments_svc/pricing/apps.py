from __future__ import annotations

from django.apps import AppConfig


class Pricing(AppConfig):
    name = "payments_svc.pricing"
    label = "payments_pricing"
    verbose_name = "Pricing"
