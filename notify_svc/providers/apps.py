from __future__ import annotations

from django.apps import AppConfig


class Providers(AppConfig):
    name = "notify_svc.providers"
    label = "notify_providers"
    verbose_name = "Providers"
    default_auto_field = "django.db.models.BigAutoField"
