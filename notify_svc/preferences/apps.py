from __future__ import annotations

from django.apps import AppConfig


class Preferences(AppConfig):
    name = "notify_svc.preferences"
    label = "notify_preferences"
    verbose_name = "Preferences"
    default_auto_field = "django.db.models.BigAutoField"
