from __future__ import annotations

from django.apps import AppConfig


class Retention(AppConfig):
    name = "notify_svc.retention"
    label = "notify_retention"
    verbose_name = "Retention"
    default_auto_field = "django.db.models.BigAutoField"
