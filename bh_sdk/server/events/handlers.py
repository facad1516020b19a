"""What a service does when it hears of a fact: functions in the `consumers` module of a slice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.utils.module_loading import autodiscover_modules

from bh_sdk.events import Event, Fact

F = TypeVar("F", bound=Fact)


@dataclass(frozen=True, slots=True)
class Delivered(Generic[F]):
    """An event as a handler gets it. `number` and `epoch` are None for events that were pushed from outside."""

    id: UUID
    source: str
    type: str
    subject: str
    time: datetime
    data: F
    traceparent: str | None = None
    number: int | None = None
    epoch: UUID | None = None


Handler = Callable[[Delivered[Any]], None]

_kinds: dict[str, type[Fact]] = {}
_handlers: dict[str, list[Handler]] = {}


def handles(kind: type[F]) -> Callable[[Callable[[Delivered[F]], None]], Callable[[Delivered[F]], None]]:
    """Call the function below for every fact of this kind, inside the transaction that moves the checkpoint.

    What it writes happens exactly once; it may run again after a rollback, so it does nothing else (no mail, no HTTP).
    Several functions may handle one kind; they run in the order in which they were declared.
    """

    def register(function: Callable[[Delivered[F]], None]) -> Callable[[Delivered[F]], None]:
        _kinds[kind.type] = kind
        known = _handlers.setdefault(kind.type, [])
        if function not in known:
            known.append(function)
        return function

    return register


def load() -> None:
    """Import the `consumers` modules of all installed apps. Cheap when it has been done."""
    autodiscover_modules("consumers")


def wanted(type: str) -> bool:
    """Whether any function here handles events of this type."""
    return bool(_handlers.get(type))


def handle(event: Event) -> None:
    """Run every function that handles the event; types that nobody here handles are skipped.

    Raises pydantic.ValidationError when the data is not what its type promises, and whatever a handler raises.
    """
    functions = _handlers.get(event.type)
    if not functions:
        return
    delivered: Delivered[Fact] = Delivered(
        id=event.id,
        source=event.source,
        type=event.type,
        subject=event.subject,
        time=event.time,
        data=_kinds[event.type].model_validate(event.data),
        traceparent=event.traceparent,
        number=event.number,
        epoch=event.epoch,
    )
    for function in functions:
        function(delivered)
