from __future__ import annotations

from django.apps import AppConfig


class Overrides(AppConfig):
    name = "trust_svc.overrides"
    label = "trust_overrides"
    verbose_name = "Overrides"
