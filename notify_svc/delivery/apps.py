from __future__ import annotations

from django.apps import AppConfig


class Delivery(AppConfig):
    name = "notify_svc.delivery"
    label = "notify_delivery"
    verbose_name = "Delivery"
