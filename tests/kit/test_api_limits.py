"""Limits: how often in how long, counted together or not at all, once per repeat; and nobody gets through uncounted."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock

import pytest
import redis

from bh_sdk.errors import TooManyTries, Unavailable
from bh_sdk.server.api import limits, problems
from bh_sdk.server.api.limits import Count, Exceeded, Limit, take
from bh_sdk.server.ops import clock

FIVE = Limit("five", 5, 60)


class Time:
    def __init__(self) -> None:
        self.at = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)

    def on(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@pytest.fixture
def time(clean_redis: redis.Redis, settings: Any) -> Iterator[Time]:
    settings.BH_LIMIT_FACTOR = 1
    moved = Time()
    with mock.patch.object(clock, "now", side_effect=lambda: moved.at):
        yield moved


def tried(who: str = "ruth", limit: Limit = FIVE, once: str | None = None) -> Exceeded | None:
    return take([Count(limit, who)], once=once or uuid.uuid4().hex)


def test_so_many_and_no_more(time: Time) -> None:
    assert [tried() is None for _ in range(7)] == [True] * 5 + [False] * 2
    assert tried("noah") is None


def test_there_is_room_again_when_it_was_said(time: Time) -> None:
    for _ in range(5):
        tried()
        time.on(2)
    found = tried()
    assert found is not None
    time.on(found.retry_after - 2)
    assert tried() is not None
    time.on(2)
    assert tried() is None


def test_the_window_slides_over_the_edge_of_a_minute(time: Time) -> None:
    time.on(55)
    for _ in range(5):
        assert tried() is None
    time.on(10)
    assert tried() is not None, "a new minute is no new allowance"
    time.on(60)
    assert tried() is None


def test_a_repeat_counts_once_and_is_never_refused(time: Time) -> None:
    for _ in range(20):
        assert tried(once="the same call") is None
    assert [tried() is None for _ in range(5)] == [True] * 4 + [False]
    assert tried(once="the same call") is None


def test_all_are_counted_or_none(time: Time) -> None:
    narrow, wide = Limit("narrow", 1, 60), Limit("wide", 3, 60)
    for _ in range(5):
        take([Count(wide, "x"), Count(narrow, "x")], once=uuid.uuid4().hex)
    assert [take([Count(wide, "x")], once=uuid.uuid4().hex) is None for _ in range(3)] == [True, True, False]


def test_the_local_stack_multiplies(time: Time, settings: Any) -> None:
    settings.BH_LIMIT_FACTOR = 1000
    assert all(tried() is None for _ in range(50))


def test_a_hundred_at_once_are_counted_exactly(time: Time) -> None:
    with ThreadPoolExecutor(20) as pool:
        through = sum(found is None for found in pool.map(lambda _: tried(), range(100)))
    assert through == 5


def test_without_redis_nobody_gets_through(time: Time, settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    with pytest.raises(Unavailable) as refused:
        tried()
    answer = problems.respond(refused.value)
    assert (answer.status_code, answer["Retry-After"]) == (503, "2")


def test_nothing_counted_stays_for_ever(time: Time, clean_redis: redis.Redis) -> None:
    tried()
    keys: Any = list(clean_redis.scan_iter())
    assert len(keys) == 2
    assert all(0 < int(clean_redis.pttl(key)) <= 120_000 for key in keys)


def test_the_refusal_says_when_to_come_back(time: Time) -> None:
    answer = problems.respond(limits.refusal(Exceeded(FIVE, 17), TooManyTries))
    assert (answer.status_code, answer["Retry-After"]) == (429, "17")
    assert (answer["RateLimit"], answer["RateLimit-Policy"]) == ('"tries";r=0;t=17', '"tries";q=5;w=60')
