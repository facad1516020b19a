"""The programs as their keepers see them: probes, staff pages, an orderly end under load, and what the README shows."""

from __future__ import annotations

import re
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urljoin, urlsplit
from uuid import uuid4

import httpx
import psutil
import pytest

from tests.e2e.scene import a_campaign, a_guest, give, pay
from tests.stack import House, until

SERVICES = ("payments", "trust", "notify")
DESKS = {"payments": ("admin", "support", "finance"), "trust": ("admin", "analyst"), "notify": ("support", "editor")}


@contextmanager
def signed_in(house: House, service: str, name: str) -> Iterator[httpx.Client]:
    """A browser's session of a demo account."""
    home = house.url(service)
    with httpx.Client(base_url=home, timeout=60, trust_env=False, follow_redirects=True) as client:
        door = client.get("/admin/login/")
        assert door.status_code == 200
        form = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', door.text)
        assert form is not None
        said = {"csrfmiddlewaretoken": form.group(1), "username": name, "password": "demo", "next": "/admin/"}
        answer = client.post("/admin/login/", data=said, headers={"Referer": f"{home}/admin/login/"})
        assert answer.url.path == "/admin/", f"{name} could not sign in to {service}"
        yield client


def pages_of(home: str, page: httpx.Response) -> set[str]:
    """The pages of the house that a page leads to; leaving is not one of them."""
    found = {urlsplit(urljoin(str(page.url), link)) for link in re.findall(r'href="([^"#]+)', page.text)}
    inside = {link.path for link in found if f"{link.scheme}://{link.netloc}" == home}
    return {path for path in inside if path.startswith("/admin/") and not re.search(r"logout|/static/|password", path)}


@pytest.mark.parametrize(("service", "name"), [(service, name) for service in SERVICES for name in DESKS[service]])
def test_staff_sign_in_and_every_page_of_their_desk_opens(house: House, service: str, name: str) -> None:
    campaign, ruth = a_campaign(house), a_guest()
    pay(house, give(house, campaign, "5.00", ruth), ruth)
    with signed_in(house, service, name) as client:
        index = client.get("/admin/")
        assert index.status_code == 200
        listed = pages_of(house.url(service), index)
        assert len(listed) >= 3, listed
        answers = {path: client.get(path) for path in sorted(listed)}
        assert {path: answer.status_code for path, answer in answers.items()} == dict.fromkeys(answers, 200)
        # One row of each list, the way a click on it does.
        rows = {
            next(iter(sorted(path for path in pages_of(house.url(service), answer) if path.endswith("/change/"))), None)
            for answer in answers.values()
        }
        opened = {path: client.get(path).status_code for path in rows if path is not None}
        assert opened == dict.fromkeys(opened, 200)
        print(f"{service}/{name}: {len(answers)} pages and {len(opened)} rows")


@pytest.mark.parametrize("service", SERVICES)
def test_a_stranger_is_sent_to_the_sign_in(house: House, service: str) -> None:
    for path in ("/admin/", f"/admin/{service}_nothing/", "/admin/bh_access/staff/"):
        answer = httpx.get(house.url(service) + path, trust_env=False, timeout=30)
        assert (answer.status_code, "/admin/login/" in answer.headers.get("location", "")) == (302, True), path


@pytest.mark.parametrize("service", SERVICES)
def test_the_probes_answer(house: House, service: str) -> None:
    with httpx.Client(base_url=house.url(service), timeout=30, trust_env=False) as client:
        assert client.get("/livez").status_code == 200
        ready = client.get("/readyz")
        assert (ready.status_code, ready.headers["content-type"].split(";")[0]) == (200, "application/json")
        metrics = client.get("/metrics")
        assert metrics.status_code == 200
        assert metrics.headers["content-type"].startswith("text/plain")
        families = set(re.findall(r"^# TYPE (\S+)", metrics.text, re.M))
        assert {family for family in families if family.startswith("bh_")}, sorted(families)
        document = client.get("/api/v1/openapi.json")
        assert document.status_code == 200
        assert document.json()["openapi"].startswith("3.1")
        assert client.get("/api/v1/docs").status_code == 200


