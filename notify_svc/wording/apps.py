from __future__ import annotations

from django.apps import AppConfig


class Wording(AppConfig):
    name = "notify_svc.wording"
    label = "notify_wording"
    verbose_name = "Wording"
