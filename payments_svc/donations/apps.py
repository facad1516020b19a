from __future__ import annotations

from django.apps import AppConfig


class Donations(AppConfig):
    name = "payments_svc.donations"
    label = "payments_donations"
    verbose_name = "Donations"
