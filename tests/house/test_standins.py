"""The issuer of user tokens and the mail sink, as the services meet them."""

from __future__ import annotations

import smtplib
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from pathlib import Path

import httpx
import pytest

from bh_sdk.tokens import UserTokenVerifier, new_signing_key
from deploy.local.ports import free_port
from deploy.local.stack import ROOT


@contextmanager
def running(module: str, base: str, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-m", module, *words], cwd=ROOT)
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                httpx.get(f"{base}/readyz", trust_env=False).raise_for_status()
                break
            except httpx.HTTPError:
                assert time.monotonic() < deadline, f"{module} does not answer"
                assert process.poll() is None, f"{module} ended"
                time.sleep(0.05)
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    room, port = tmp_path_factory.mktemp("issuer"), free_port()
    (room / "issuer.pem").write_text(new_signing_key())
    base = f"http://127.0.0.1:{port}"
    with running(
        "deploy.local.issuer", base, "--port", str(port), "--key", str(room / "issuer.pem"), "--state", str(room)
    ):
        yield base


def test_a_token_of_the_issuer_is_verified_by_its_published_keys(issuer: str) -> None:
    person = uuid.uuid4()
    answer = httpx.post(f"{issuer}/token", json={"sub": str(person), "roles": ["analyst"]}, trust_env=False)
    verifier = UserTokenVerifier(f"{issuer}/auth/v1", jwks_url=f"{issuer}/auth/v1/.well-known/jwks.json")
    claims = verifier.verify(answer.json()["access_token"])
    assert uuid.UUID(str(claims.sub)) == person
    assert "analyst" in claims.roles


def test_the_issuer_remembers_whom_it_met(issuer: str) -> None:
    person = str(uuid.uuid4())
    httpx.post(f"{issuer}/token", json={"sub": person, "roles": ["finance"]}, trust_env=False)
    again = httpx.post(f"{issuer}/token", json={"sub": person}, trust_env=False).json()["access_token"]
    verifier = UserTokenVerifier(f"{issuer}/auth/v1", jwks_url=f"{issuer}/auth/v1/.well-known/jwks.json")
    assert "finance" in verifier.verify(again).roles


@pytest.mark.parametrize(
    "asked", [{}, {"sub": "me"}, {"sub": str(uuid.uuid4()), "roles": ["root"]}, {"sub": str(uuid.uuid4()), "x": 1}]
)
def test_the_issuer_refuses_what_it_does_not_understand(issuer: str, asked: dict[str, object]) -> None:
    assert httpx.post(f"{issuer}/token", json=asked, trust_env=False).status_code == 422


@pytest.fixture
def sink(tmp_path: Path) -> tuple[str, int, Callable[[], Iterator[subprocess.Popen[bytes]]]]:
    smtp, http = free_port(), free_port()
    base = f"http://127.0.0.1:{http}"
    words = ("--smtp-port", str(smtp), "--http-port", str(http), "--state", str(tmp_path / "mail"))
    return base, smtp, lambda: running("deploy.local.mail_sink", base, *words)  # type: ignore[return-value]


def a_mail() -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "Giving <giving@demo.test>", "Zoë <zoe@demo.test>", "Thank you, Zoë"
    mail["List-Unsubscribe"] = "<https://demo.test/u>"
    mail.set_content("Grüße")
    mail.add_alternative("<p>Grüße</p>", subtype="html")
    return mail


def test_an_accepted_mail_is_kept_through_kill_9_until_the_box_is_emptied(sink) -> None:  # type: ignore[no-untyped-def]
    base, port, start = sink
    with start(), smtplib.SMTP("127.0.0.1", port) as client:
        client.send_message(a_mail(), to_addrs=["zoe@demo.test", "copy@demo.test"])
    with start():
        (mail,) = httpx.get(f"{base}/messages", trust_env=False).json()
        assert mail.keys() == {"id", "to", "from", "subject", "headers", "text", "html", "received_at"}
        assert (mail["from"], mail["to"]) == ("giving@demo.test", ["zoe@demo.test", "copy@demo.test"])
        assert (mail["subject"], mail["text"].strip(), mail["html"].strip()) == (
            "Thank you, Zoë",
            "Grüße",
            "<p>Grüße</p>",
        )
        assert mail["headers"]["List-Unsubscribe"] == "<https://demo.test/u>"
        page = httpx.get(base, trust_env=False)
        assert "Thank you, Zoë" in page.text
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]
        assert httpx.delete(f"{base}/messages", trust_env=False).status_code == 204
        assert httpx.get(f"{base}/messages", trust_env=False).json() == []
