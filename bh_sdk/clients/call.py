"""A call as a value: what is sent and how the answer is read. Operations make them; clients run them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from pydantic import TypeAdapter, ValidationError

from bh_sdk.errors import Invalid, UnexpectedAnswer
from bh_sdk.retries import may_repeat
from bh_sdk.wire.base import Ask

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
Ident = UUID | str

OK = frozenset({200, 201, 202})


@dataclass(frozen=True, slots=True)
class Answered:
    """What came back, unread. `request_id` is the service's, for finding it in its logs."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def request_id(self) -> str | None:
        return self.headers.get("x-request-id")


@dataclass(frozen=True, slots=True)
class Call(Generic[T_co]):
    """One call of one operation. `key` is its Idempotency-Key; `harmless` says that repeating it changes nothing."""

    operation: str
    method: str
    path: str
    read: Callable[[Answered], T_co]
    query: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = field(default=None, repr=False)
    key: UUID | None = None
    harmless: bool = False
    once: bool = False
    anonymous: bool = False
    timeout: float | None = None
    expects: frozenset[int] = OK

    @property
    def repeatable(self) -> bool:
        return not self.once and may_repeat(self.method, keyed=self.key is not None or self.harmless)


# Building one costs more than reading an answer with it.
_adapters: dict[Any, TypeAdapter[Any]] = {}


def answer(kind: type[T]) -> Callable[[Answered], T]:
    """Reads an answer as this wire type. Raises UnexpectedAnswer, which names fields but never their values."""

    if kind not in _adapters:
        _adapters[kind] = TypeAdapter(kind)
    adapter: TypeAdapter[T] = _adapters[kind]

    def read(answered: Answered) -> T:
        try:
            return adapter.validate_json(answered.body)
        except ValidationError as failure:
            raise UnexpectedAnswer(
                f"The answer is no {kind.__name__}", request_id=answered.request_id, errors=_pointers(failure)
            ) from None

    return read


def ask(kind: type[Ask], /, **values: Any) -> bytes:
    """The body of a request, without what is None. Raises Invalid, as the service would, before anything is sent."""
    try:
        checked = kind.model_validate({name: value for name, value in values.items() if value is not None})
    except ValidationError as failure:
        raise Invalid(errors=_pointers(failure)) from None
    return written(checked)


def written(value: Ask) -> bytes:
    """An Ask as JSON: only what was set, no NaN, no text that UTF-8 cannot hold."""
    return json_bytes(value.model_dump(exclude_unset=True))


def json_bytes(value: Any) -> bytes:
    try:
        return json.dumps(value, default=_plain, allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode()
    except (ValueError, TypeError, RecursionError) as failure:
        raise Invalid(
            errors=[{"pointer": "#", "message": f"cannot be written as JSON: {type(failure).__name__}"}]
        ) from None


def _plain(value: Any) -> str:
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is no JSON")


def ident(value: Ident, name: str) -> str:
    """An id as it stands in a path. Raises Invalid for anything but a UUID."""
    try:
        return str(value if isinstance(value, UUID) else UUID(value))
    except (ValueError, TypeError, AttributeError):
        raise Invalid(errors=[{"pointer": f"#/path/{name}", "message": "must be a UUID"}]) from None


def query(**values: str | int | UUID | datetime | bool | None) -> dict[str, str]:
    """Query parameters; a trailing underscore is dropped (`from_`), None is left out."""
    found: dict[str, str] = {}
    for name, value in values.items():
        if isinstance(value, bool):
            found[name.rstrip("_")] = "true" if value else "false"
        elif value is not None:
            found[name.rstrip("_")] = value.isoformat() if isinstance(value, datetime) else str(value)
    return found


def _pointers(failure: ValidationError) -> list[dict[str, str]]:
    return [
        {"pointer": "#" + "".join(f"/{part}" for part in error["loc"]), "message": error["msg"]}
        for error in failure.errors(include_url=False, include_input=False, include_context=False)[:20]
    ]
