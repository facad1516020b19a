from __future__ import annotations

from django.apps import AppConfig


class Appeals(AppConfig):
    name = "trust_svc.appeals"
    label = "trust_appeals"
    verbose_name = "Appeals"
