"""No door takes a card number, wherever in a request it stands: nothing of it is read on, written or logged.

The API's doors refuse it here, before anybody asks who calls. The admin's pages have `Guard`, a middleware; a dialog says
it at its form. A provider's signed webhook is left alone: refusing it would lose the news, and it is stored sealed and
shown masked.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import unquote_plus

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from bh_sdk.errors import CardNumberRefused
from bh_sdk.server.api.problems import pointer
from bh_sdk.server.ops import cards

MESSAGE = "holds a card number; leave it out"
# Their forms are checked before anybody uses them: one with a card number in it is no trace, and a new one begins.
_SAFE_HEADERS = frozenset({"HTTP_TRACEPARENT", "HTTP_TRACESTATE"})
_SIGNED = "/webhooks/"


def refuse(request: HttpRequest) -> None:
    """Raise CardNumberRefused when path, query, a header or the body holds a card number."""
    where = _outside_the_body(request)
    if where is None and _SIGNED not in request.path_info:
        where = _in_body(request.body, request.META.get("CONTENT_TYPE", ""))
    if where is not None:
        raise CardNumberRefused(errors=[{"pointer": where, "message": MESSAGE}])


def _outside_the_body(request: HttpRequest) -> str | None:
    meta = request.META
    # One look at all of them together; which one it was is asked only when there is one.
    headers = [text for name, value in _headers(request) for text in (name, value)]
    query = meta.get("QUERY_STRING", "")
    if query:
        query = unquote_plus(query)
    # No card begins in one of them and ends in the next.
    if not cards.in_text(" and ".join([request.path_info, query, meta.get("CONTENT_TYPE", ""), *headers])):
        return None
    if cards.in_text(request.path_info):
        return pointer("path")
    if cards.in_text(query):
        names = [name for name, values in request.GET.lists() if any(cards.in_text(str(value)) for value in values)]
        return pointer("query", cards.masked(names[0]) if names else "?")
    named = (name for name, value in _headers(request) if cards.in_text(name) or cards.in_text(value))
    return pointer("header", cards.masked(next(named, "content-type")))


def _headers(request: HttpRequest) -> Iterator[tuple[str, str]]:
    for name, value in request.META.items():
        if name.startswith("HTTP_"):
            safe = name in _SAFE_HEADERS
            yield name.removeprefix("HTTP_").replace("_", "-").lower(), "" if safe else str(value)


def _in_body(raw: bytes, content_type: str) -> str | None:
    if not raw:
        return None
    if "urlencoded" in content_type:
        return "#" if cards.in_text(unquote_plus(raw.decode("utf-8", "replace"))) else None
    # An escape may stand for a digit, or for what lies between two groups.
    if not cards.in_bytes(raw) and b"\\" not in raw:
        return None
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError):
        return "#" if cards.in_bytes(raw) else None
    return _place(document, ()) or ("#" if cards.in_bytes(raw) else None)


def _place(value: Any, path: tuple[Any, ...]) -> str | None:
    """Where in a document a card number stands, as a pointer that does not repeat it."""
    if isinstance(value, dict):
        for name, inner in value.items():
            step = (*path, cards.masked(name))
            if cards.in_text(name) or _place(inner, step):
                return _place(inner, step) or pointer(*step)
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            if found := _place(inner, (*path, place)):
                return found
    elif isinstance(value, str):
        return pointer(*path) if cards.in_text(value) else None
    elif isinstance(value, int) and not isinstance(value, bool):
        return pointer(*path) if abs(value) < 10**19 and cards.in_text(str(value)) else None
    return None


class Guard:
    """Django middleware for the pages that staff use: a form or an address with a card number goes no further."""

    sync_capable = True
    async_capable = False

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.site = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        # A dialog keeps what was typed and says at its form what is wrong with it.
        dialog = "HX-Request" in request.headers
        if _outside_the_body(request) or (request.method == "POST" and not dialog and in_form(request)):
            return HttpResponse(_PAGE, status=CardNumberRefused.status)
        return self.site(request)


def in_form(request: HttpRequest) -> bool:
    """Whether a field of a posted form holds a card number."""
    return any(cards.in_text(f"{name}\n{value}") for name, values in request.POST.lists() for value in values)


_PAGE = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>A card number</title><h1>That was a card number</h1>'
    "<p>Nothing was saved. Card numbers are never written down here: go back, take it out, and send the form again.</p>"
)
