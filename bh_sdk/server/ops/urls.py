"""The addresses every service has for its keepers: `urlpatterns = [*probes, …]`."""

from __future__ import annotations

from django.urls import URLPattern, path

from bh_sdk.server.ops import health, metrics

probes: list[URLPattern] = [
    path("livez", health.live, name="livez"),
    path("readyz", health.ready, name="readyz"),
    path("metrics", metrics.page, name="metrics"),
]
