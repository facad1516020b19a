"""The door before Django: gives out answers that are kept ready (`bh_sdk.server.api.kept`), and hands on all else.

Here a request is a dictionary and an answer a list of bytes. Nothing is read of it but address, `If-None-Match`, `Origin`,
`X-Request-ID` and, for what is kept for one person, `Authorization`; nothing is logged, and the database is not asked; it is
counted and timed like every other.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from bh_sdk.server.api import origins
from bh_sdk.server.api.kept import LISTENING, SHELVES, Ready
from bh_sdk.server.api.tags import matches
from bh_sdk.server.ops import trace

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]


class Early:
    """A WSGI application before another one."""

    def __init__(self, application: Application) -> None:
        self._application = application
        LISTENING.want()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        began = time.perf_counter()
        ready = _find(environ)
        if ready is None:
            return self._application(environ, start_response)
        known = environ.get("HTTP_IF_NONE_MATCH")
        around = [*_vary(environ, ready), ("X-Request-ID", trace.sane(environ.get("HTTP_X_REQUEST_ID")))]
        ready.told_kept.inc()
        if known is not None and matches(known, ready.tag):
            start_response("304 Not Modified", ready.unchanged + around)
            ready.told_unchanged.observe(time.perf_counter() - began)
            return [b""]
        start_response("200 OK", ready.headers + around)
        ready.told.observe(time.perf_counter() - began)
        return [ready.body]


def _find(environ: Environ) -> Ready | None:
    """A kept answer for a plain GET: of nobody in particular, or of the one it is kept for."""
    path = environ["PATH_INFO"]
    for shelf in SHELVES:
        if path.startswith(shelf.below):
            authorization = environ.get("HTTP_AUTHORIZATION")
            plain = (
                environ["REQUEST_METHOD"] == "GET"
                and (authorization is not None) == shelf.own
                and not environ.get("QUERY_STRING")
                and environ.get("CONTENT_LENGTH") in (None, "", "0")
                and "HTTP_TRANSFER_ENCODING" not in environ
            )
            return shelf.find(path, authorization) if plain else None
    return None


def _vary(environ: Environ, ready: Ready) -> list[tuple[str, str]]:
    origin = environ.get("HTTP_ORIGIN")
    if origin is None:
        return [("Vary", ready.vary)] if ready.vary else []
    return [*origins.admitting(origin), ("Vary", f"{ready.vary}, Origin" if ready.vary else "Origin")]
