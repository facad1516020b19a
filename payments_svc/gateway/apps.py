from __future__ import annotations

from django.apps import AppConfig


class Gateway(AppConfig):
    name = "payments_svc.gateway"
    label = "payments_gateway"
    verbose_name = "Stripe"
