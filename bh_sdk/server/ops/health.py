"""Probes. Alive is not ready: `/livez` never touches anything, `/readyz` asks what a request would need."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import redis
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse

from bh_sdk.server.ops.settings import setting

_migrated = False


def live(request: HttpRequest) -> HttpResponse:
    """The process answers. Restart it when this does not."""
    return HttpResponse("ok\n", content_type="text/plain")


def ready(request: HttpRequest) -> HttpResponse:
    """`{status: ready|degraded|unready, checks}`; 503 when unready. Redis away only degrades: nothing is lost."""
    checks = {
        "database": _database(),
        "migrations": "unknown",
        "draining": "yes" if draining() else "no",
        "redis": _redis(),
    }
    if checks["database"] == "ok":
        checks["migrations"] = _migrations()
    unready = checks["database"] != "ok" or checks["migrations"] != "applied" or checks["draining"] == "yes"
    status = "unready" if unready else "ready" if checks["redis"] == "ok" else "degraded"
    response = JsonResponse({"status": status, "checks": checks}, status=503 if unready else 200)
    if unready:
        response["Retry-After"] = "1"
    return response


def draining() -> bool:
    """Whether this instance is being taken out: the file `BH_DRAIN_FILE` exists (a preStop hook makes it)."""
    return Path(setting("BH_DRAIN_FILE")).exists()


def drain() -> None:
    """Answer unready from now on, so that no balancer sends new work. SIGTERM then ends what is under way."""
    Path(setting("BH_DRAIN_FILE")).touch()


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return "away"
    return "ok"


def _migrations() -> str:
    global _migrated
    if _migrated:
        return "applied"
    try:
        executor = MigrationExecutor(connection)
        _migrated = not executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError:
        return "unknown"
    return "applied" if _migrated else "missing"


@cache
def _redis_client(url: str) -> redis.Redis:
    return redis.Redis.from_url(url, socket_timeout=0.5, socket_connect_timeout=0.5)


def _redis() -> str:
    try:
        _redis_client(setting("REDIS_URL")).ping()
    except redis.RedisError:
        return "away"
    return "ok"
