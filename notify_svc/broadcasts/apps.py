from __future__ import annotations

from django.apps import AppConfig


class Broadcasts(AppConfig):
    name = "notify_svc.broadcasts"
    label = "notify_broadcasts"
    verbose_name = "Broadcasts"
    default_auto_field = "django.db.models.BigAutoField"
