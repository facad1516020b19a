from __future__ import annotations

from django.apps import AppConfig


class Audience(AppConfig):
    name = "notify_svc.audience"
    label = "notify_audience"
    verbose_name = "Audience"
