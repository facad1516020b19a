"""The outermost layer of a service: what every request passes, and where the API parts from the site.

`Doors` is the first middleware. It gives each request an id and a trace, measures and logs it, and answers the API,
tokens and probes through a handler without middleware; everything else goes on to Django's full chain.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from io import BytesIO
from typing import Any

from django.core.handlers.base import BaseHandler
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from bh_sdk import deadlines
from bh_sdk.errors import BHError, MethodNotAllowed, NotFound, PayloadTooLarge
from bh_sdk.server.api import card_numbers, origins, problems
from bh_sdk.server.api.strict import storable
from bh_sdk.server.ops import cause, metrics, trace
from bh_sdk.server.ops.address import client_block
from bh_sdk.server.ops.logs import log
from bh_sdk.server.ops.settings import setting

LARGEST_BODY = 1024 * 1024
# A body that is too large is read this far before the refusal, so that the caller gets to hear it.
DRAINED = 8 * 1024 * 1024
_CHUNK = 64 * 1024

_LEAN = ("/api/", "/oauth2/", "/.well-known/")
_PROBES = ("/livez", "/readyz", "/metrics")
_BODILESS = ("GET", "HEAD", "OPTIONS", "TRACE")

API_CSP = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"


class Lean(BaseHandler):
    """Django's handler without middleware; any failure is a problem."""

    def __init__(self) -> None:
        super().__init__()
        self._view_middleware: list[Any] = []
        self._template_response_middleware: list[Any] = []
        self._exception_middleware: list[Any] = []

    def answer(self, request: HttpRequest) -> HttpResponseBase:
        try:
            if not storable(request.path_info):
                raise NotFound()
            _take_body(request)
            card_numbers.refuse(request)
            if (permission := origins.preflight(request)) is not None:
                return permission
            asked = request.method
            if asked == "HEAD":
                request.method = "GET"
            response: HttpResponseBase = self._get_response(request)  # type: ignore[attr-defined]
            if asked == "HEAD":
                response = _without_body(response)
            if response.status_code == 405 and response.get("Content-Type") != problems.MEDIA_TYPE:
                response = _not_allowed(response)
        except Exception as error:
            response = problems.answer(error)
        return response


class Doors:
    """See the module's words."""

    sync_capable = True
    async_capable = False

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.site = get_response
        self.lean = Lean()

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        started = time.perf_counter()
        request_id, _ = trace.begin(request.META.get("HTTP_X_REQUEST_ID"), request.META.get("HTTP_TRACEPARENT"))
        request.request_id = request_id  # type: ignore[attr-defined]
        method = request.method or "?"
        try:
            path = request.path_info
            lean = path.startswith(_LEAN) or path in _PROBES
            with _time_left(request), cause.caused(door=_door(path), actor="guest", address=client_block(request)):
                response = self.lean.answer(request) if lean else self.site(request)
            if lean:
                origins.admit(request, response)
            response["X-Request-ID"] = request_id
            response.headers.setdefault("X-Content-Type-Options", "nosniff")
            response.headers.setdefault("Content-Security-Policy", API_CSP if lean else setting("BH_SITE_CSP"))
            _tell(request, method, response, time.perf_counter() - started)
            return response
        finally:
            trace.end()


def _door(path: str) -> cause.Door:
    if path.startswith("/admin/"):
        return "admin"
    return "staff" if path.startswith("/staff/") else "api"


def _time_left(request: HttpRequest) -> AbstractContextManager[None]:
    """What the caller still waits bounds every call that this request makes."""
    seconds = deadlines.from_header(request.META.get("HTTP_X_REQUEST_DEADLINE"))
    return nullcontext() if seconds is None else deadlines.deadline(seconds)


def _tell(request: HttpRequest, method: str, response: HttpResponseBase, seconds: float) -> None:
    route = route_of(request)
    if method not in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
        # Callers choose the word; a label must not be theirs to choose.
        method = "other"
    metrics.REQUESTS.labels(method, route, response.status_code).observe(seconds)
    if route not in ("/livez", "/readyz", "/metrics"):
        log().info("request", method=method, route=route, status=response.status_code, ms=round(seconds * 1000, 1))


def route_of(request: HttpRequest) -> str:
    """The route's template (`/api/v1/payments/{payment_id}`): never the path itself, which may hold a token."""
    match = request.resolver_match
    if match is None or not match.route:
        return "unmatched"
    found = _ROUTES.get(match.route)
    if found is None:
        if len(_ROUTES) > 5_000:
            return "unmatched"
        words = match.route.split("/")
        found = "/" + "/".join(f"{{{word[1:-1].split(':')[-1]}}}" if word.startswith("<") else word for word in words)
        _ROUTES[match.route] = found
    return found


_ROUTES: dict[str, str] = {}


def _take_body(request: HttpRequest) -> None:
    """Read the body once, bounded, whether its length was announced or it came in chunks. Raises PayloadTooLarge.

    A method that has no body gets its bytes read and dropped.
    """
    stream: Any = request.META["wsgi.input"]
    announced = _announced(request)
    kept = _read(stream, announced, LARGEST_BODY) if announced != 0 else b""
    if kept is None and request.method not in _BODILESS:
        raise PayloadTooLarge(f"The body is larger than {LARGEST_BODY} bytes", limit=LARGEST_BODY)
    if kept is None or request.method in _BODILESS:
        kept = b""
    request._body = kept
    request._stream = BytesIO(kept)


def _announced(request: HttpRequest) -> int | None:
    """The length that the caller announced; None for chunks of a server that marks their end."""
    length = request.META.get("CONTENT_LENGTH")
    if length:
        return int(length) if str(length).isdecimal() else 0
    chunked = "chunked" in request.META.get("HTTP_TRANSFER_ENCODING", "").lower()
    return None if chunked and request.META.get("wsgi.input_terminated") else 0


def _read(stream: Any, announced: int | None, limit: int) -> bytes | None:
    """The bytes, or None when there are more than `limit` (then up to `DRAINED` of them have been read and dropped)."""
    parts: list[bytes] = []
    seen = 0
    while announced is None or seen < announced:
        chunk = stream.read(_CHUNK if announced is None else min(_CHUNK, announced - seen))
        if not chunk:
            break
        seen += len(chunk)
        if seen <= limit:
            parts.append(chunk)
        else:
            parts.clear()
        if seen > DRAINED:
            break
    return None if seen > limit else b"".join(parts)


def _without_body(response: HttpResponseBase) -> HttpResponseBase:
    if isinstance(response, HttpResponse):
        length = len(response.content)
        response.content = b""
        response["Content-Length"] = str(length)
    return response


def _not_allowed(response: HttpResponseBase) -> HttpResponse:
    allowed = {word.strip() for word in response.get("Allow", "").split(",") if word.strip()}
    if "GET" in allowed:
        allowed.add("HEAD")
    refusal: BHError = MethodNotAllowed()
    answer = problems.respond(refusal)
    answer["Allow"] = ", ".join(sorted(allowed))
    return answer
