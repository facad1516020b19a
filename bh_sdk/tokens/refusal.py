"""Why a token was refused: for our logs, never for the caller."""

from __future__ import annotations

from bh_sdk.errors import Unauthenticated


class TokenRefused(Unauthenticated):
    """A token that is not accepted. Outside it is one plain 401; `reason` is a short code for the log alone.

    `reason` is no fact and no part of `detail`, so it reaches neither the problem body nor `str(error)`.
    """

    def __init__(self, reason: str) -> None:
        super().__init__()
        self.reason = reason
