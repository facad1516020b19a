from __future__ import annotations

from django.apps import AppConfig


class Tracking(AppConfig):
    name = "notify_svc.tracking"
    label = "notify_tracking"
    verbose_name = "Tracking"
    default_auto_field = "django.db.models.BigAutoField"
