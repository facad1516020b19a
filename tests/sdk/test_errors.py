"""What a service raises is what its caller gets."""

from __future__ import annotations

import json
import pickle

import pytest

from bh_sdk import errors
from bh_sdk.errors import BHError, Conflict, Failed, InternalError, Refused, Unavailable, Unreachable, from_problem
from bh_sdk.tokens import TokenRefused


def _family(root: type[BHError]) -> list[type[BHError]]:
    own = [child for child in root.__subclasses__() if child.__module__ == errors.__name__]
    return [root, *(kind for child in own for kind in _family(child))]


@pytest.mark.parametrize("kind", [*_family(Refused), *_family(Failed)], ids=lambda kind: kind.__name__)
def test_every_error_comes_back_as_itself(kind: type[BHError]) -> None:
    raised = kind("Not this time", left="10.00", errors=[{"pointer": "/amount", "message": "too much"}])
    wire = json.loads(json.dumps(raised.problem("req-1")))
    rebuilt = from_problem(wire, status=kind.status, retry_after=7)
    assert type(rebuilt) is kind
    assert (rebuilt.code, rebuilt.status, rebuilt.title) == (kind.code, kind.status, kind.title)
    assert (rebuilt.detail, rebuilt.request_id, rebuilt.retry_after) == ("Not this time", "req-1", 7)
    assert rebuilt.facts == raised.facts
    assert rebuilt.problem() == wire


def test_codes_are_unique_and_statuses_fit_the_family() -> None:
    kinds = _family(BHError)
    assert len({kind.code for kind in kinds}) == len(kinds)
    assert all(400 <= kind.status < 500 for kind in _family(Refused))
    assert all(kind.status >= 500 for kind in [*_family(Failed), *_family(Unreachable)])


@pytest.mark.parametrize("kind", _family(Unreachable), ids=lambda kind: kind.__name__)
def test_what_another_side_could_not_reach_has_failed_there(kind: type[BHError]) -> None:
    rebuilt = from_problem(kind().problem(), status=kind.status)
    assert isinstance(rebuilt, Failed)
    assert not isinstance(rebuilt, Unreachable)
    assert (rebuilt.code, rebuilt.status) == (kind.code, kind.status)


def test_an_unknown_code_becomes_the_class_of_its_status_and_is_kept() -> None:
    wire = {
        "code": "not_refundable",
        "title": "Nothing left",
        "status": 409,
        "detail": "10.00 is left",
        "left": "10.00",
    }
    rebuilt = from_problem(wire, status=409)
    assert type(rebuilt) is Conflict
    assert (rebuilt.code, rebuilt.title, rebuilt.facts) == ("not_refundable", "Nothing left", {"left": "10.00"})
    assert Conflict.code == "conflict"


@pytest.mark.parametrize(("status", "kind"), [(418, Refused), (507, Failed), (500, InternalError), (503, Unavailable)])
def test_a_body_that_says_nothing_is_what_its_status_says(status: int, kind: type[BHError]) -> None:
    rebuilt = from_problem({}, status=status)
    assert type(rebuilt) is kind
    assert rebuilt.status == status
    assert rebuilt.retry_after is None


@pytest.mark.parametrize(
    "problem",
    [
        {"code": ["not_found"], "detail": {"a": 1}, "request_id": 7},
        {"self": 1, "detail": "x", "facts": 2, "args": 3, "__class__": 4},
        {"code": None, "status": "many"},
    ],
)
def test_a_hostile_problem_is_only_an_error(problem: dict[str, object]) -> None:
    rebuilt = from_problem(problem, status=404)
    assert type(rebuilt) is errors.NotFound
    assert rebuilt.request_id is None
    str(rebuilt)


def test_an_error_survives_being_pickled() -> None:
    error = Conflict("No", request_id="r", left="1.00")
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), again.detail, again.request_id, again.facts) == (Conflict, "No", "r", {"left": "1.00"})


def test_why_a_token_was_refused_stays_inside() -> None:
    refusal = TokenRefused("bad_signature")
    assert refusal.reason == "bad_signature"
    assert "bad_signature" not in str(refusal)
    assert "bad_signature" not in json.dumps(refusal.problem("r"))
    assert type(from_problem(refusal.problem("r"), status=401)) is errors.Unauthenticated
