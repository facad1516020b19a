from __future__ import annotations

from django.apps import AppConfig


class Versions(AppConfig):
    name = "trust_svc.versions"
    label = "trust_versions"
    verbose_name = "Versions"
