"""Which web pages may call the API from a browser (CORS). Tokens travel in a header, so no cookie is ever allowed along."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from bh_sdk.server.ops.settings import setting

_METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE"
_SENT = "Authorization, Content-Type, Idempotency-Key, If-None-Match, X-Request-ID, traceparent"
_SEEN = "ETag, Idempotent-Replayed, Location, RateLimit, RateLimit-Policy, Retry-After, X-Request-ID"


def preflight(request: HttpRequest) -> HttpResponse | None:
    """The answer to a browser that asks whether it may; None when this is no such question, or from a strange page."""
    if request.method != "OPTIONS" or "HTTP_ACCESS_CONTROL_REQUEST_METHOD" not in request.META or not _ours(request):
        return None
    answer = HttpResponse(status=204)
    del answer["Content-Type"]
    answer["Access-Control-Allow-Methods"] = _METHODS
    answer["Access-Control-Allow-Headers"] = _SENT
    answer["Access-Control-Max-Age"] = "600"
    return answer


def admit(request: HttpRequest, response: HttpResponseBase) -> None:
    """Let a page of ours read the answer."""
    if "HTTP_ORIGIN" not in request.META:
        return
    for name, value in admitting(request.META["HTTP_ORIGIN"]):
        response[name] = value
    response["Vary"] = f"{response['Vary']}, Origin" if response.has_header("Vary") else "Origin"


def admitting(origin: str) -> list[tuple[str, str]]:
    """The headers that let a page of this origin read an answer; none for a strange one."""
    if origin not in setting("BH_ALLOWED_ORIGINS"):
        return []
    return [("Access-Control-Allow-Origin", origin), ("Access-Control-Expose-Headers", _SEEN)]


def _ours(request: HttpRequest) -> bool:
    return request.META.get("HTTP_ORIGIN") in setting("BH_ALLOWED_ORIGINS")
