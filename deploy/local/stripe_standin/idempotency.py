"""`Idempotency-Key`. Sources: "Idempotent requests" (docs.stripe.com/api/idempotent_requests), "Advanced error
handling" (docs.stripe.com/error-low-level#idempotency).

The first answer is stored once execution has begun, 500s included; a failed validation, a refused rate and a
concurrent use store nothing. Keys live for 24 hours.
"""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .errors import StripeError

if TYPE_CHECKING:
    from .shapes import Obj
    from .store import Store

_KEPT_FOR = 86_400


@dataclass(frozen=True)
class Answer:
    """A stored answer."""

    status: int
    body: bytes
    request_id: str


def fingerprint(method: str, path: str, params: Obj) -> str:
    """What two requests with one key must share."""
    canonical = json.dumps([method, path, params], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


class Keys:
    """The keys in use and the answers kept."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._in_use: set[str] = set()

    def claim(self, key: str, path: str, print_of: str) -> Answer | None:
        """The stored answer to replay, or None when this request is the first and now holds the key.

        Raises Stripe's refusals: too long, in use by a concurrent request, first used with something else.
        """
        if len(key) > 255:
            raise StripeError(
                f"The idempotency key is too long ({len(key)} characters). It must be at most 255 characters.",
                validated=False,
            )
        if key in self._in_use:
            raise StripeError(
                "There is currently another in-progress request using this Idempotent Key (that probably means you "
                "submitted twice, and the other request is still going through): "
                f"{key}. Please try again later.", kind="idempotency_error", status=409,
                code="idempotency_key_in_use", validated=False,
            )  # fmt: skip
        rows = self._store.rows(
            "SELECT fingerprint, path, status, body, request_id, created FROM idempotency WHERE key = ?", (key,)
        )
        if rows and rows[0][5] > time.time() - _KEPT_FOR:
            kept_print, kept_path, status, body, request_id, _ = rows[0]
            if kept_path != path:
                raise StripeError(
                    "Keys for idempotent requests can only be used for the same endpoint they were first used for "
                    f"('{path}' vs '{kept_path}'). Try using a key other than '{key}' if you meant to execute a "
                    "different request.", kind="idempotency_error", validated=False,
                )  # fmt: skip
            if kept_print != print_of:
                raise StripeError(
                    "Keys for idempotent requests can only be used with the same parameters they were first used with. "
                    f"Try using a key other than '{key}' if you meant to execute a different request.",
                    kind="idempotency_error", validated=False,
                )  # fmt: skip
            return Answer(status, body, request_id)
        self._in_use.add(key)
        return None

    def keep(self, key: str, path: str, print_of: str, answer: Answer) -> None:
        """Store the first answer; call inside the transaction of the work."""
        self._store.run(
            "INSERT OR REPLACE INTO idempotency (key, fingerprint, path, status, body, request_id, created) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            (key, print_of, path, answer.status, answer.body, answer.request_id, int(time.time())),
        )

    def free(self, key: str) -> None:
        """The request is over."""
        self._in_use.discard(key)
