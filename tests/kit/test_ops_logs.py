"""Logs are events with fields, and hold no secret and no person."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from bh_sdk.server.ops import trace
from bh_sdk.server.ops.logs import clean, log


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("mail to ruth.smith+x@demo.test failed", "mail to <mail> failed"),
        ("Authorization: Bearer abc.def-ghi", "Authorization: Bearer <token>"),
        ("eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ4In0.sig", "<token>"),
        ("sk_test_51H8xYzabcdefghijklmn and whsec_abc123==", "<secret> and <secret>"),
        ("pi_3Abc_secret_Xyz", "<secret>"),
        ("card 4242 4242 4242 4242.", "card <number>."),
        ("4242424242424242", "<number>"),
        ("postgresql://user:pass@host/db", "postgresql://<login>@host/db"),
        ("id 6f1c2a3e-1234-4000-8000-123456789012", "id 6f1c2a3e-1234-4000-8000-123456789012"),
        ("took 1234 ms at 2026-11-22T17:00:00Z", "took 1234 ms at 2026-11-22T17:00:00Z"),
    ],
)
def test_secrets_and_people_are_cut_out(given: str, kept: str) -> None:
    assert clean(given) == kept


def test_a_line_is_an_event_with_fields(capsys: pytest.CaptureFixture[str]) -> None:
    request_id, traceparent = trace.begin("request-one", "00-" + "a" * 32 + "-" + "b" * 16 + "-01")
    log("events").info("relay_started", epoch=3, to="ruth@demo.test", many=["x@demo.test", 1])
    trace.end()
    [line] = lines(capsys)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "relay_started",
        "level": "info",
        "room": "events",
        "service": "kit",
        "program": line["program"],
        "epoch": 3,
        "to": "<mail>",
        "many": ["<mail>", 1],
        "request_id": request_id,
        "traceparent": traceparent,
    }


def test_libraries_take_the_same_road(capsys: pytest.CaptureFixture[str]) -> None:
    logging.getLogger("some.library").warning("sent to %s\nforged line", "ruth@demo.test")
    [line] = lines(capsys)
    assert (line["event"], line["level"], line["logger"]) == ("sent to <mail>\nforged line", "warning", "some.library")


def test_an_exception_tells_its_kind_and_place_but_no_values(capsys: pytest.CaptureFixture[str]) -> None:
    secret = "ruth@demo.test"
    try:
        raise ValueError(f"no such donor {secret}\nDETAIL: Key (email)=({secret}) already exists.")
    except ValueError:
        log().exception("went_wrong")
        logging.getLogger("some.library").exception("went wrong too")
    err = capsys.readouterr().err
    assert secret not in err
    for line in map(json.loads, err.splitlines()):
        assert line["error"] == "builtins.ValueError"
        assert line["error_detail"] == "no such donor <mail>"
        assert "test_ops_logs.py" in line["error_where"][-1]


@pytest.mark.parametrize(
    "bad", ["00-" + "0" * 32 + "-" + "b" * 16 + "-01", "nonsense", "01-" + "a" * 32 + "-" + "b" * 16 + "-01"]
)
def test_a_trace_that_is_not_one_is_replaced(bad: str) -> None:
    _, traceparent = trace.begin(None, bad)
    assert traceparent != bad
    assert trace.headers() == {"X-Request-ID": trace.request_id(), "traceparent": traceparent}
    trace.end()
    assert trace.headers() == {}
