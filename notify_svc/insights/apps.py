from __future__ import annotations

from django.apps import AppConfig


class Insights(AppConfig):
    name = "notify_svc.insights"
    label = "notify_insights"
    verbose_name = "Insights"
    default_auto_field = "django.db.models.BigAutoField"
