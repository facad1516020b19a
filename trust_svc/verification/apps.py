from __future__ import annotations

from django.apps import AppConfig


class Verification(AppConfig):
    name = "trust_svc.verification"
    label = "trust_verification"
    verbose_name = "Verification"
