"""The Celery app of a service. Celery carries only work that PostgreSQL can tell again."""

from __future__ import annotations

import os
import threading
from functools import cache
from typing import Any

from celery import Celery
from celery.signals import setup_logging, task_postrun, task_prerun, worker_ready
from django.db import close_old_connections
from django.utils.module_loading import import_string

from bh_sdk.server.ops import cause, heap, trace
from bh_sdk.server.ops.settings import setting

# One worker thread runs one task at a time.
_tokens = threading.local()


def make_celery(service: str, settings_module: str | None = None) -> Celery:
    """The app of `service`: configured by its Django settings (`CELERY_…`), tasks found in the slices' `tasks.py`.

    `payments_svc/celery.py` is `app = make_celery("payments")`.
    """
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", settings_module or f"{service}_svc.settings")
    # The api of the service checks the project (ops.wsgi); a worker would load every address and page only for that.
    os.environ.setdefault("CELERY_SKIP_CHECKS", "1")
    app = Celery(service)
    app.config_from_object("django.conf:settings", namespace="CELERY")
    app.autodiscover_tasks()
    app.set_default()
    task_prerun.connect(_begin, dispatch_uid="bh_begin")
    task_postrun.connect(_end, dispatch_uid="bh_end")
    worker_ready.connect(_settle, dispatch_uid="bh_heap")
    # Connecting a receiver keeps Celery from replacing the logging that Django set up.
    setup_logging.connect(_keep_logging, dispatch_uid="bh_logging")
    return app


@cache
def celery_of_settings() -> Celery:
    """The app that the settings name (`BH_CELERY_APP`), in any program of the service."""
    app: Celery = import_string(setting("BH_CELERY_APP"))
    return app


def _begin(task: Any = None, **_: Any) -> None:
    # A task is like a request: it takes over its caller's trace, and a connection that died meanwhile is dropped.
    close_old_connections()
    headers = getattr(getattr(task, "request", None), "headers", None) or {}
    trace.begin(headers.get("X-Request-ID"), headers.get("traceparent"))
    _tokens.value = cause.begin(cause.Cause(door="task", reason=getattr(task, "name", None)))


def _end(**_: Any) -> None:
    close_old_connections()
    trace.end()
    token = vars(_tokens).pop("value", None)
    if token is not None:
        cause.end(token)


def _settle(**_: Any) -> None:
    heap.settle()


def _keep_logging(**_: Any) -> None:
    return None