def test_the_chain_of_facts_is_whole(house: House) -> None:
    for service in SERVICES:
        verdict = house.manage(service, "verify_chain")
        assert verdict.returncode == 0, verdict.stderr
        assert "intact" in verdict.stdout


def test_an_api_that_is_told_to_stop_answers_whom_it_let_in(house: House) -> None:
    """SIGTERM in traffic: who got in gets an answer, also who waits for Stripe; who comes later finds the door shut.

    A connection that is closed before its request was read is a shut door as well: the api's log does not know it.
    """
    campaign, ruth = a_campaign(house), a_guest()
    gift = give(house, campaign, "8.00", ruth)
    house.standin("DELETE", "requests")
    house.standin("POST", "levers", {"method": "POST", "path": "*/confirm", "late_ms": 1500})
    stop, outcomes = threading.Event(), Counter[str]()
    slow: list[str] = []
    dropped: list[str] = []

    def ask() -> None:
        url = f"{house.url('payments')}/api/v1/payments/campaigns/{campaign.id}/totals"
        while not stop.is_set():
            request_id = uuid4().hex
            try:
                with httpx.Client(timeout=30, trust_env=False) as client:
                    outcomes[str(client.get(url, headers={"X-Request-ID": request_id}).status_code)] += 1
            except httpx.ConnectError:
                outcomes["shut"] += 1
                stop.wait(0.05)
            except httpx.HTTPError:
                outcomes["cut"] += 1
                dropped.append(request_id)

    def confirm() -> None:
        slow.append(pay(house, gift, ruth).status)

    before = house.pids()["payments-api"]
    askers = [threading.Thread(target=ask) for _ in range(4)]
    waiting = threading.Thread(target=confirm)
    for thread in (*askers, waiting):
        thread.start()
    try:
        until(lambda: not house.standin("GET", "levers")["levers"], "the charge to be under way")
        psutil.Process(before).send_signal(signal.SIGTERM)
        began = time.monotonic()
        until(lambda: house.pids().get("payments-api", before) != before, "the next api", seconds=60)
        until(lambda: answers(house), "the next api's answer", seconds=60)
        print(f"back after {time.monotonic() - began:.1f} s: {dict(outcomes)}")
    finally:
        stop.set()
        for thread in (*askers, waiting):
            thread.join()
        house.standin("DELETE", "levers")
    assert slow == ["succeeded"]
    assert set(outcomes) <= {"200", "shut", "cut"}, outcomes
    assert outcomes["200"] > 0
    log = (house.stack.logs / "payments-api.log").read_text(errors="replace")
    assert [request_id for request_id in dropped if request_id in log] == []


def answers(house: House) -> bool:
    try:
        return httpx.get(f"{house.url('payments')}/readyz", timeout=5, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def test_make_demo_tells_its_story(house: House) -> None:
    told = house.run("-m", "deploy.local", "demo")
    assert told.returncode == 0, told.stdout + told.stderr
    steps = re.findall(r"^\s*\d+\. (\w+)", told.stdout, re.M)
    assert {"platform", "payments", "stripe", "trust", "notify"} <= set(steps), told.stdout
    print(told.stdout)


def test_the_variables_of_the_stack_lead_to_it(house: House) -> None:
    variables = dict(line.split("=", 1) for line in house.run("-m", "deploy.local", "env").stdout.splitlines())
    for service in SERVICES:
        assert variables[f"BH_{service.upper()}_URL"] == house.url(service)
        assert variables[f"DATABASE_URL_{service.upper()}"].startswith("postgresql://")
    assert variables["STRIPE_SECRET_KEY"].startswith("sk_test_")
    pids = dict(line.split() for line in house.run("-m", "deploy.local", "pids").stdout.splitlines())
    assert {"supervisor", "postgres", "redis", *(f"{service}-{part}" for service in SERVICES for part in PARTS)} <= set(
        pids
    )
    user = str(uuid4())
    token = house.run("-m", "deploy.local", "token", "--user", user, "--role", "finance").stdout.strip()
    answer = httpx.get(
        f"{house.url('payments')}/api/v1/payments/history/{uuid4()}",
        headers={"Authorization": f"Bearer {token}"},
        trust_env=False,
        timeout=30,
    )
    assert (answer.status_code, answer.json()["results"]) == (200, [])


PARTS = ("api", "worker", "road")
