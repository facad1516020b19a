from __future__ import annotations

from django.apps import AppConfig


class Demo(AppConfig):
    name = "tests.kit.project.demo"
    label = "kit_demo"
    default_auto_field = "django.db.models.BigAutoField"
