from __future__ import annotations

from django.apps import AppConfig


class Api(AppConfig):
    name = "bh_sdk.server.api"
    label = "bh_api"
    verbose_name = "API"
    default_auto_field = "django.db.models.BigAutoField"
