"""Every route does what its document says, whatever is thrown at it: generated calls, the same in every run."""

from __future__ import annotations

import os
from collections import Counter
from typing import Any

import httpx
import hypothesis
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, strategies
from schemathesis import GenerationMode
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.contracts.conftest import Door, is_a_problem

CASES = int(os.environ.get("BH_CONTRACT_CASES") or 180)
CHECKS = [
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
]


def test_every_route_answers_as_documented(door: Door) -> None:
    schema = schemathesis.openapi.from_dict(door.document)
    operations = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
    assert len(operations) == len(door.routes())
    share = max(2, -(-CASES // len(operations) // 2))
    answered: Counter[int] = Counter()
    session = requests.Session()
    session.trust_env = False
    for operation in operations:
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            _try(door, session, operation, mode, share, answered)
    print(
        f"{door.service}: {sum(answered.values())} calls to {len(operations)} routes: {dict(sorted(answered.items()))}"
    )
    assert sum(answered.values()) >= min(CASES, 150)


def _try(
    door: Door, session: requests.Session, operation: Any, mode: GenerationMode, share: int, answered: Counter[int]
) -> None:
    """A share of calls of one route, as callers of every kind, about things that exist and things that do not."""

    @hypothesis.given(
        case=operation.as_strategy(generation_mode=mode),
        caller=strategies.sampled_from(sorted(door.callers)),
        about_known=strategies.booleans(),
    )
    @hypothesis.settings(
        max_examples=share,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def call(case: Any, caller: str, about_known: bool) -> None:
        if about_known:
            case.path_parameters.update(
                {name: value for name, value in door.known.items() if name in case.path_parameters}
            )
        case.headers.pop("Authorization", None)
        response = case.call(base_url=door.url, session=session, headers=door.header(caller), timeout=60)
        answered[response.status_code] += 1
        told = f"{operation.label} as {caller}: {response.status_code} {response.text[:500]}\n{case.as_curl_command()}"
        assert response.status_code < 500, told
        if response.status_code >= 400:
            headers = [(name, value) for name, values in response.headers.items() for value in values]
            plain = httpx.Response(response.status_code, headers=headers, content=response.content or b"")
            assert is_a_problem(plain, operation.definition.raw) == [], told
        try:
            case.validate_response(response, checks=CHECKS)
        except AssertionError as failure:
            pytest.fail(f"{told}\n{failure}", pytrace=False)

    try:
        call()
    except hypothesis.errors.Unsatisfiable:
        # Nothing can be wrong with a call that takes nothing.
        assert mode is GenerationMode.NEGATIVE, operation.label
