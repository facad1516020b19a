"""What may happen to a dispute. Pure."""

from __future__ import annotations

DISPUTE_MOVES: dict[str, frozenset[str]] = {
    "open": frozenset({"won", "lost"}),
    "won": frozenset(),
    "lost": frozenset(),
}


def dispute_status(states: list[str]) -> str:
    """What a payment shows of its disputes: an open one before a lost one before a won one."""
    return next((state for state in ("open", "lost", "won") if state in states), "none")
