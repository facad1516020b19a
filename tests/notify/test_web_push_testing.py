"""Our pushes, read by a push service that others wrote: npm's web-push-testing, where Node and the package are there."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.local.stack import ROOT
from notify_svc.delivery import tasks
from notify_svc.delivery.models import Delivery
from notify_svc.devices import commands as devices
from notify_svc.devices import vapid
from notify_svc.devices.commands import Browser
from notify_svc.devices.models import Device
from tests.notify.pushes import b64
from tests.notify.test_pushes import send, worded

# `.ci/run` puts it there: npm install --prefix .venv/web-push-testing web-push-testing@1.2.2
HOME = Path(os.environ.get("BH_WEB_PUSH_TESTING", ROOT / ".venv" / "web-push-testing"))
PROGRAM = HOME / "node_modules" / "web-push-testing" / "src" / "bin" / "server.js"
# It listens on every interface; here it may not.
LOOPBACK = (
    "const {Server} = require('net'); const listen = Server.prototype.listen;"
    "Server.prototype.listen = function (port, ...rest) { return listen.call(this, port, '127.0.0.1', ...rest) };"
    "process.argv.splice(1, 0, 'server.js'); require(process.env.PROGRAM)"
)

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(
        not (shutil.which("node") and PROGRAM.exists()),
        reason=f"Node and web-push-testing are not here (npm install --prefix {HOME} web-push-testing@1.2.2)",
    ),
]


class Theirs:
    """The other side."""

    def __init__(self, port: int) -> None:
        self.url = f"http://localhost:{port}"
        self._door = f"http://127.0.0.1:{port}"

    def ask(self, path: str, **body: str) -> Any:
        answer = httpx.post(f"{self._door}/{path}", json=body, timeout=30, trust_env=False)
        # "OK" is no JSON.
        return answer.json() if answer.raise_for_status().content[:1] == b"{" else None

    def browser(self, key: str) -> tuple[str, Browser]:
        told = self.ask("subscribe", userVisibleOnly="true", applicationServerKey=key)["data"]
        return told["clientHash"], Browser(told["endpoint"], told["keys"]["p256dh"], told["keys"]["auth"])

    def shown(self, name: str) -> list[str]:
        messages: list[str] = self.ask("get-notifications", clientHash=name)["data"]["messages"]
        return messages


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Theirs]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    room = tmp_path_factory.mktemp("web-push-testing")
    env = os.environ | {"PROGRAM": str(PROGRAM)}
    server = subprocess.Popen(
        ["node", "-e", LOOPBACK, str(port)], cwd=room, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    try:
        found, deadline = Theirs(port), time.monotonic() + 60
        while True:
            try:
                found.ask("status")
                break
            except httpx.HTTPError:
                if time.monotonic() > deadline or server.poll() is not None:
                    raise
                time.sleep(0.1)
        yield found
    finally:
        server.terminate()
        server.wait(20)
        if server.stderr is not None:
            server.stderr.close()


@pytest.fixture
def ours(theirs: Theirs, settings: Any) -> Theirs:
    settings.VAPID_PRIVATE_KEY, settings.WEBPUSH_SERVICES = b64(b"\x07" * 32), [theirs.url]
    worded("push", subject="Water in {{ place }}", text="Grüße")
    return theirs


def test_a_push_service_that_others_wrote_reads_what_we_push(ours: Theirs) -> None:
    ruth = uuid.uuid4()
    name, browser = ours.browser(vapid.public_key())
    devices.subscribe(user_id=ruth, browser=browser)
    send(ruth, channels=["push"])
    tasks.send()
    (shown,) = ours.shown(name)
    assert '"title":"Water in Kibera","body":"Grüße"' in shown
    assert [one.status for one in Delivery.objects.all()] == ["sent"]


def test_what_has_expired_there_is_retired_here(ours: Theirs) -> None:
    ruth = uuid.uuid4()
    name, browser = ours.browser(vapid.public_key())
    devices.subscribe(user_id=ruth, browser=browser)
    ours.ask(f"expire-subscription/{name}")
    send(ruth, channels=["push"])
    tasks.send()
    assert [(one.status, one.reason) for one in Delivery.objects.all()] == [("failed", "device_gone")]
    assert [one.reason for one in Device.objects.all()] == ["gone"]


def test_a_browser_that_subscribed_for_another_key_is_not_fooled(ours: Theirs, settings: Any) -> None:
    ruth = uuid.uuid4()
    name, browser = ours.browser(vapid.public_key())
    devices.subscribe(user_id=ruth, browser=browser)
    settings.VAPID_PRIVATE_KEY = b64(b"\x08" * 32)
    send(ruth, channels=["push"])
    tasks.send()
    assert ours.shown(name) == []
    assert [one.status for one in Delivery.objects.all()] == ["failed"]
