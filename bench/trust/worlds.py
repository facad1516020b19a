"""The worlds: who the bad ones are, how clearly they differ, and how much there is to see."""

from __future__ import annotations

from dataclasses import dataclass

from bench.trust.behaviour import (
    CHARGED_BACK,
    HONEST,
    IDLER,
    IMPOSTOR,
    NEWCOMER,
    POLISHED,
    POOR,
    RINGLEADER,
    TAKER,
    Behaviour,
)

GOOD = ((HONEST, 0.6), (POOR, 0.25), (NEWCOMER, 0.15))


@dataclass(frozen=True)
class World:
    """`good` and `bad` are kinds of organisers with their shares; `hidden` bad ones behave like good ones so far."""

    name: str
    bad: tuple[tuple[Behaviour, float], ...]
    good: tuple[tuple[Behaviour, float], ...] = GOOD
    fraud: float = 0.10
    hidden: float = 0.15
    noise: float = 0.6
    amount: float = 1.0  # of everything there is to see
    mobs: float = 0.0  # extra chance that an honest organiser meets a mob
    days: float = 420.0  # of history


WORLDS = (
    World("identity fraud", ((IMPOSTOR, 1.0),)),
    World("silent takers", ((TAKER, 1.0),)),
    World("refunds and disputes", ((CHARGED_BACK, 1.0),)),
    World("sybil rings", ((RINGLEADER, 1.0),)),
    World("idle organisers", ((IDLER, 1.0),)),
    World("polished liars", ((POLISHED, 1.0),)),
    World(
        "everything at once",
        tuple((each, 1 / 6) for each in (IMPOSTOR, TAKER, CHARGED_BACK, RINGLEADER, IDLER, POLISHED)),
    ),
    World(
        "the poor and the mobs",
        ((IMPOSTOR, 0.4), (TAKER, 0.3), (RINGLEADER, 0.3)),
        good=((HONEST, 0.3), (POOR, 0.6), (NEWCOMER, 0.1)),
        mobs=0.25,
    ),
    World("little evidence", ((IMPOSTOR, 0.4), (TAKER, 0.3), (CHARGED_BACK, 0.3)), amount=0.35, days=200.0),
    World("much noise", ((IMPOSTOR, 0.3), (TAKER, 0.4), (CHARGED_BACK, 0.3)), noise=1.3, hidden=0.25),
)
