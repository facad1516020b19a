"""One form of bytes for one payload, so that a digest computed today can be computed again from what jsonb kept."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

# Past this a JSON reader that keeps numbers as doubles changes them.
_WHOLE = 2**53


class UnfitPayload(ValueError):
    """The payload cannot be stored and read back as the same bytes. `pointer` is a JSON pointer to the value."""

    def __init__(self, pointer: str, message: str) -> None:
        self.pointer = pointer
        self.message = message
        super().__init__(f"{pointer or '/'}: {message}")


def check(value: Any, pointer: str = "") -> None:
    """Refuse what jsonb rewrites or rejects: floats, huge numbers, NUL, lone surrogates, keys that are no text."""
    if value is None or isinstance(value, bool):
        return
    if isinstance(value, str):
        _check_text(value, pointer)
    elif isinstance(value, int):
        if not -_WHOLE <= value <= _WHOLE:
            raise UnfitPayload(pointer, "whole numbers stay within ±2^53")
    elif isinstance(value, Mapping):
        for key, member in value.items():
            _check_name(key, pointer)
            check(member, f"{pointer}/{key}")
    elif isinstance(value, list):
        for index, member in enumerate(value):
            check(member, f"{pointer}/{index}")
    elif isinstance(value, float):
        raise UnfitPayload(pointer, "floats are not accepted: send a decimal string or a whole number")
    else:
        raise UnfitPayload(pointer, f"{type(value).__name__} is not JSON")


def _check_name(name: object, pointer: str) -> None:
    if not isinstance(name, str):
        raise UnfitPayload(pointer, "member names are text")
    _check_text(name, pointer)


def _check_text(text: str, pointer: str) -> None:
    if "\x00" in text:
        raise UnfitPayload(pointer, "NUL is not accepted")
    if not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text):
        raise UnfitPayload(pointer, "lone surrogates are not accepted")


def canonical(payload: Mapping[str, Any]) -> str:
    """The payload as JSON with sorted members and no spaces.

    Raises UnfitPayload when it could not be read back the same.
    """
    check(payload)
    return json.dumps(payload, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest_of(
    *,
    id: UUID,
    aggregatetype: str,
    aggregateid: UUID,
    type: str,
    payload: str,
    traceparent: str | None,
    actor: str,
    created_at: datetime,
) -> bytes:
    """SHA-256 over the recorded fields; `payload` in canonical form. Each field is preceded by its length in bytes."""
    hasher = hashlib.sha256()
    time = created_at.astimezone(UTC).isoformat(timespec="microseconds")
    for field in (str(id), aggregatetype, str(aggregateid), type, payload, traceparent or "", actor, time):
        data = field.encode()
        hasher.update(len(data).to_bytes(4, "big"))
        hasher.update(data)
    return hasher.digest()
