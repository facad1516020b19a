"""The words a slice writes its `api.py` with: `Router`, `Call`, `Status`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import HttpRequest
from ninja import Router as NinjaRouter
from ninja.constants import NOT_SET
from ninja.operation import Operation
from ninja.responses import Status

if TYPE_CHECKING:
    from bh_sdk.server.access.principals import Principal
    from bh_sdk.server.api.idempotency import Idempotency

__all__ = ["Call", "Router", "Status"]


class Call(HttpRequest):
    """A request as a view of ours sees it. `idempotency` is set under `@idempotent` alone."""

    auth: Principal
    request_id: str
    idempotency: Idempotency | None
    bh_operation: Operation
    bh_document: Any


class Router(NinjaRouter):
    """Every route names its lock (`auth=may(…)`); `auth=None` says that the view checks a signature itself."""

    def add_api_operation(
        self, path: str, methods: list[str], view_func: Any, *, auth: Any = NOT_SET, **rest: Any
    ) -> None:
        if auth is NOT_SET and self.auth is NOT_SET:
            raise TypeError(f"{view_func.__module__}.{view_func.__name__} does not say who may call it")
        super().add_api_operation(path, methods, view_func, auth=auth, **rest)
