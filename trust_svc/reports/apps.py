from __future__ import annotations

from django.apps import AppConfig


class Reports(AppConfig):
    name = "trust_svc.reports"
    label = "trust_reports"
    verbose_name = "Reports"
    default_auto_field = "django.db.models.BigAutoField"
