"""What Prometheus reads at `/metrics`. Other rooms add their own with `prometheus_client`, into the same registry."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, Counter, Histogram, generate_latest

REQUESTS = Histogram(
    "bh_request_seconds",
    "Time to answer, by route template",
    ["method", "route", "status"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2.5, 10),
)
FAILURES = Counter("bh_failures", "Requests answered with a 5xx problem, by code", ["code"])
REPLAYS = Counter("bh_idempotent_replays", "Stored answers given again", ["route"])


def page(request: HttpRequest) -> HttpResponse:
    """`GET /metrics`: this process's numbers in Prometheus' text format."""
    return HttpResponse(generate_latest(REGISTRY), content_type=CONTENT_TYPE_LATEST)
