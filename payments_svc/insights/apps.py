from __future__ import annotations

from django.apps import AppConfig


class Insights(AppConfig):
    name = "payments_svc.insights"
    label = "payments_insights"
    verbose_name = "Insights"
