from __future__ import annotations

from django.apps import AppConfig


class Devices(AppConfig):
    name = "notify_svc.devices"
    label = "notify_devices"
    verbose_name = "Devices"
