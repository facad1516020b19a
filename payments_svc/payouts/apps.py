from __future__ import annotations

from django.apps import AppConfig


class Payouts(AppConfig):
    name = "payments_svc.payouts"
    label = "payments_payouts"
    verbose_name = "Payouts"
