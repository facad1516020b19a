"""Pure rules of providers: whom the next batch goes to, when one counts as sick, and when it is tried again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

Circuit = Literal["closed", "open", "half_open"]
CIRCUITS: tuple[Circuit, ...] = ("closed", "open", "half_open")
WEIGHT, MOST_WEIGHT = 100, 1_000

# Half of what counted has stopped counting after so long: a provider that turns sick at full speed shows within seconds.
HALF_LIFE = timedelta(seconds=10)
LEAST, SICK_RATE = 5, 0.5
# How long a sick one is left alone, longer each time that it did not get up.
PAUSES = [timedelta(seconds=s) for s in (5, 15, 30, 60, 120, 300)]
# One that does not know us any more is not healed by waiting; somebody has to see to its key.
AUTH_PAUSE = timedelta(minutes=2)
# So many letters find out whether it is well again; a probe of which nobody hears is over after this.
PROBE, PROBE_LASTS = 3, timedelta(seconds=30)
# Health is shown over this, and kept that long.
SHOWN, KEPT = timedelta(minutes=5), timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of some letters at one provider. `failed` is its own fault; a refused letter is not."""

    accepted: int = 0
    refused: int = 0
    failed: int = 0
    throttled: int = 0
    milliseconds: int = 0
    # It said that it does not know us.
    auth: bool = False

    @property
    def tries(self) -> int:
        return self.accepted + self.refused + self.failed + self.throttled


@dataclass(frozen=True, slots=True)
class Pulse:
    """The state of one provider's circuit, and the fading counts it is judged by."""

    circuit: Circuit = "closed"
    # Open: when it may be probed. Half open: until when the probe may take.
    until: datetime | None = None
    pauses: int = 0
    reason: str = ""
    tries: float = 0
    fails: float = 0
    at: datetime | None = None


def after(pulse: Pulse, tally: Tally, *, now: datetime) -> Pulse:
    """The pulse after these letters.

    closed ──(≥ half of ≥ 5 failed, or it does not know us)──▶ open ──(a pause)──▶ half open
      ▲                                                        ▲                    │ 3 letters
      └──────────────── one was taken ─────────────────────────┼────────────────────┤
                                                               └──── none was ──────┘
    """
    if pulse.circuit == "half_open":
        if tally.accepted or tally.refused:
            return Pulse(at=now)
        return _opened(pulse, tally, now) if tally.failed else pulse
    if pulse.circuit == "open":
        # A batch that was under way when it opened tells nothing new.
        return pulse
    left = 0.5 ** ((now - pulse.at) / HALF_LIFE) if pulse.at and now > pulse.at else 1.0
    counted = replace(pulse, tries=pulse.tries * left + tally.tries, fails=pulse.fails * left + tally.failed, at=now)
    sick = counted.fails >= LEAST and counted.fails >= SICK_RATE * counted.tries
    return _opened(counted, tally, now) if sick or tally.auth else counted


def _opened(pulse: Pulse, tally: Tally, now: datetime) -> Pulse:
    pause = PAUSES[min(pulse.pauses, len(PAUSES) - 1)]
    return Pulse(
        circuit="open",
        until=now + (max(pause, AUTH_PAUSE) if tally.auth else pause),
        pauses=pulse.pauses + 1,
        reason="auth" if tally.auth else "failing",
        at=now,
    )


def weighed(choices: Sequence[tuple[str, int]], *, roll: float) -> str | None:
    """One of the names by their weights, `roll` in [0, 1); None when all weigh nothing."""
    total = sum(weight for _, weight in choices)
    mark = roll * total
    for name, weight in choices:
        if mark < weight:
            return name
        mark -= weight
    return None
