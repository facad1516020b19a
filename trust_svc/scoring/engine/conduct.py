"""How an organiser goes about all campaigns together: what only a fitted card looks at, so it is read for no other set.

Here a lapse is weighed against everything there was, over a long time; the factors' own formulas look at the recent past.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from trust_svc.scoring.engine.hands import decay
from trust_svc.scoring.engine.params import Params
from trust_svc.scoring.engine.record import Record, seconds
from trust_svc.scoring.engine.tally import DAY

WEEK = 7 * DAY
# A silence is short or long against the time there was, and that is taken to be so many days longer than it was.
_BENEFIT = 30.0


class Conduct(NamedTuple):
    """See `Column` for the meaning of each; all 0: nothing is known."""

    timely: float = 0.0
    untimely: float = 0.0
    posted: float = 0.0
    lived: float = 0.0
    quiet: float = 0.0
    prepared: float = 0.0
    lapsed: float = 0.0


class _Told(NamedTuple):
    """The updates of one campaign, in weeks."""

    posted: float
    lived: float
    quiet: float


def conduct(
    campaigns: Sequence[Record], person: Record, *, answers: tuple[float, float], as_of: float, params: Params
) -> Conduct:
    """Of a person with these campaigns. `answers` are theirs: (in time, not in time)."""
    begins = [each.created.time for each in campaigns if each.created]
    known = [time for time in (person.joined, person.first) if time is not None]
    told = [_told(each, as_of, params) for each in campaigns]
    return Conduct(
        timely=answers[0],
        untimely=answers[1],
        posted=math.fsum(each.posted for each in told),
        lived=math.fsum(each.lived for each in told),
        quiet=math.fsum(each.quiet for each in told) / len(told) if told else 0.0,
        prepared=max(0.0, min(begins) - min(known)) / DAY if begins and known else 0.0,
        lapsed=_lapsed([person, *campaigns], as_of),
    )


def _told(record: Record, as_of: float, params: Params) -> _Told:
    """Until the campaign ended or was to end; what comes later is thanks, and owed by nobody."""
    start = record.created.time if record.created else record.first
    if start is None:
        return _Told(0.0, 0.0, 0.0)
    planned = seconds(record.created.data.get("ends_at")) if record.created else None
    end = max(start, min(time for time in (as_of, record.over, planned) if time is not None))
    times = sorted(time for time in record.updates if start <= time <= end)
    weight = decay(as_of - end, params.completion_half_life)
    silence = (end - (times[-1] if times else start)) / DAY
    return _Told(
        posted=weight * len({math.floor((time - start) / WEEK) for time in times}),
        lived=weight * (end - start) / WEEK,
        quiet=silence / ((end - start) / DAY + _BENEFIT),
    )


def _lapsed(records: Sequence[Record], as_of: float) -> float:
    """Checks that held once and hold nowhere now."""
    held: set[str] = set()
    gone: set[str] = set()
    for record in records:
        for item, kept in record.items.items():
            until = seconds(kept.data.get("expires_at"))
            holds = kept.type == "verification.granted" and (until is None or until > as_of)
            (held if holds else gone).add(item)
    return float(len(gone - held))
