"""Quiet hours and digest times in every zone of the world, around both changes of the clocks of a year."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notify_svc.preferences.hours import Quiet, end_of, moment, next_hour, next_monday, next_morning, zone

ZONES = sorted(available_timezones())
YEAR = 2026
_DAY, _HOUR = timedelta(days=1), timedelta(hours=1)
NINE = time(9)


def changes(where: ZoneInfo, year: int = YEAR) -> list[datetime]:
    """When the clocks change in a year, to the minute, found by looking at every day and then closer."""
    found = []
    days = [datetime(year, 1, 1, tzinfo=UTC) + n * _DAY for n in range(366)]
    for early, late in pairwise(days):
        low, high = early, late
        if low.astimezone(where).utcoffset() == high.astimezone(where).utcoffset():
            continue
        while high - low > timedelta(minutes=1):
            middle = low + (high - low) / 2
            middle = middle.replace(second=0, microsecond=0)
            same = middle.astimezone(where).utcoffset() == low.astimezone(where).utcoffset()
            low, high = (middle, high) if same else (low, middle)
        found.append(high)
    return found


CHANGES = {name: changes(ZoneInfo(name)) for name in ZONES}
CHANGING = sorted(name for name, found in CHANGES.items() if found)


def test_there_are_zones_with_two_changes_and_zones_with_none() -> None:
    assert len(ZONES) > 400
    assert len(CHANGING) > 100
    assert CHANGES["Europe/London"] == [datetime(2026, 3, 29, 1, tzinfo=UTC), datetime(2026, 10, 25, 1, tzinfo=UTC)]
    assert CHANGES["Asia/Kolkata"] == []


def around(name: str) -> list[datetime]:
    """Moments near each change of a zone's year, and for zones without one near an ordinary midnight."""
    found = CHANGES[name] or [datetime(YEAR, 6, 15, tzinfo=UTC)]
    steps = [*range(-30, 31, 10), -0.75, -0.5, -0.25, 0.25, 0.5, 0.75]
    return [change + step * _HOUR for change in found for step in steps] + [found[0] - timedelta(microseconds=1)]


def skipped(clock: datetime, where: ZoneInfo) -> bool:
    """Whether the clock never shows this, because a change leaps over it."""
    return clock.replace(tzinfo=where).astimezone(UTC).astimezone(where).replace(tzinfo=None) != clock


@pytest.mark.parametrize("quiet", [Quiet(time(22), time(8)), Quiet(time(1, 30), time(2, 30)), Quiet(time(0), time(2))])
def test_quiet_hours_end_at_the_first_moment_that_is_not_quiet_in_every_zone(quiet: Quiet) -> None:
    for name in ZONES:
        where = ZoneInfo(name)
        for now in around(name):
            end = end_of(quiet, now, where)
            if not quiet.covers(now, where):
                assert end == now, name
                continue
            assert now < end <= now + timedelta(hours=27), name
            assert not quiet.covers(end, where), name
            # And not a moment later than need be.
            assert quiet.covers(end - timedelta(seconds=1), where), name


def test_quiet_hours_are_quiet_until_their_very_end() -> None:
    quiet = Quiet(time(22), time(8))
    for name in CHANGING:
        where = ZoneInfo(name)
        for now in around(name):
            end, at = end_of(quiet, now, where), now
            while at < end:
                assert quiet.covers(at, where), name
                at += timedelta(minutes=17)


def test_digests_leave_at_nine_on_the_wall_in_every_zone_or_at_the_end_of_a_gap() -> None:
    for name in ZONES:
        where = ZoneInfo(name)
        for now in around(name):
            daily, weekly = next_morning(now, where), next_monday(now, where)
            assert now < daily <= now + timedelta(hours=26), name
            assert now < weekly <= now + timedelta(days=7, hours=2), name
            for then in (daily, weekly):
                shown = then.astimezone(where)
                face = datetime.combine(shown.date(), NINE)
                assert shown.time() == NINE or (skipped(face, where) and shown.replace(tzinfo=None) > face), name
            assert weekly.astimezone(where).weekday() == 0, name


