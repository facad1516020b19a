"""Locks for tests: who calls stands in a header, as it would in a token."""

from __future__ import annotations

from django.http import HttpRequest
from ninja.security.base import AuthBase

from bh_sdk.errors import Forbidden, Unauthenticated
from bh_sdk.server.access.principals import GUEST, Principal


class Named(AuthBase):
    """`Authorization: Bearer <id>`; `bad` is no token, `nobody` may do nothing."""

    openapi_type = "http"
    openapi_scheme = "bearer"

    def __init__(self, *, guests: bool = False) -> None:
        super().__init__()
        self.guests = guests

    def __call__(self, request: HttpRequest) -> Principal:
        header = request.headers.get("Authorization")
        if header is None:
            if self.guests:
                return GUEST
            raise Unauthenticated()
        name = header.removeprefix("Bearer ")
        if name == "bad" or not header.startswith("Bearer "):
            raise Unauthenticated()
        if name == "nobody":
            raise Forbidden()
        return Principal(id=name, kind="user", roles=frozenset({"donor"}))
