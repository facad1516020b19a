"""Kept answers: faster when Redis is there, the same when it is not."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
import redis

from bh_sdk.server.ops.copies import KEPT_SECONDS, Copies
from bh_sdk.server.ops.settings import setting


class Asked:
    """A question that counts how often it was worked out."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> bytes:
        self.times += 1
        return f"answer {self.times}".encode()


@pytest.fixture
def copies() -> Copies:
    return Copies(f"test:{uuid.uuid4()}")


def client() -> redis.Redis:
    return redis.Redis.from_url(setting("REDIS_URL"))


def test_an_answer_is_worked_out_once_until_its_subject_changes(copies: Copies) -> None:
    work = Asked()
    assert [copies.answer(["a"], "q", work) for _ in range(3)] == [b"answer 1"] * 3
    copies.outdated(["b"])
    assert copies.answer(["a"], "q", work) == b"answer 1"
    copies.outdated(["a"])
    assert copies.answer(["a"], "q", work) == b"answer 2"


def test_other_questions_and_other_subjects_have_answers_of_their_own(copies: Copies) -> None:
    work = Asked()
    found = [copies.answer(subjects, question, work) for subjects in (["a"], ["b"], ["a", "b"]) for question in "pq"]
    assert len(set(found)) == 6


def test_a_change_while_the_answer_is_worked_out_leaves_no_old_answer_behind(copies: Copies) -> None:
    def overtaken() -> bytes:
        copies.outdated(["a"])
        return b"old"

    assert copies.answer(["a"], "q", overtaken) == b"old"
    assert copies.answer(["a"], "q", lambda: b"new") == b"new"


def test_a_flushed_redis_is_an_empty_one_and_no_earlier_answer_returns(copies: Copies) -> None:
    work = Asked()
    copies.answer(["a"], "q", work)
    held = client()
    held.delete(*held.keys(f"{copies._name}:*"))
    assert copies.answer(["a"], "q", work) == b"answer 2"


def test_a_token_that_was_evicted_does_not_bring_an_old_answer_back(copies: Copies) -> None:
    work = Asked()
    copies.answer(["a"], "q", work)
    client().delete(f"{copies._name}:token:a")
    assert copies.answer(["a"], "q", work) == b"answer 2"


def test_no_copy_lives_for_ever(copies: Copies) -> None:
    copies.answer(["a"], "q", Asked())
    held: Any = client()
    lives = [held.ttl(key) for key in held.keys(f"{copies._name}:copy:*")]
    assert len(lives) == 1
    assert 0 < lives[0] <= KEPT_SECONDS


def test_without_redis_every_answer_is_worked_out_and_nobody_waits(copies: Copies, settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1"
    work = Asked()
    copies.outdated(["a"])
    assert [copies.answer(["a"], "q", work) for _ in range(3)] == [b"answer 1", b"answer 2", b"answer 3"]
