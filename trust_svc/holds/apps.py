from __future__ import annotations

from django.apps import AppConfig


class Holds(AppConfig):
    name = "trust_svc.holds"
    label = "trust_holds"
    verbose_name = "Holds"
    default_auto_field = "django.db.models.BigAutoField"
