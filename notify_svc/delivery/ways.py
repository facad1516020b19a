"""The provider of one batch: chosen by weight and health, and told what became of its letters."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import timedelta

from notify_svc.delivery import rules
from notify_svc.delivery.channels import providers
from notify_svc.delivery.channels.base import Outcome, Provider
from notify_svc.providers import commands
from notify_svc.providers.rules import LEAST, Tally

TOLD_SECONDS = 1.0


@dataclass(slots=True)
class Way:
    """One provider for one batch of at most `limit` letters. Closed as soon as more letters would only be refused."""

    provider: Provider
    limit: int
    rate: int | None = None
    closed: bool = False
    _tally: dict[str, int] = field(default_factory=dict)
    _wait: timedelta | None = None
    _auth: bool = False
    _in_row: int = 0
    _seconds: float = 0.0
    _told: float = field(default_factory=time.monotonic)

    @property
    def outside(self) -> bool:
        """Whether letters leave the house by it. What stays inside is written in the same transaction as its result."""
        return self.provider.channel in rules.ADDRESSED

    def spare(self, used: int) -> None:
        """Give back what the batch did not need of the provider's rate."""
        if self.rate is not None:
            commands.give_back(self.provider.name, rate=self.rate, unused=self.limit - used)

    def learn(self, outcome: Outcome, seconds: float) -> None:
        """Count one letter."""
        verdict = rules.verdict(outcome.fate, outcome.code)
        if outcome.elsewhere and verdict != "accepted":
            # One of many servers, and not of our choice: its troubles are its own.
            verdict = "refused"
        self._tally[verdict] = self._tally.get(verdict, 0) + 1
        self._seconds += seconds
        self._in_row = self._in_row + 1 if verdict == "failed" else 0
        if outcome.elsewhere:
            return
        if outcome.fate == "auth":
            self._auth = self.closed = True
        elif outcome.fate == "throttled":
            self._wait, self.closed = outcome.wait or rules.THROTTLED, True
        elif self._in_row >= LEAST:
            self.closed = True

    def tell(self) -> None:
        """Let the provider's health know what is new."""
        if self.outside and self._tally:
            tally = Tally(**self._tally, milliseconds=int(self._seconds * 1_000), auth=self._auth)
            commands.note(self.provider.name, tally, wait=self._wait)
        self._tally, self._seconds, self._auth, self._wait = {}, 0.0, False, None
        self._told = time.monotonic()

    @property
    def news(self) -> bool:
        """Whether its health should hear at once, not only when the batch is over."""
        return self.closed or time.monotonic() - self._told > TOLD_SECONDS


def choose(channel: str, *, lane: str = "", limit: int) -> Way | None:
    """Who carries the next batch of a channel, or of one lane of it; None when nobody may."""
    known = {
        provider.name: provider for provider in providers() if (provider.channel, provider.lane) == (channel, lane)
    }
    if not known:
        return None
    if channel not in rules.ADDRESSED:
        return Way(next(iter(known.values())), limit)
    chosen = commands.choose(channel, lane=lane, among=known.keys(), limit=limit)
    return Way(known[chosen.name], chosen.limit, chosen.rate) if chosen else None
