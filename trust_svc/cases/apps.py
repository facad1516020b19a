from __future__ import annotations

from django.apps import AppConfig


class Cases(AppConfig):
    name = "trust_svc.cases"
    label = "trust_cases"
    verbose_name = "Cases"
