"""One whole stack for the session, with something in it to find."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import pytest

from bh_sdk.tokens import ServiceAuth
from deploy.local import tokens
from tests.e2e.scene import AT_MOST, a_campaign, facts, feed_of, give, pay, service_auth
from tests.stack import House, _remember_where_logs_were, house, pytest_runtest_makereport, until

__all__ = ["_remember_where_logs_were", "house", "pytest_runtest_makereport"]

SOMEONE = UUID("5eed0000-0000-4000-8000-000000000001")
EVERY_ROLE = "donor,recipient,support,finance,analyst,editor,admin,auditor"
METHODS = ("get", "put", "post", "delete", "patch")

NOBODYS = "0f5a3c1e-7b7d-4c53-9c52-6d1f2f5f1a77"


@dataclass(frozen=True)
class Door:
    """One service: its document, who may call it, and ids that lead to something."""

    service: str
    url: str
    document: dict[str, Any]
    callers: Mapping[str, str | ServiceAuth | None]
    known: Mapping[str, str]

    def header(self, caller: str) -> dict[str, str]:
        """What a caller puts into the request: nothing, a person's token or a service's own."""
        auth = self.callers[caller]
        token = auth.token() if isinstance(auth, ServiceAuth) else auth
        return {} if token is None else {"Authorization": f"Bearer {token}"}

    def routes(self) -> list[tuple[str, str, dict[str, Any]]]:
        """(method, path, operation) of every route."""
        return [
            (method.upper(), path, operation)
            for path, item in self.document["paths"].items()
            for method, operation in item.items()
            if method in METHODS
        ]

    def filled(self, path: str) -> str:
        """A path with ids that exist; where none is known, with one that nobody has."""
        return re.sub(r"\{([a-z_]+)\}", lambda found: self.known.get(found[1], NOBODYS), path)


@pytest.fixture(scope="session")
def known(house: House) -> dict[str, str]:
    """Somebody's gift and all that came of it, by the names of path parameters."""
    campaign = a_campaign(house)
    gift = give(house, campaign, "20.00", SOMEONE)
    pay(house, gift, SOMEONE)
    with feed_of(house, SOMEONE) as feed:
        item = until(lambda: next(iter(feed.feed(SOMEONE).results), None), "the notification", seconds=AT_MOST)
    job = house.doors.trust.calculate_many([("campaign", campaign.id)])
    until(lambda: facts(house, "payments", about=gift.payment_id), "the facts", seconds=AT_MOST)
    return {
        "campaign_id": str(campaign.id),
        "payment_id": str(gift.payment_id),
        "user_id": str(SOMEONE),
        "entity_id": str(campaign.id),
        "notification_id": str(item.id),
        "job_id": str(job.job_id),
    }


@pytest.fixture(scope="session", params=["payments", "trust", "notify"])
def door(request: pytest.FixtureRequest, house: House, known: dict[str, str]) -> Door:
    url = house.url(request.param)
    document = httpx.get(f"{url}/api/v1/openapi.json", timeout=30, trust_env=False).raise_for_status().json()
    return Door(
        service=request.param,
        url=url,
        document=document,
        callers={
            "guest": None,
            "donor": tokens.for_user(house.stack, str(SOMEONE), "donor"),
            "staff": tokens.for_user(house.stack, str(SOMEONE), EVERY_ROLE),
            "monolith": service_auth(house, "monolith", request.param),
        },
        known=known,
    )


def is_a_problem(response: httpx.Response, operation: dict[str, Any] | None = None) -> list[str]:
    """What is wrong with a refusal, if anything. A route for people may refuse with a page, when its document says so."""
    wrong = []
    documented = (operation or {}).get("responses", {}).get(str(response.status_code), {})
    if response.headers.get("content-type", "").split(";")[0] in documented.get("content", {}):
        return []
    if response.headers.get("content-type", "").split(";")[0] != "application/problem+json":
        return [f"{response.headers.get('content-type')} instead of application/problem+json"]
    problem = response.json()
    missing = {"type", "title", "status", "detail", "code", "request_id"} - problem.keys()
    if missing:
        wrong.append(f"without {sorted(missing)}")
    elif problem["status"] != response.status_code or problem["type"] != f"urn:bh:problem:{problem['code']}":
        wrong.append(f"says {problem['status']} {problem['type']}")
    if response.status_code == 401 and "www-authenticate" not in response.headers:
        wrong.append("401 without WWW-Authenticate")
    return wrong
