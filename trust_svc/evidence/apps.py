from __future__ import annotations

from django.apps import AppConfig


class Evidence(AppConfig):
    name = "trust_svc.evidence"
    label = "trust_evidence"
    verbose_name = "Evidence"
    default_auto_field = "django.db.models.BigAutoField"
