"""Who caused the work at hand, through which door, from where and why: carried beside the request id, kept by the audit.

Doors set it, commands read it:

    with caused(door="task", reason="payments.donations.look_again"):
        ...
    acting(principal.id)          # once the caller has proved who they are
    with because("evt_1Abc"):     # inside a door that knows more of the why
        ...
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from dataclasses import dataclass, replace
from typing import Literal

Door = Literal["api", "admin", "staff", "webhook", "task", "consumer", "command"]


@dataclass(frozen=True, slots=True)
class Cause:
    """`actor` is an id, never a name; `address` a network (`203.0.113.0/24`), and only where somebody called; `reason` a
    code or a reference, never personal data."""

    door: Door = "command"
    actor: str = "system"
    address: str | None = None
    reason: str | None = None


# What is started by hand at a prompt has no door that would say more.
_BY_HAND = Cause()
_cause: ContextVar[Cause] = ContextVar("bh_cause", default=_BY_HAND)


def current() -> Cause:
    return _cause.get()


def begin(cause: Cause) -> Token[Cause]:
    """For a door that begins and ends its work in different places; give the token to `end`."""
    return _cause.set(cause)


def end(token: Token[Cause]) -> None:
    _cause.reset(token)


@contextmanager
def caused(
    *, door: Door, actor: str = "system", address: str | None = None, reason: str | None = None
) -> Iterator[None]:
    """Everything inside is caused by this, and nothing of what was before."""
    token = _cause.set(Cause(door, actor, address, reason))
    try:
        yield
    finally:
        _cause.reset(token)


@contextmanager
def because(reason: str) -> Iterator[None]:
    """Everything inside has this reason; who and where stay."""
    token = _cause.set(replace(_cause.get(), reason=reason))
    try:
        yield
    finally:
        _cause.reset(token)


def acting(actor: str) -> None:
    """The caller has proved who they are: from here to the end of the door's work it is them."""
    _cause.set(replace(_cause.get(), actor=actor))
