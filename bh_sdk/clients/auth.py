"""Who calls: what a client puts into the `Authorization` header."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Auth(Protocol):
    """Anything that has a bearer token. `ServiceAuth` of `bh_sdk.tokens` is one."""

    def token(self) -> str: ...

    async def atoken(self) -> str: ...

    def renew(self, refused: str) -> bool:
        """Told that a service refused this token: True if another one may be had at once."""


class BearerAuth:
    """A user's token, or a function that answers the present one."""

    def __init__(self, token: str | Callable[[], str]) -> None:
        self._token = token

    def __repr__(self) -> str:
        return "BearerAuth(…)"

    def token(self) -> str:
        return self._token if isinstance(self._token, str) else self._token()

    async def atoken(self) -> str:
        return self.token()

    def renew(self, refused: str) -> bool:
        return not isinstance(self._token, str) and self._token() != refused
