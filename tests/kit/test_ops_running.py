"""The service as it runs: doorbell, probes, metrics, and a real server process under load, faults and SIGTERM."""

from __future__ import annotations

import base64
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx
import psycopg
import pytest
import redis
from django.db import transaction
from django.test import Client

from bh_sdk.server.ops import doorbell, health
from tests.kit.project.celery import app

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> Iterator[redis.Redis]:
    """An empty queue, and a bell that has not been silenced by an earlier test."""
    broker = redis.Redis.from_url(os.environ["BROKER_URL"])
    assert doorbell._bell.settle()
    broker.flushdb()
    monkeypatch.setattr(doorbell, "_bell", doorbell.Bell())
    yield broker
    broker.flushdb()


@pytest.mark.django_db(transaction=True)
def test_the_bell_rings_after_the_commit_and_not_after_a_rollback(queue: redis.Redis) -> None:
    with suppress(ZeroDivisionError), transaction.atomic():
        doorbell.ring("kit.never", number=0)
        raise ZeroDivisionError
    with transaction.atomic():
        doorbell.ring("kit.work", number=7)
        assert doorbell._bell.settle()
        assert queue.llen("kit:kit") == 0
    assert doorbell._bell.settle()
    [message] = queue.lrange("kit:kit", 0, -1)
    found = json.loads(message)
    assert found["headers"]["task"] == "kit.work"
    assert json.loads(base64.b64decode(found["body"]))[1] == {"number": 7}


@pytest.mark.django_db(transaction=True)
def test_rings_for_the_same_work_become_one(queue: redis.Redis) -> None:
    for number in [1, 2, 2, 2, 1] * 20:
        doorbell.ring("kit.work", number=number)
    assert doorbell._bell.settle()
    bodies = [json.loads(base64.b64decode(json.loads(one)["body"]))[1] for one in queue.lrange("kit:kit", 0, -1)]
    assert {body["number"] for body in bodies} == {1, 2}
    assert len(bodies) < 100


@pytest.mark.django_db(transaction=True)
def test_an_absent_broker_is_logged_and_never_raised(queue: redis.Redis, capsys: pytest.CaptureFixture[str]) -> None:
    # No broker listens there.
    there, app.conf["broker_url"] = app.conf.broker_url, f"redis://127.0.0.1:{free_port()}/0"
    try:
        doorbell.ring("kit.work")
        assert doorbell._bell.settle()
        doorbell.ring("kit.work")
    finally:
        app.conf["broker_url"] = there
    told = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    # The second was not even tried.
    assert [(line["event"], line["tasks"]) for line in told] == [("doorbell_unheard", ["kit.work"])]


def test_alive_asks_nobody(client: Client) -> None:
    # No `django_db`: a query would fail the test.
    assert client.get("/livez").status_code == 200


@pytest.mark.django_db
def test_ready_tells_what_it_found(client: Client) -> None:
    response = client.get("/readyz")
    assert response.status_code == 200, response.content
    assert response.json() == {
        "status": "ready",
        "checks": {"database": "ok", "migrations": "applied", "draining": "no", "redis": "ok"},
    }


@pytest.mark.django_db
def test_without_redis_it_is_degraded_but_ready(client: Client, settings: Any) -> None:
    settings.REDIS_URL = f"redis://127.0.0.1:{free_port()}/0"
    response = client.get("/readyz")
    assert (response.status_code, response.json()["status"], response.json()["checks"]["redis"]) == (
        200,
        "degraded",
        "away",
    )


@pytest.mark.django_db
def test_an_instance_that_is_drained_is_not_ready(client: Client, settings: Any, tmp_path: Path) -> None:
    settings.BH_DRAIN_FILE = str(tmp_path / "draining")
    health.drain()
    response = client.get("/readyz")
    assert (response.status_code, response.json()["checks"]["draining"]) == (503, "yes")
    assert client.get("/livez").status_code == 200


@pytest.mark.django_db
def test_metrics_count_by_route_template_and_never_by_path(client: Client) -> None:
    thing = uuid.uuid4()
    client.get(f"/api/v1/demo/things/{thing}")
    client.generic("BREW", "/api/v1/demo/who")
    text = client.get("/metrics").content.decode()
    assert 'bh_request_seconds_count{method="GET",route="/api/v1/demo/things/{thing_id}",status="200"}' in text
    assert 'method="other"' in text
    assert str(thing) not in text
    assert "BREW" not in text


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