def test_hourly_digests_leave_at_a_full_hour_in_every_zone_or_at_the_end_of_a_gap() -> None:
    for name in ZONES:
        where = ZoneInfo(name)
        for now in around(name):
            then = next_hour(now, where)
            assert now < then <= now + timedelta(minutes=90), name
            shown = then.astimezone(where)
            gap = skipped(shown.replace(minute=0, tzinfo=None), where)
            assert shown.minute == 0 or gap, (name, now)
            assert shown.second == shown.microsecond == 0, (name, now)


def test_who_asks_later_never_gets_an_earlier_time() -> None:
    quiet = Quiet(time(22), time(8))
    for name in ZONES:
        where = ZoneInfo(name)
        nows = sorted(around(name))
        for next_time in (next_morning, next_monday, next_hour, lambda at, where: end_of(quiet, at, where)):
            times = [next_time(now, where) for now in nows]
            assert times == sorted(times), name


def test_every_nine_o_clock_of_a_year_comes_once() -> None:
    for name in ("Europe/London", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Kathmandu"):
        where, at = ZoneInfo(name), datetime(YEAR, 1, 1, tzinfo=UTC)
        days = []
        while at.year == YEAR:
            at = next_morning(at, where)
            days.append(at.astimezone(where).date())
        assert [late - early for early, late in pairwise(days)] == [_DAY] * (len(days) - 1), name


def test_a_time_that_is_skipped_is_the_end_of_the_gap_and_one_that_comes_twice_its_first_coming() -> None:
    london = ZoneInfo("Europe/London")
    assert moment(date(2026, 3, 29), time(1, 30), london) == datetime(2026, 3, 29, 1, tzinfo=UTC)
    assert moment(date(2026, 10, 25), time(1, 30), london) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    lord_howe = ZoneInfo("Australia/Lord_Howe")
    assert moment(date(2026, 10, 4), time(2, 15), lord_howe) == datetime(2026, 10, 3, 15, 30, tzinfo=UTC)


def test_an_island_that_skips_a_day_gets_its_digest_on_the_next() -> None:
    # Samoa had no 30 December 2011.
    apia = ZoneInfo("Pacific/Apia")
    before = moment(date(2011, 12, 29), time(10), apia)
    assert next_morning(before, apia) == moment(date(2011, 12, 31), NINE, apia)


def test_quiet_hours_that_end_in_a_gap_end_with_it() -> None:
    london = ZoneInfo("Europe/London")
    quiet = Quiet(time(22), time(1, 30))
    assert end_of(quiet, datetime(2026, 3, 28, 23, tzinfo=UTC), london) == datetime(2026, 3, 29, 1, tzinfo=UTC)


def test_quiet_hours_come_again_when_the_clock_goes_back() -> None:
    london = ZoneInfo("Europe/London")
    quiet = Quiet(time(22), time(1, 30))
    first, second = datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    assert end_of(quiet, datetime(2026, 10, 24, 23, tzinfo=UTC), london) == first
    assert end_of(quiet, datetime(2026, 10, 25, 1, 10, tzinfo=UTC), london) == second


def test_equal_ends_are_no_hours_and_an_unknown_zone_is_utc() -> None:
    now = datetime(2026, 6, 1, 3, tzinfo=UTC)
    assert end_of(Quiet(time(3), time(3)), now, zone("Nowhere/Else")) == now
    assert next_morning(now, zone("Nowhere/Else")) == datetime(2026, 6, 1, 9, tzinfo=UTC)


CLOCKS = st.times().map(lambda one: one.replace(second=0, microsecond=0, tzinfo=None))


@settings(max_examples=150, deadline=None)
@given(
    name=st.sampled_from(CHANGING),
    start=CLOCKS,
    end=CLOCKS,
    change=st.integers(0, 1),
    seconds=st.integers(-200_000, 200_000),
)
def test_any_hours_end_exactly_near_any_change(name: str, start: time, end: time, change: int, seconds: int) -> None:
    where, quiet = ZoneInfo(name), Quiet(start, end)
    now = CHANGES[name][change % len(CHANGES[name])] + timedelta(seconds=seconds)
    over = end_of(quiet, now, where)
    assert over >= now
    assert not quiet.covers(over, where)
    if over > now:
        assert quiet.covers(over - timedelta(seconds=1), where)
