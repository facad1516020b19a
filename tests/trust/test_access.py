"""Every route by every kind of caller. 404 and 422 mean that the door was open."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from tests.trust.conftest import Caller, person, service_token
from trust_svc.evidence.models import Campaign, Fact
from trust_svc.reports.models import Report
from trust_svc.scoring.models import Job, Score

pytestmark = pytest.mark.django_db

PEOPLE = ("donor", "recipient", "support", "finance", "analyst", "editor", "admin", "auditor")
SERVICES = ("monolith", "payments", "notify", "trust")
EVERYBODY = {"nobody", *PEOPLE, *SERVICES}
LOOK = {"support", "analyst", "admin", "auditor"}

ROUTES: list[tuple[str, str, Any, set[str]]] = [
    ("GET", "/trust/campaign/{id}", None, EVERYBODY),
    ("GET", "/trust/user/{id}", None, EVERYBODY),
    ("GET", "/trust/factors/{id}", None, EVERYBODY),
    ("GET", "/trust/history/{id}", None, {*PEOPLE, "monolith"}),
    ("GET", "/trust/jobs/{id}", None, {"analyst", "admin", "monolith"}),
    ("POST", "/trust/calculate", {"entities": []}, {"analyst", "admin", "monolith"}),
    ("POST", "/trust/report", {}, set(PEOPLE)),
    ("GET", "/trust/reports", None, LOOK),
    ("POST", "/trust/evidence", {}, {"monolith"}),
    ("POST", "/trust/appeal", {}, set(PEOPLE)),
    ("GET", "/trust/appeal", None, set(PEOPLE)),
    ("GET", "/trust/appeal/{id}", None, set(PEOPLE)),
    ("POST", "/trust/verification", {}, set(PEOPLE)),
    ("GET", "/trust/verification", None, set(PEOPLE)),
    ("GET", "/trust/verification/{id}", None, set(PEOPLE)),
    ("POST", "/trust/verification/{id}/documents", {}, set(PEOPLE)),
    ("POST", "/trust/verification/{id}/withdraw", None, set(PEOPLE)),
    ("PUT", "/trust/campaigns/{id}", {}, {"monolith", "payments"}),
    ("GET", "/events", None, set(SERVICES)),
    ("POST", "/events", {}, {"monolith"}),
]


def callers() -> dict[str, Caller]:
    # Every person's token has the role donor; `nobody` has no token at all.
    found = {"nobody": Caller()}
    found |= {role: person("donor", role) if role != "donor" else person("donor") for role in PEOPLE}
    return found | {name: Caller(service_token(name)) for name in SERVICES}


@pytest.mark.parametrize(("method", "path", "body", "open_to"), ROUTES, ids=[f"{each[0]} {each[1]}" for each in ROUTES])
def test_who_may_call_what(method: str, path: str, body: Any, open_to: set[str]) -> None:
    address = path.format(id=uuid4())
    let_in = set()
    for name, caller in callers().items():
        status = caller.send(method, address, body).status_code
        assert status in (200, 401, 403, 404, 422), (name, status)
        if status not in (401, 403):
            let_in.add(name)
        if name != "nobody":
            assert status != 401, name
    assert let_in == open_to
    assert [model.objects.count() for model in (Fact, Campaign, Score, Report, Job)] == [0, 0, 0, 0, 0]


def test_a_token_that_is_not_right_opens_not_even_public_doors() -> None:
    good = person("analyst")
    assert good.token is not None
    head, claims, signature = good.token.split(".")
    for token in ("x", f"{head}.{claims}.", f"{head}.{claims}.{signature[::-1]}", good.token + "x", ""):
        assert Caller(token).get(f"/trust/campaign/{uuid4()}").status_code == 401, token


def test_a_token_for_another_service_opens_nothing(monolith: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BH_SERVICE_URL", "http://127.0.0.1:1")
    assert Caller(service_token("monolith")).get(f"/trust/campaign/{uuid4()}").status_code == 401
