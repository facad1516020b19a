"""Levers: make the next requests go wrong in a chosen way. They live in memory, so a restart releases them."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from itertools import count
from typing import Any

EFFECTS = ("error_after", "error_before", "lose_answer", "rate_limit")
_numbers = count(1)


@dataclass
class Lever:
    """What happens to matching requests. Raises ValueError when it makes no sense."""

    method: str = "*"
    path: str = "/v1/*"
    times: int = 1
    effect: str | None = None
    late_ms: int = 0
    late: str = "answer"
    """"answer": the work is done, the answer is late. "work": the work itself takes that long (the key is held)."""
    saved: bool = True
    """For `error_after`: the 500 is what the idempotency key remembers (Stripe's own error). False: the error came from
    an edge in front of Stripe (502), and the key remembers the true answer."""
    id: int = field(default_factory=lambda: next(_numbers))

    def __post_init__(self) -> None:
        if self.effect is not None and self.effect not in EFFECTS:
            raise ValueError(f"effect is one of {', '.join(EFFECTS)}")
        if self.late not in ("answer", "work"):
            raise ValueError("late is answer or work")
        if not isinstance(self.times, int) or isinstance(self.times, bool) or self.times < 1:
            raise ValueError("times is a whole number from 1")
        if not isinstance(self.late_ms, int) or not 0 <= self.late_ms <= 120_000:
            raise ValueError("late_ms is a whole number up to 120000")


@dataclass(frozen=True)
class Seen:
    """One request that arrived."""

    method: str
    path: str
    route: str
    idempotency_key: str | None
    status: int
    replayed: bool
    request_id: str
    lever: int | None


class Levers:
    """The levers that are set, and the requests that came."""

    def __init__(self) -> None:
        self.set: list[Lever] = []
        self.seen: deque[Seen] = deque(maxlen=20_000)
        self.counts: Counter[str] = Counter()

    def take(self, method: str, path: str) -> Lever | None:
        """The first lever that fits, used once."""
        for lever in self.set:
            if lever.method in ("*", method) and fnmatchcase(path, lever.path):
                lever.times -= 1
                if lever.times == 0:
                    self.set.remove(lever)
                return lever
        return None

    def note(self, seen: Seen) -> None:
        """Write a request down."""
        self.seen.append(seen)
        self.counts[f"{seen.method} {seen.route}"] += 1

    def shown(self) -> list[dict[str, Any]]:
        """The levers as JSON."""
        return [asdict(lever) for lever in self.set]

    def report(self, path: str = "*", method: str = "*") -> dict[str, Any]:
        """Counts per route and, newest last, the requests that fit."""
        fitting = [asdict(seen) for seen in self.seen if fnmatchcase(seen.path, path) and method in ("*", seen.method)]
        keys: dict[str, dict[str, int]] = {}
        for seen in self.seen:
            if seen.idempotency_key is not None and fnmatchcase(seen.path, path) and method in ("*", seen.method):
                per_key = keys.setdefault(f"{seen.method} {seen.route}", {})
                per_key[seen.idempotency_key] = per_key.get(seen.idempotency_key, 0) + 1
        return {"counts": dict(self.counts), "idempotency_keys": keys, "requests": fitting}

    def clear(self) -> None:
        """Release the levers and forget the requests."""
        self.set.clear()
        self.seen.clear()
        self.counts.clear()
