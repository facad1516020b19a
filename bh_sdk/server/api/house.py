"""`make_api`: a service's API, with everything that holds for all routes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, cast

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import URLPattern, URLResolver
from django.urls import path as django_path
from ninja import NinjaAPI, Swagger
from ninja.errors import ConfigError
from ninja.operation import Operation, PathView
from ninja.router import BoundRouter
from ninja.utils import normalize_path, replace_path_param_notation

from bh_sdk.server.api import problems
from bh_sdk.server.api.document import Document
from bh_sdk.server.api.routes import Router
from bh_sdk.server.api.strict import StrictParser, check_query

DOCS_CSP = (
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
)


class HouseDocs(Swagger):
    """Swagger UI from our own static files: the page works without the internet."""

    def render_page(self, request: HttpRequest, api: NinjaAPI, **kwargs: Any) -> HttpResponse:
        response = super().render_page(request, api, **kwargs)
        response["Content-Security-Policy"] = DOCS_CSP
        return response


class HouseAPI(NinjaAPI):
    """Ninja, with problems for errors, strict reading, one pattern per path, and functions' names as operation ids."""

    def __init__(self, service: str, title: str, **rest: Any) -> None:
        self.service = service
        self._document: dict[str, Any] | None = None
        super().__init__(
            title=title,
            version="1",
            urls_namespace=f"{service}-api-v1",
            docs=HouseDocs({"persistAuthorization": True}),
            parser=StrictParser(),
            **rest,
        )

    def set_default_exception_handlers(self) -> None:
        self.add_exception_handler(Exception, lambda request, error: problems.answer(cast(Exception, error)))

    def get_openapi_operation_id(self, operation: Operation) -> str:
        return str(getattr(operation.view_func, "__name__", ""))

    def get_openapi_schema(self, *, path_prefix: str | None = None, path_params: dict[str, Any] | None = None) -> Any:
        if self._document is None:
            self._document = Document(self, path_prefix or self.get_root_path(path_params or {}))
        return self._document

    def _get_bound_routers(self) -> list[BoundRouter]:
        if self._bound_routers_cache is None:
            names: dict[str, str] = {}
            for bound in super()._get_bound_routers():
                for view in bound.path_operations.values():
                    for operation in view.operations:
                        self._guard(operation)
                        name = self.get_openapi_operation_id(operation)
                        module = operation.view_func.__module__
                        if name in names:
                            raise ConfigError(f"Two routes are called {name}: in {names[name]} and {module}")
                        names[name] = module
        return super()._get_bound_routers()

    def _guard(self, operation: Operation) -> None:
        """Before a route runs its parameters are checked; the view can find its own operation."""
        allowed: set[str] = set()
        many: set[str] = set()
        for model in operation.models:
            if model.__ninja_param_source__ == "query":
                allowed |= set(getattr(model, "__ninja_flatten_map__", {}))
                many |= set(getattr(model, "__ninja_collection_fields__", []))
        known, lists, run = frozenset(allowed), frozenset(many), operation.run

        def guarded(request: HttpRequest, **path: Any) -> HttpResponseBase:
            request.bh_operation = operation  # type: ignore[attr-defined]
            request.idempotency = None  # type: ignore[attr-defined]
            if request.META.get("QUERY_STRING"):
                try:
                    check_query(request.GET, known, lists)
                except Exception as error:
                    return self.on_exception(request, error)
            return run(request, **path)

        operation.run = guarded  # type: ignore[method-assign]

    def _get_urls(self) -> list[URLResolver | URLPattern]:
        """One pattern per path, fixed words before parameters, so that no route hides another's methods."""
        found = [
            pattern
            for pattern in super()._get_urls()
            if getattr(pattern, "name", "") in ("openapi-json", "openapi-view", "api-root")
        ]
        views: dict[str, list[Operation]] = defaultdict(list)
        for bound in self._get_bound_routers():
            for path, view in bound.path_operations.items():
                route = "/".join(
                    part
                    for part in (replace_path_param_notation(bound.prefix), replace_path_param_notation(path))
                    if part
                )
                route = normalize_path(route).lstrip("/")
                taken = {method for operation in views[route] for method in operation.methods}
                for operation in view.operations:
                    if taken & set(operation.methods):
                        raise ConfigError(f"Two routes answer {operation.methods} {route}")
                views[route].extend(view.operations)
        for route in sorted(views, key=_fixed_first):
            merged = PathView()
            merged.operations = views[route]
            merged.is_async = any(operation.is_async for operation in merged.operations)
            for operation in merged.operations:
                name = getattr(operation, "url_name", "") or self.get_openapi_operation_id(operation)
                found.append(django_path(route, merged.get_view(), name=name))
        return found


def _fixed_first(route: str) -> list[tuple[bool, str]]:
    return [(segment.startswith("<"), segment) for segment in route.split("/")]


def make_api(service: str, title: str, routers: Mapping[str, Router]) -> HouseAPI:
    """The API of `service`: `{prefix: router}` under `/api/v1/`.

    In `urls.py`: `path("api/v1/", api.urls)`. Documents itself at `openapi.json` and `docs`. Raises at start-up when a
    route has no lock, or two routes share a name or an address.
    """
    api = HouseAPI(service, title)
    for prefix, router in routers.items():
        api.add_router(prefix, router)
    return api
