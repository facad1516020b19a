from __future__ import annotations

from django.apps import AppConfig


class Insights(AppConfig):
    name = "trust_svc.insights"
    label = "trust_insights"
    verbose_name = "Insights"
