"""Bodies, paths and queries: what is not exactly right is refused with a 4xx, and nothing a caller sends is a 5xx."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bh_sdk.server.api.strict import MOST_MEMBERS

RUTH = {"Authorization": "Bearer ruth"}
THINGS = "/api/v1/demo/things"


def send(client: Client, raw: bytes | str, content_type: str = "application/json") -> Any:
    return client.generic("POST", THINGS, raw, content_type, headers=RUTH)


def refused(response: Any) -> tuple[int, str]:
    assert response["Content-Type"] == "application/problem+json"
    return response.status_code, response.json()["code"]


def test_a_right_body_is_taken_whole(client: Client) -> None:
    response = send(
        client, json.dumps({"title": "A roof", "size": 7, "note": "für Ruth\n🙏", "extra": {"a": [1, 2.5, None]}})
    )
    assert response.status_code == 200
    assert response.json() == {"title": "A roof", "size": 7, "note": "für Ruth\n🙏", "extra": {"a": [1, 2.5, None]}}


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/xml",
        "",
        "application/json; charset=utf-16",
    ],
)
def test_another_kind_of_body_is_415(client: Client, content_type: str) -> None:
    assert refused(send(client, '{"title": "x"}', content_type)) == (415, "unsupported_media_type")


def test_the_charset_may_be_named(client: Client) -> None:
    assert send(client, '{"title": "x"}', 'application/json; charset="UTF-8"').status_code == 200


@pytest.mark.parametrize(
    "raw",
    [
        b"{",
        b"nonsense",
        b"\xff\xfe{\x00}\x00",
        b'{"title": "\xc3\x28"}',
        b'\xef\xbb\xbf{"title": "x"}',
        b'{"title": "x"} {"title": "y"}',
        b'{"title": "x",}',
        b'{"title": "a\nb"}',
        b'{"title": NaN}',
        b'{"title": "x", "weight": Infinity}',
        b'{"title": "x", "weight": -Infinity}',
        b'{"title": "x", "title": "y"}',
        b'{"title": "x", "extra": {"a": 1, "a": 2}}',
        b'{"title": "x", "extra": ' + b'{"a":' * 32 + b"1" + b"}" * 32 + b"}",
        b"[" * 900,
        b"[" * 500_000,
        b'{"a":' * 200_000,
        b'"' + b'\\"' * 400_000,
        json.dumps({"title": "x", "extra": {str(n): n for n in range(MOST_MEMBERS)}}).encode(),
    ],
    ids=lambda raw: repr(raw[:24]),
)
def test_what_is_no_small_flat_json_document_is_400(client: Client, raw: bytes) -> None:
    began = time.thread_time()
    assert refused(send(client, raw)) == (400, "bad_request")
    assert time.thread_time() - began < 1


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ("{}", "#/title"),
        ('{"title": 1}', "#/title"),
        ('{"title": true}', "#/title"),
        ('{"title": "x", "unknown": 1}', "#/unknown"),
        ('{"title": "x", "size": true}', "#/size"),
        ('{"title": "x", "size": "7"}', "#/size"),
        ('{"title": "x", "size": 7.0}', "#/size"),
        ('{"title": "x", "size": -1}', "#/size"),
        ('{"title": "x", "size": 1000000000001}', "#/size"),
        ('{"title": "x", "size": 1e3}', "#/size"),
        ('{"title": "x", "size": 9223372036854775808}', "#/size"),
        ('{"title": "x", "size": ' + "9" * 5000 + "}", "#/size"),
        ('{"title": "x", "weight": 1E+999999}', "#/weight"),
        ('{"title": "x", "weight": 1e-999999}', "#/weight"),
        ('{"title": "x", "weight": 1e300}', "#/weight"),
        ('{"title": "x", "weight": "1"}', "#/weight"),
        ('{"title": "x", "flag": 1}', "#/flag"),
        ('{"title": "x", "flag": "true"}', "#/flag"),
        ('{"title": null}', "#/title"),
        ('{"title": "a\\u0000b"}', "#/title"),
        ('{"title": "a\\ud800b"}', "#/title"),
        ('{"title": "x", "extra": {"deep": [{"a/b": "\\u0000"}]}}', "#/extra/deep/0/a~1b"),
        ('{"title": "x", "extra": {"\\udfff": 1}}', "#/extra"),
        ('{"title": "x", "extra": {"n": [1e999]}}', "#/extra/n/0"),
        ('{"title": "x", "extra": []}', "#/extra"),
    ],
)
def test_a_value_that_cannot_be_taken_is_422_with_a_pointer(client: Client, body: str, pointer: str) -> None:
    response = send(client, body)
    assert refused(response) == (422, "invalid")
    assert [entry["pointer"] for entry in response.json()["errors"]] == [pointer]
    assert all(entry["message"] for entry in response.json()["errors"])


@pytest.mark.parametrize("raw", [b"null", b"1", b'"text"', b"[]", b"true", b""])
def test_a_document_that_is_no_object_is_422(client: Client, raw: bytes) -> None:
    assert refused(send(client, raw)) == (422, "invalid")


def test_an_escaped_pair_of_surrogates_is_one_character(client: Client) -> None:
    assert send(client, '{"title": "\\ud83d\\ude4f"}').json()["title"] == "🙏"


@pytest.mark.parametrize("size", [1024 * 1024 + 1, 3_000_000, 9_000_000])
def test_a_body_over_a_mebibyte_is_413(client: Client, size: int) -> None:
    response = send(client, b'{"title": "' + b"x" * size + b'"}')
    assert refused(response) == (413, "payload_too_large")
    assert response.json()["limit"] == 1024 * 1024


def test_a_get_with_a_body_ignores_it(client: Client) -> None:
    response = client.generic("GET", f"{THINGS}/{uuid.uuid4()}", b"\xff{", "application/json")
    assert response.status_code == 200


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("colour=red", "#/query/colour"),
        ("shade=a&shade=b", "#/query/shade"),
        ("shade=a%00b", "#/query/shade"),
        ("a/b=1", "#/query/a~1b"),
        ("%00=1", "#/query/?"),
        ("shade=" + "x" * 201, "#/query/shade"),
    ],
)
def test_a_query_that_the_route_does_not_know_is_422(client: Client, query: str, pointer: str) -> None:
    response = client.get(f"{THINGS}/{uuid.uuid4()}?{query}")
    assert refused(response) == (422, "invalid")
    assert response.json()["errors"][0]["pointer"] == pointer


def test_a_route_without_parameters_takes_none(client: Client) -> None:
    assert refused(client.get("/api/v1/demo/who?debug=1")) == (422, "invalid")


@pytest.mark.parametrize(
    "ident",
    ["1", "urn:uuid:6f1c2a3e-0000-4000-8000-000000000000", "{6f1c2a3e-0000-4000-8000-000000000000}", "%F0%9F%99%8F"],
)
def test_a_path_that_holds_no_uuid_is_422(client: Client, ident: str) -> None:
    response = client.get(f"{THINGS}/{ident}")
    assert refused(response) == (422, "invalid")
    assert response.json()["errors"][0]["pointer"] == "#/path/thing_id"


@pytest.mark.parametrize("limit", ["0", "101", "1_0", "+5", " 5", "٢٠", "1e1", "5.0", "", "-1", "9" * 400])
def test_a_limit_is_plain_digits_from_1_to_100(client: Client, limit: str) -> None:
    response = client.get("/api/v1/demo/gifts", {"limit": limit}, headers=RUTH)
    assert refused(response) == (422, "invalid")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(), max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)
bodies = st.fixed_dictionaries(
    {"title": st.text(st.characters(), max_size=250) | json_values},
    optional={
        "size": json_values,
        "note": json_values,
        "weight": json_values,
        "flag": json_values,
        "extra": json_values,
        "other": json_values,
    },
)
unhurried = settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])


@unhurried
@given(body=bodies)
def test_any_json_is_taken_or_refused(client: Client, body: Any) -> None:
    response = send(client, json.dumps(body))
    assert response.status_code in (200, 400, 422)


@unhurried
@given(raw=st.binary(max_size=300))
def test_any_bytes_are_taken_or_refused(client: Client, raw: bytes) -> None:
    assert send(client, raw).status_code in (200, 400, 422)


@unhurried
@given(
    query=st.dictionaries(
        st.text(st.characters(codec="utf-8"), max_size=8) | st.just("shade"),
        st.text(st.characters(codec="utf-8"), max_size=30),
        max_size=3,
    )
)
def test_any_query_is_taken_or_refused(client: Client, query: dict[str, str]) -> None:
    assert client.get(f"{THINGS}/{uuid.uuid4()}", query).status_code in (200, 422)
