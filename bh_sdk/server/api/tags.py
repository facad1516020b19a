"""Conditional GETs."""

from __future__ import annotations

import hashlib

from django.http import HttpRequest, HttpResponse


def with_etag(request: HttpRequest, response: HttpResponse, tag: str | None = None) -> HttpResponse:
    """Give a 200 answer a weak ETag (`tag`, or a digest of its body); a caller that has it already gets 304.

    The comparison is weak (RFC 9110 13.1.2): `W/` does not matter, `*` matches.
    """
    if response.status_code != 200:
        return response
    opaque = tag or digest_of(response)
    etag = f'W/"{opaque}"'
    if matches(request.headers.get("If-None-Match", ""), opaque):
        unchanged = HttpResponse(status=304)
        for name in ("Cache-Control", "Vary", "Content-Location"):
            if response.has_header(name):
                unchanged[name] = response[name]
        response = unchanged
        del response["Content-Type"]
    response["ETag"] = etag
    return response


def digest_of(response: HttpResponse) -> str:
    """The tag of an answer that has no other."""
    return hashlib.blake2b(response.content, digest_size=16).hexdigest()


def matches(given: str, opaque: str) -> bool:
    """Whether an `If-None-Match` names this tag."""
    if given.strip() == "*":
        return True
    return any(candidate.strip().removeprefix("W/") == f'"{opaque}"' for candidate in given.split(",")[:50])
