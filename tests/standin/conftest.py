"""The stand-in as a process of its own, the unmodified `stripe` library, and a small server that receives webhooks."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Condition, Event, Thread
from typing import Any, TypeVar

import httpx
import pytest
import stripe

ROOT = Path(__file__).resolve().parents[2]
KEY = "sk_test_" + "standin0" * 3
T = TypeVar("T")


def until(look: Callable[[], T], within: float = 8.0) -> T:
    """What `look` returns as soon as it is true; fails after the deadline."""
    deadline = time.monotonic() + within
    while not (found := look()):
        assert time.monotonic() < deadline, f"still {found!r} after {within} s"
        Event().wait(0.01)
    return found


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def told(refused: pytest.ExceptionInfo[stripe.StripeError], *, headers: bool = False) -> Any:
    """The error object of a refusal, or its headers."""
    return refused.value.headers if headers else refused.value.error


class StandIn:
    """One process of the stand-in."""

    def __init__(self, state: Path, *options: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._command = [sys.executable, "-m", "deploy.local.stripe_standin"]
        self._command += ["--port", str(self.port), "--state", str(state), *options]
        self.http = httpx.Client(base_url=self.url, timeout=20)
        self.stripe = stripe.StripeClient(KEY, base_addresses={"api": self.url}, max_network_retries=0)
        self.start()

    def start(self) -> None:
        """Start, and wait until it answers."""
        env = {name: value for name, value in os.environ.items() if not name.startswith(("STRIPE_", "BH_SUITE"))}
        self.process = subprocess.Popen(self._command, cwd=ROOT, env=env)
        until(self._ready)

    def _ready(self) -> bool:
        assert self.process.poll() is None, "the stand-in died"
        try:
            return self.http.get("/readyz").status_code == 200
        except httpx.TransportError:
            return False

    def kill(self) -> None:
        """kill -9."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        """End it as the supervisor does."""
        self.process.terminate()
        self.process.wait(10)

    def control(self, path: str, body: Any = None) -> Any:
        """Ask the control door."""
        answer = self.http.post(f"/_standin/{path}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def raw(self, method: str, path: str, body: str = "", key: str = KEY, **headers: str) -> httpx.Response:
        """A request without the library."""
        kind = {"Content-Type": "application/x-www-form-urlencoded"} if method == "POST" else {}
        auth = {"Authorization": f"Bearer {key}"} if key else {}
        return self.http.request(method, path, content=body, headers={**kind, **auth, **headers})

    def requests(self, path: str, method: str = "*") -> Any:
        """What arrived at a path."""
        return self.http.get("/_standin/requests", params={"path": path, "method": method}).json()

    def happened(self, *names: str) -> list[str]:
        """The types of all events, oldest first; only those that start with one of `names`."""
        listed = list(self.stripe.v1.events.list({"limit": 100}).auto_paging_iter())
        return [event.type for event in reversed(listed) if not names or event.type.startswith(names)]

    def given(self, amount: int = 5000, currency: str = "usd", card: str = "pm_card_visa", **more: Any) -> Any:
        """An intent that was created and confirmed in one go."""
        params: Any = {"amount": amount, "currency": currency, "payment_method": card, "confirm": True} | more
        params["expand"] = ["latest_charge.balance_transaction"]
        return self.stripe.v1.payment_intents.create(params)


@dataclass
class Delivery:
    """One webhook as it arrived."""

    body: bytes
    signature: str
    event: Any


@dataclass
class Receiver:
    """Receives webhooks; answers `statuses` in turn, then 200."""

    url: str = ""
    secret: str = ""
    statuses: list[int] = field(default_factory=list)
    got: list[Delivery] = field(default_factory=list)
    changed: Condition = field(default_factory=Condition)

    def wait(self, count: int, *, of: str | None = None, within: float = 8.0) -> list[Delivery]:
        """The deliveries (of one type) as soon as there are `count` of them."""

        def fitting() -> list[Delivery]:
            return [one for one in self.got if of in (None, one.event["type"])]

        with self.changed:
            arrived = self.changed.wait_for(lambda: len(fitting()) >= count, within)
            assert arrived, f"only {[one.event['type'] for one in self.got]} after {within} s"
            return fitting()

    @property
    def types(self) -> list[str]:
        """The types in the order of their arrival."""
        return [one.event["type"] for one in self.got]


@pytest.fixture(scope="session")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    """One stand-in for the whole run."""
    standin = StandIn(tmp_path_factory.mktemp("standin"))
    yield standin
    standin.stop()
    assert standin.process.returncode in (0, -signal.SIGTERM)


@pytest.fixture
def standin(process: StandIn) -> StandIn:
    """The stand-in with nothing in it."""
    process.control("reset", {"endpoints": True})
    return process


@pytest.fixture
def v1(standin: StandIn) -> Any:
    """The services of the library."""
    return standin.stripe.v1


@pytest.fixture
def unregistered() -> Iterator[Receiver]:
    """A webhook receiver the stand-in does not know yet."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            signature = self.headers["Stripe-Signature"]
            event = stripe.Webhook.construct_event(body, signature, receiver.secret)
            with receiver.changed:
                receiver.got.append(Delivery(body, signature, event))
                status = receiver.statuses.pop(0) if receiver.statuses else 200
                receiver.changed.notify_all()
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    receiver.url = f"http://127.0.0.1:{server.server_port}/webhooks"
    yield receiver
    server.shutdown()
    server.server_close()


@pytest.fixture
def receiver(standin: StandIn, unregistered: Receiver) -> Receiver:
    """A webhook receiver that gets every event."""
    made = standin.stripe.v1.webhook_endpoints.create({"url": unregistered.url, "enabled_events": ["*"]})
    assert made.secret is not None
    unregistered.secret = made.secret
    return unregistered
