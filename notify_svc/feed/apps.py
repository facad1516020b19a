from __future__ import annotations

from django.apps import AppConfig


class Feed(AppConfig):
    name = "notify_svc.feed"
    label = "notify_feed"
    verbose_name = "Feed"
    default_auto_field = "django.db.models.BigAutoField"
