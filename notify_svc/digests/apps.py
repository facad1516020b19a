from __future__ import annotations

from django.apps import AppConfig


class Digests(AppConfig):
    name = "notify_svc.digests"
    label = "notify_digests"
    verbose_name = "Digests"
    default_auto_field = "django.db.models.BigAutoField"
