"""Clock faces and moments: what a time of day means in a zone, also around the two changes of a year. Pure.

A time of day that a change skips stands for the first moment after the gap; one that comes twice for its first coming.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

MORNING = time(9)
MONDAY = 0
_SECOND, _DAY = timedelta(seconds=1), timedelta(days=1)


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo:
    """The zone of this name; UTC for one that this machine does not know (any more)."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


@dataclass(frozen=True, slots=True)
class Quiet:
    """The hours in which a person is left in peace: from `start` until `end`, which may be on the next day."""

    start: time
    end: time

    def covers(self, at: datetime, where: ZoneInfo) -> bool:
        """Whether a clock on the wall shows a quiet time then. Equal ends are no hours at all."""
        shown = at.astimezone(where).time()
        if self.start <= self.end:
            return self.start <= shown < self.end
        return shown >= self.start or shown < self.end


def moment(day: date, clock: time, where: ZoneInfo) -> datetime:
    """When the clock on the wall first shows this time on this day; in a gap, the first moment after it."""
    face = datetime.combine(day, clock)
    early = face.replace(tzinfo=where, fold=0).astimezone(UTC)
    if early.astimezone(where).replace(tzinfo=None) == face:
        return early
    late = face.replace(tzinfo=where, fold=1).astimezone(UTC)
    return _change(min(early, late), max(early, late), where)


def end_of(quiet: Quiet, at: datetime, where: ZoneInfo) -> datetime:
    """The first moment from `at` on that is not quiet."""
    if not quiet.covers(at, where):
        return at
    at, today = at.astimezone(UTC), at.astimezone(where).date()
    ends = [
        datetime.combine(today + n * _DAY, quiet.end).replace(tzinfo=where, fold=fold).astimezone(UTC)
        for n in (0, 1, 2)
        for fold in (0, 1)
    ]
    # A change of the clocks can end the quiet as well, by leaping out of it.
    before, after = _offset(at, where), _offset(at + 2 * _DAY, where)
    if before != after:
        ends.append(_change(at, at + 2 * _DAY, where))
    return min(end for end in ends if end > at and not quiet.covers(end, where))


def next_hour(at: datetime, where: ZoneInfo) -> datetime:
    """The next full hour on the wall, or the end of a gap that skips it."""
    at = at.astimezone(UTC)
    shown = at.astimezone(where)
    past = timedelta(minutes=shown.minute, seconds=shown.second, microseconds=shown.microsecond)
    then = at + timedelta(hours=1) - past
    if _offset(at, where) == _offset(then, where):
        return then
    leap = _change(at, then, where)
    if leap.astimezone(where).minute == 0 or _offset(leap, where) > _offset(at, where):
        return leap
    # A clock that goes back by half an hour shows a half when it should have shown a full hour.
    return next_hour(leap, where)


def next_morning(at: datetime, where: ZoneInfo) -> datetime:
    """The next nine o'clock."""
    return _next(at, where, range(3))


def next_monday(at: datetime, where: ZoneInfo) -> datetime:
    """The next Monday, nine o'clock."""
    today = at.astimezone(where).date()
    first = (MONDAY - today.weekday()) % 7
    return _next(at, where, range(first, first + 15, 7))


def _next(at: datetime, where: ZoneInfo, days: range) -> datetime:
    today = at.astimezone(where).date()
    for n in days:
        day = today + n * _DAY
        then = moment(day, MORNING, where)
        # Whole days have been skipped where the date line moved: nine o'clock of such a day never comes.
        if then > at and then.astimezone(where).date() == day:
            return then
    raise ValueError("no zone skips so many mornings")


def _offset(at: datetime, where: ZoneInfo) -> timedelta:
    return at.astimezone(where).utcoffset() or timedelta()


def _change(low: datetime, high: datetime, where: ZoneInfo) -> datetime:
    """The moment in (low, high] at which the clocks change, to the second."""
    before = _offset(low, where)
    while high - low > _SECOND:
        middle = low + (high - low) // 2
        if _offset(middle, where) == before:
            low = middle
        else:
            high = middle
    return high.replace(microsecond=0)
