"""A link that asks a provider in trouble once a batch: what it said to one letter goes for those behind it."""

from __future__ import annotations

from collections.abc import Callable

from notify_svc.delivery.channels.base import Letter, Outcome

# We are not known, or too fast, or nobody is there: the next letter would hear the same.
_FOR_ALL = frozenset({"auth", "throttled"})
AWAY = "server_away"


class Sparing:
    """Hands letters to `carry` until it says something that goes for all of them."""

    def __init__(self, carry: Callable[[Letter], Outcome]) -> None:
        self._carry = carry
        self._said: Outcome | None = None

    def hand_over(self, letter: Letter) -> Outcome:
        if self._said is not None:
            return self._said
        outcome = self._carry(letter)
        if not outcome.elsewhere and (outcome.fate in _FOR_ALL or outcome.reason == AWAY):
            self._said = outcome
        return outcome
