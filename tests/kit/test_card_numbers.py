"""A card number goes no further than a door, wherever in a request it stands; and what only looks like one is let through."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from django import forms
from django.http import HttpRequest
from django.test import Client
from hypothesis import example, given
from hypothesis import strategies as st

from bh_sdk.server.admin import Dialog
from bh_sdk.server.ops import cards, trace
from bh_sdk.server.ops.logs import _cleaned, clean

RUTH = {"Authorization": "Bearer ruth"}
THINGS = "/api/v1/demo/things"
# docs.stripe.com/testing#cards, a network each.
TEST_CARDS = [
    "4242424242424242", "4000056655665556", "5555555555554444", "2223003122003222", "5200828282828210", "378282246310005",
    "371449635398431", "6011111111111117", "6011000990139424", "3056930009020004", "36227206271667", "3566002020360505",
    "6200000000000005", "6205500000000000004",
]  # fmt: skip


@pytest.mark.parametrize("number", TEST_CARDS)
def test_a_number_is_found_however_it_is_written(number: str) -> None:
    groups = " ".join(number[at : at + 4] for at in range(0, len(number), 4))
    written = [
        number, f"my card is {number}, thanks", f"visa{number}", f"pm_{number}", f'"{number}"', groups,
        groups.replace(" ", "-"), groups.replace(" ", ". "), groups.replace(" ", "\u00a0"), groups.replace(" ", "\u2009–\u2009"),
        number.translate({ord(digit): ord(digit) + 0xFEE0 for digit in "0123456789"}),
        f"12/34 {groups} 123", "\u200b".join(number),
    ]  # fmt: skip
    for text in written:
        assert cards.in_text(text), text
        assert cards.in_bytes(text.encode()), text
        assert cards.MASKED in cards.masked(text), text
        assert cards.MASKED in clean(text) or "<number>" in clean(text), text
        assert number not in clean(text), text


@pytest.mark.parametrize(
    "text",
    [
        "", "4242424242424243", "0000000000000000", "1700000000000", "1763841600000000", "2026-01-01 2026-01-31 12",
        "+44 20 7946 0958",
        "DE89 3704 0044 0532 0130 00",
        "203.0.113.195, 70.41.3.18, 150.172.238.178", "Chrome/120.0.6099.109 Safari/537.36",
        "4242424242424242424242424242424242424242", "999999999999.99", "4,2,4,2,4,2,4,2,4,2,4,2,4,2,4,2",
        "25.00 25.00 25.00 25.00",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "a4242424242424242bcdef01",
        "42424242-4242-4424-8242-42424242424a",
    ],
)  # fmt: skip
def test_what_only_looks_like_one_is_none(text: str) -> None:
    assert not cards.in_text(text)
    assert cards.masked(text) == text


@given(st.uuids())
@example(uuid.UUID("94412527-cff1-bfd5-52a4-d8656d368975"))
def test_no_uuid_is_a_card(given_id: uuid.UUID) -> None:
    assert not cards.in_text(f"{given_id} {given_id.hex}")


@given(st.text(alphabet="0123456789 -.abx４", max_size=60))
def test_masking_leaves_none_and_agrees_with_finding(text: str) -> None:
    assert (cards.masked(text) != text) == cards.in_text(text)
    assert not cards.in_text(cards.masked(text))


BETWEEN = (
    "\n",
    "\r\n",
    "\t",
    "/",
    "_",
    ",",
    ", ",
    ":",
    "|",
    " | ",
    "*",
    "  ",
    "    ",
    "\u2028",
    "\u3000",
    "\u00b7",
    " — ",
)


@pytest.mark.parametrize("between", BETWEEN)
@pytest.mark.parametrize(
    "groups",
    [("4242",) * 4, ("3782", "822463", "10005"), ("6205", "5000", "0000", "0000", "004"), ("3622", "720627", "1667")],
)  # fmt: skip
def test_printed_groups_are_found_whatever_lies_between(between: str, groups: tuple[str, ...]) -> None:
    text = between.join(groups)
    for written in (text, f"1234 {text} 12/34", f"x{text}"):
        assert cards.in_text(written), written
    assert cards.in_bytes(text.encode())
    assert groups[1] not in cards.masked(f"a {text} b")


def test_keycaps_are_digits() -> None:
    assert cards.in_text("".join(f"{digit}\ufe0f\u20e3" for digit in "4242424242424242"))


@given(
    st.lists(
        st.one_of(
            st.uuids().map(str),
            st.datetimes().map(str),
            st.dates().map(str),
            st.decimals(0, 10**6, places=2).map(str),
            st.integers(10**9, 10**10).map(lambda number: f"+44 {number}"),
        ),
        max_size=6,
    ),
    st.sampled_from(["\n", ", ", " | ", "\t", "/", "_"]),
)
def test_ids_dates_amounts_and_phone_numbers_side_by_side_are_none(parts: list[str], between: str) -> None:
    for part in parts:
        assert next(cards._printed(part), None) is None
    assert next(cards._printed(between.join(part for part in parts if len(part) > 6)), None) is None


def test_too_much_to_look_through_is_taken_for_one() -> None:
    assert cards.in_text("1 " * 200_000 + "4242 4242 4242 4242")
    assert cards.in_text("1." * 200_000 + "4242424242424242")
    assert not cards.in_text("4242|4242|4242|4241|" * 20_000)
    assert "4242" not in cards.masked("1 " * 100_000 + "4242424242424242")


def refused(response: Any) -> str:
    problem = response.json()
    assert (response.status_code, problem["code"]) == (422, "card_number_refused"), problem
    assert "4242" not in response.content.decode()
    return str(problem["errors"][0]["pointer"])


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ('{"title": "4242 4242 4242 4242"}', "#/title"),
        ('{"title": "x", "extra": {"a": [1, {"b": "4242-4242-4242-4242"}]}}', "#/extra/a/1/b"),
        ('{"title": 4242424242424242}', "#/title"),
        ('{"title": "x", "4242424242424242": 1}', "#/<card>"),
        ('{"title": "\\u0034242424242424242"}', "#/title"),
        ('{"title": "４２４２４２４２４２４２４２４２"}', "#/title"),
        ("4242424242424242", "#"),
        ("{4242424242424242", "#"),
    ],
)
def test_a_body_with_one_is_refused_before_anybody_asks_who_calls(client: Client, body: str, where: str) -> None:
    for headers in ({}, RUTH, {"Authorization": "Bearer nobody"}):
        assert refused(client.generic("POST", THINGS, body, "application/json", headers=headers)) == where


@pytest.mark.parametrize(
    "name",
    ["X-Whatever", "User-Agent", "Idempotency-Key", "X-Forwarded-For", "Cookie", "Authorization", "X-Request-ID"],
)
def test_a_header_with_one_is_refused(client: Client, name: str) -> None:
    body = json.dumps({"title": "A roof", "size": 7})
    told = client.generic("POST", THINGS, body, "application/json", headers=RUTH | {name: "4242424242424242"})
    assert refused(told) == f"#/header/{name.lower()}"
    assert "4242" not in told["X-Request-ID"]


def test_an_address_with_one_is_refused(client: Client) -> None:
    assert refused(client.get(f"{THINGS}?cursor=4242%204242+4242%2D4242", headers=RUTH)) == "#/query/cursor"
    assert refused(client.get("/api/v1/demo/4242424242424242", headers=RUTH)) == "#/path"
    assert refused(client.post("/oauth2/token", "a=4242+4242+4242+4242", "application/x-www-form-urlencoded")) == "#"


def test_a_body_without_one_costs_nothing_but_a_look(client: Client) -> None:
    body = json.dumps({"title": "A roof", "size": 7, "note": "call 020 7946 0958 or 4242"})
    assert client.generic("POST", THINGS, body, "application/json", headers=RUTH).status_code == 200


def test_no_log_line_shows_one() -> None:
    found = _cleaned({"a": ["4242424242424242"], "4242 4242 4242 4242": 4242424242424242, "count": 12, "ms": 1.5})
    assert "4242" not in str(found)
    assert (found["count"], found["ms"]) == (12, 1.5)


def test_a_request_id_is_none() -> None:
    try:
        assert "4242" not in trace.begin("4242424242424242")[0]
    finally:
        trace.end()


@pytest.mark.parametrize(
    "sent",
    [
        "00-4bf92f3577b34da6a3ce929d0e0e4736-4242424242424242-01",
        "00-42424242424242420000000000000000-00f067aa0ba902b7-01",
        "00-abcdef4242424242424242abcdefabcd-00f067aa0ba902b7-01",
    ],
)
def test_a_trace_with_one_is_left_and_a_new_one_begins(sent: str) -> None:
    kept = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    try:
        assert trace.begin(None, kept)[1] == kept
        begun = trace.begin(None, sent)[1]
        assert "4242424242424242" not in begun
        assert trace.traceparent() == begun
    finally:
        trace.end()


def test_a_trace_with_one_refuses_no_request(client: Client, capfd: pytest.CaptureFixture[str]) -> None:
    sent = {
        "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-4242424242424242-01",
        "tracestate": "a=4242424242424242",
    }
    answer = client.generic(
        "POST", THINGS, json.dumps({"title": "A roof", "size": 7}), "application/json", headers=RUTH | sent
    )
    assert answer.status_code == 200
    assert "4242424242424242" not in "".join(capfd.readouterr()) + str(answer.headers)


@pytest.mark.parametrize("name", ["X-4242424242424242", "X-4242-4242-4242-4242", "X-4242_4242_4242_4242"])
def test_a_headers_name_with_one_is_refused(client: Client, name: str) -> None:
    assert refused(client.get(THINGS, headers=RUTH | {name: "x"})).startswith("#/header/")


def test_no_header_ends_a_number_that_another_began(client: Client) -> None:
    halves = {"X-A": "4242 4242", "X-B": "4242 4242"}
    body = json.dumps({"title": "A roof", "size": 7})
    assert client.generic("POST", THINGS, body, "application/json", headers=RUTH | halves).status_code == 200


def test_an_escape_between_groups_hides_none(client: Client) -> None:
    body = '{"title": "4242\\n4242\\n4242\\n4242"}'
    assert refused(client.generic("POST", THINGS, body, "application/json", headers=RUTH)) == "#/title"


def test_a_log_line_made_to_be_slow_is_cut() -> None:
    for part in ("a", "a@", "eyJ-", "bearer ", "://a:", "1-"):
        assert len(clean(part * 1_000_000)) < 20_000


class TestTheAdmin:
    def test_no_page_takes_one(self, client: Client, db: None) -> None:
        for told in (
            client.post("/admin/login/", {"username": "4242 4242 4242 4242", "password": "x"}),
            client.get("/admin/login/?next=/4242424242424242"),
            client.get("/admin/", headers={"X-Whatever": "4242424242424242"}),
        ):
            assert told.status_code == 422
            assert "4242" not in told.content.decode()
        assert client.post("/admin/login/", {"username": "ruth", "password": "x"}).status_code == 200

    def test_a_dialog_says_it_at_the_field(self) -> None:
        class Note(Dialog):
            note = forms.CharField()

        def filled(text: str) -> Note:
            return Note(HttpRequest(), None, {"note": text, "_form_submitted": "on"})

        form = filled("he gave me 4242-4242-4242-4242")
        assert not form.is_valid()
        assert "card number" in str(form.errors["note"])
        assert filled("he gave me his word").is_valid()
