"""What can be appealed against, how it can end, and when it is due. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, Literal

from trust_svc.verification.rules import working_days_after

Outcome = Literal["upheld", "adjusted", "reversed"]

AGAINST: Final[dict[str, str]] = {
    "score": "A score",
    "case": "A case",
    "override": "An override",
    "hold": "A hold",
    "verification": "A verification",
}
# How an appeal against each can end besides `upheld`, and what that does.
CHANGES: Final[dict[str, dict[str, str]]] = {
    "score": {"adjusted": "The score that you set below is shown instead, for as long as you say"},
    "case": {
        "reversed": "The case counts as a false alarm: its reports are dismissed, and the hold that it placed is lifted",
        "adjusted": "The case counts as worth a look but not confirmed; reports and hold as above",
    },
    "hold": {"reversed": "The hold is lifted and payouts go on"},
    "override": {
        "reversed": "The override ends and what was calculated counts",
        "adjusted": "The score that you set below takes its place, for as long as you say",
    },
    "verification": {
        "reversed": "The item counts as verified",
        "adjusted": "The request goes back into the queue, to somebody else than who refused it",
    },
}
# Where `adjusted` sets a score by hand.
BY_HAND: Final = frozenset({"score", "override"})
# Nobody is told who reported what, so an upheld report is appealed against as the case in which it was judged.
MEANT: Final = {"report": "case"}
WORKING_DAYS: Final = 5
# A score moves, so it may be appealed against again after a while; any other decision once.
AGAIN: Final = timedelta(days=30)
# The documents of a verification stay that long after the day its appeal is due.
DOCUMENTS: Final = timedelta(days=30)


def due(filed_at: datetime) -> datetime:
    """Five working days."""
    return working_days_after(filed_at, WORKING_DAYS)


def outcomes(against: str) -> tuple[Outcome, ...]:
    """How an appeal against it can end."""
    every: tuple[Outcome, ...] = ("upheld", "adjusted", "reversed")
    return tuple(each for each in every if each == "upheld" or each in CHANGES.get(against, {}))


def is_final(against: str, decided_at: datetime, *, at: datetime) -> bool:
    """Whether what was decided then keeps the same from being appealed against again."""
    return against != "score" or at < decided_at + AGAIN
