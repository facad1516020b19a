from __future__ import annotations

from django.apps import AppConfig


class Ops(AppConfig):
    name = "bh_sdk.server.ops"
    label = "bh_ops"
    verbose_name = "Operations"
    default_auto_field = "django.db.models.BigAutoField"
