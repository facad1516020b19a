"""`may(noun, verb)`: the lock of every Ninja route."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ninja.security.base import AuthBase

from bh_sdk.errors import Forbidden, Unauthenticated
from bh_sdk.server.access import bearer
from bh_sdk.server.access.principals import GUEST, Principal
from bh_sdk.server.ops import cause

if TYPE_CHECKING:
    from django.http import HttpRequest

# Every (noun, verb) that a route of this process asks for: what the policy page has to offer.
ASKED: set[tuple[str, str]] = set()


class Bearer(AuthBase):
    """Lets in whoever a policy lets `verb` a `noun`, and puts the Principal into `request.auth`.

    No token: the principal is GUEST, when the policy lets guests. A token that is not right is refused even there.
    Raises Unauthenticated (401), Forbidden (403), or Unavailable (503) when keys or policies cannot be read.
    """

    openapi_type = "http"
    openapi_scheme = "bearer"
    openapi_bearerFormat = "JWT"  # noqa: N815  # Ninja copies the name into the document

    def __init__(self, noun: str, verb: str) -> None:
        super().__init__()
        self.noun = noun
        self.verb = verb
        ASKED.add((noun, verb))

    def __call__(self, request: HttpRequest) -> Principal:
        header = request.headers.get("Authorization")
        principal = GUEST if header is None else bearer.principal_of(header)
        if principal.may(self.noun, self.verb):
            cause.acting(principal.id)
            return principal
        if principal.is_guest:
            raise Unauthenticated()
        raise Forbidden(f"This caller may not {self.verb} a {self.noun}")

    def __repr__(self) -> str:
        return f"may({self.noun!r}, {self.verb!r})"


# Ninja names the security scheme in the OpenAPI document after the class.
Bearer.__name__ = "bearer"


def may(noun: str, verb: str) -> Bearer:
    """Guard a route: `auth=may("refund", "request")`."""
    return Bearer(noun, verb)