class Relay:
    """A door before PostgreSQL that can be shut, as if the server were away."""

    def __init__(self, host: str, port: int) -> None:
        self.target = (host, port)
        self.port = free_port()
        self.open = threading.Event()
        self.held: list[socket.socket] = []
        self.listener = self._listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def _listen(self) -> socket.socket:
        listener = socket.create_server(("127.0.0.1", self.port))
        self.open.set()
        return listener

    def _accept(self) -> None:
        while True:
            try:
                inner, _ = self.listener.accept()
            except OSError:
                return
            outer = socket.create_connection(self.target)
            self.held += [inner, outer]
            for source, sink in ((inner, outer), (outer, inner)):
                threading.Thread(target=self._carry, args=(source, sink), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_RDWR)

    def shut(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for each in self.held:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        self.held.clear()

    def reopen(self) -> None:
        self.listener = self._listen()
        threading.Thread(target=self._accept, daemon=True).start()


@contextmanager
def serving(folder: Path, **changes: str) -> Iterator[tuple[str, subprocess.Popen[bytes], Path]]:
    """A real Granian with the kit's project: (base URL, process, its log)."""
    port, out = free_port(), folder / "server.log"
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--workers", "1", "--blocking-threads", "8", "--no-ws", "tests.kit.project.wsgi:application"]
    given = {name: value for name, value in os.environ.items() if not name.startswith(("BH_SUITE", "PYTEST"))}
    with out.open("wb") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, env=given | changes, stdout=log, stderr=log, start_new_session=True
        )
    try:
        base = f"http://127.0.0.1:{port}"
        turn = threading.Event()
        for _ in range(600):
            with suppress(httpx.TransportError):
                if httpx.get(f"{base}/livez").status_code == 200:
                    break
            assert process.poll() is None, out.read_text()
            turn.wait(0.1)
        yield base, process, out
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(tmp_path_factory.mktemp("server")) as (base, _, _):
        yield base


RUTH = {"Authorization": "Bearer ruth"}


def test_a_real_server_answers_like_the_test_client(server: str) -> None:
    made = httpx.post(f"{server}/api/v1/demo/things", json={"title": "x"}, headers=RUTH)
    assert (made.status_code, made.json()["title"]) == (200, "x")
    missing = httpx.get(f"{server}/api/v1/nothing", headers={"X-Request-ID": "outside-1"})
    assert (missing.status_code, missing.json()["request_id"], missing.headers["X-Request-ID"]) == (
        404,
        "outside-1",
        "outside-1",
    )
    other = httpx.delete(f"{server}/api/v1/demo/gifts")
    assert (other.status_code, other.headers["Allow"]) == (405, "GET, HEAD, POST")
    head = httpx.head(f"{server}/api/v1/demo/things/{uuid.uuid4()}")
    assert (head.status_code, head.content) == (200, b"")
    assert int(head.headers["Content-Length"]) > 0


def test_a_body_in_chunks_is_read_like_any_other(server: str) -> None:
    def parts() -> Iterator[bytes]:
        yield b'{"title": '
        yield b'"in parts"}'

    response = httpx.post(
        f"{server}/api/v1/demo/things", content=parts(), headers={**RUTH, "Content-Type": "application/json"}
    )
    assert (response.status_code, response.json()["title"]) == (200, "in parts")


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_is_too_large_is_drained_so_that_the_refusal_is_heard(server: str, chunked: bool) -> None:
    body = b'{"title": "' + b"x" * (6 * 1024 * 1024) + b'"}'
    content: Any = (body[at : at + 65536] for at in range(0, len(body), 65536)) if chunked else body
    with httpx.Client(headers={**RUTH, "Content-Type": "application/json"}) as client:
        response = client.post(f"{server}/api/v1/demo/things", content=content)
        assert (response.status_code, response.json()["code"]) == (413, "payload_too_large")
        # The same connection goes on.
        assert client.get(f"{server}/livez").status_code == 200


@pytest.mark.parametrize(
    "target",
    [
        "/api/v1/demo/things/%00",
        "/api/v1/demo/things/%FF%FE",
        "/api/v1/demo/things/a%2Fb",
        "//api/v1/demo/who",
        "/api/v1/../v1/nothing",
        "/api/v1/%ED%A0%80",
        "/api/v1/demo/things/x?%FF=%FE&%00",
    ],
)
def test_odd_addresses_are_never_a_5xx(server: str, target: str) -> None:
    parts = urlsplit(server)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    connection.putrequest("GET", target, skip_host=False)
    connection.endheaders()
    assert 400 <= connection.getresponse().status < 500
    connection.close()


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer \xff\xfe"},
        {"Content-Length": "5, 5"},
        {"Idempotency-Key": "\x80" * 36},
        {"X-Request-ID": "a" * 5000},
        {"Host": "evil.test:99999"},
        {"traceparent": "00-" + "g" * 50},
        {"If-None-Match": '"' * 3000},
        {"Content-Type": "application/json; charset=\xff"},
    ],
)
def test_odd_headers_are_never_a_5xx(server: str, headers: dict[str, str]) -> None:
    parts = urlsplit(server)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    connection.putrequest("POST", "/api/v1/demo/gifts", skip_host="Host" in headers)
    for name, value in {"Content-Length": "2", "Content-Type": "application/json", **RUTH, **headers}.items():
        connection.putheader(name, value.encode("latin-1"))
    connection.endheaders(b"{}")
    assert 400 <= connection.getresponse().status < 500
    connection.close()


def test_a_connection_that_the_database_closed_costs_no_request(server: str) -> None:
    with httpx.Client() as client, psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as other:
        for _ in range(5):
            response = client.get(f"{server}/api/v1/demo/who")
            assert response.status_code == 200, response.text
            ended = other.execute("SELECT pg_terminate_backend(%s, 5000)", [response.json()["size"]]).fetchone()
            assert ended == (True,)


def test_while_the_database_is_away_the_answer_is_503_and_afterwards_200(tmp_path: Path) -> None:
    parts = urlsplit(os.environ["DATABASE_URL"])
    relay = Relay(parts.hostname or "127.0.0.1", parts.port or 5432)
    user = f"{parts.username}@" if parts.username else ""
    url = urlunsplit(parts._replace(netloc=f"{user}127.0.0.1:{relay.port}"))
    with serving(tmp_path, DATABASE_URL=url) as (base, _, out):
        assert httpx.get(f"{base}/readyz", timeout=30).status_code == 200
        assert httpx.get(f"{base}/api/v1/demo/who").status_code == 200
        relay.shut()
        response = httpx.get(f"{base}/api/v1/demo/who")
        assert (response.status_code, response.json()["code"], response.headers["Retry-After"]) == (
            503,
            "unavailable",
            "1",
        )
        assert httpx.get(f"{base}/livez").status_code == 200
        unready = httpx.get(f"{base}/readyz")
        assert (unready.status_code, unready.json()["checks"]["database"]) == (503, "away")
        relay.reopen()
        assert httpx.get(f"{base}/api/v1/demo/who").status_code == 200
        assert "Traceback" not in out.read_text()
    relay.shut()


def test_on_sigterm_running_requests_end_well_and_the_server_goes(tmp_path: Path) -> None:
    with (
        serving(tmp_path) as (base, process, out),
        psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as holder,
    ):
        # Four requests wait in the server for a lock that we hold.
        holder.execute("SELECT pg_advisory_lock(4711)")
        answers: list[httpx.Response] = []
        address = f"{base}/api/v1/demo/held"
        callers = [threading.Thread(target=lambda: answers.append(httpx.get(address, timeout=20))) for _ in range(4)]
        for caller in callers:
            caller.start()
        waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711 AND NOT granted"
        until(lambda: holder.execute(waiting).fetchone() == (4,))
        process.send_signal(signal.SIGTERM)
        until(lambda: refuses(base))
        assert answers == []
        holder.execute("SELECT pg_advisory_unlock(4711)")
        for caller in callers:
            caller.join(20)
        assert [answer.status_code for answer in answers] == [200] * 4
        assert process.wait(15) == 0, out.read_text()


def refuses(base: str) -> bool:
    """Whether the server takes nothing new."""
    try:
        httpx.get(f"{base}/livez", timeout=2)
    except httpx.TransportError:
        return True
    return False


def until(ready: Callable[[], bool]) -> None:
    """Give others their turn until `ready`."""
    turn = threading.Event()
    for _ in range(1_000):
        if ready():
            return
        turn.wait(0.02)
    raise AssertionError("it never happened")


def test_every_line_of_the_server_is_json_and_names_its_program(server: str, tmp_path: Path) -> None:
    with serving(tmp_path) as (base, _, out):
        httpx.get(f"{base}/api/v1/nothing?secret=planted", headers={"X-Request-ID": "seen-in-log"})
        found = [json.loads(line) for line in out.read_text().splitlines() if line.startswith("{")]
    [line] = [line for line in found if line.get("request_id") == "seen-in-log"]
    assert (line["event"], line["program"], line["service"], line["route"]) == ("request", "api", "kit", "unmatched")
    assert "planted" not in out.read_text()
