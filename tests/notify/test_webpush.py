"""Pushes to browsers: the bytes, the signature, and where we do not let ourselves be led."""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import httpcore
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from bh_sdk.server.ops import clock
from notify_svc.delivery.channels.push import guarded, webpush
from notify_svc.delivery.channels.push.encryption import LARGEST, encrypt
from notify_svc.delivery.channels.push.guarded import Forbidden, Guarded, public
from notify_svc.devices import vapid
from tests.notify.pushes import Browser, PushService, b64, point, raw
from tests.notify.standins import Answer


def private(text: str) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(raw(text), "big"), ec.SECP256R1())


def test_a_push_is_encrypted_as_the_example_of_rfc_8291_byte_for_byte() -> None:
    server = private("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw")
    assert b64(point(server)) == (
        "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8"
    )
    body = encrypt(
        b"When I grow up, I want to be a watermelon",
        p256dh=raw("BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"),
        auth=raw("BTBZMqHH6r4Tts7J_aSIgg"),
        key=server,
        salt=raw("DGv6ra1nlYgDCS1FRnbzlw"),
    )
    assert b64(body) == (
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl"
        "7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )


@given(st.binary(max_size=200), st.integers(min_value=0, max_value=300))
def test_a_browser_reads_what_was_written_for_it_and_no_other_does(plain: bytes, padding: int) -> None:
    ours, other = Browser(), Browser()
    plain = plain.rstrip(b"\x00")
    body = encrypt(plain, p256dh=point(ours.key), auth=ours.auth, padding=padding)
    assert ours.read(body) == plain
    with pytest.raises(Exception):  # noqa: B017, PT011 - whatever cryptography says
        other.read(body)


def test_the_largest_message_fits_and_one_byte_more_is_refused() -> None:
    browser = Browser()
    assert len(encrypt(b"x" * LARGEST, p256dh=point(browser.key), auth=browser.auth)) == 4_096
    with pytest.raises(ValueError, match="longer"):
        encrypt(b"x" * LARGEST, p256dh=point(browser.key), auth=browser.auth, padding=1)


def test_the_signature_names_the_service_alone_and_is_made_once(settings: Any) -> None:
    settings.VAPID_PRIVATE_KEY = b64(b"\x07" * 32)
    first = webpush.signature("https://push.example.org")
    assert webpush.signature("https://push.example.org") == first
    assert webpush.signature("https://push.example.net") != first
    token = first.removeprefix("vapid t=").partition(",")[0]
    claims = jwt.decode(
        token, vapid.private_key().public_key(), algorithms=["ES256"], audience="https://push.example.org"
    )
    assert claims["sub"] == "mailto:push@blessed-horizon.example"
    assert 3_600 < claims["exp"] - time.time() <= 86_400


# --- where we do not let ourselves be led -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "inside",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "198.18.0.1",
        "::1",
        "::",
        "fe80::1%eth0",
        "fc00::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "2002:7f00:1::",
        "64:ff9b::a9fe:a9fe",
        "2001:db8::1",
    ],
)
def test_what_is_inside_a_house_is_not_public(inside: str) -> None:
    assert not public(inside)


@pytest.mark.parametrize("outside", ["1.1.1.1", "142.250.74.46", "2606:4700:4700::1111", "64:ff9b::101:101"])
def test_what_is_outside_is_public(outside: str) -> None:
    assert public(outside)


@contextmanager
def listening() -> Iterator[tuple[socket.socket, int]]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(5)
        yield server, server.getsockname()[1]


def resolving(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Stands for the name servers of the world; each look gets the next answer, the last one ever after."""
    asked: list[str] = []
    left = list(answers)

    def look(host: str, port: int, **_: Any) -> list[Any]:
        asked.append(host)
        addresses = left.pop(0) if len(left) > 1 else left[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", look)
    return asked


@pytest.mark.parametrize("answer", [["127.0.0.1"], ["1.1.1.1", "10.0.0.1"], ["169.254.169.254"]])
def test_a_name_that_leads_inside_is_never_connected_to(monkeypatch: pytest.MonkeyPatch, answer: list[str]) -> None:
    asked = resolving(monkeypatch, answer)
    with Guarded() as door, pytest.raises(Forbidden):
        door.post("https://push.example.org/x", headers={}, content=b"")
    assert asked == ["push.example.org"]


def test_a_name_that_changes_its_mind_is_looked_up_once_and_what_was_seen_is_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The look and the connection are one: there is no second look that could lead inside."""
    connected: list[str] = []

    def connect(address: tuple[str, int], *_: Any, **__: Any) -> socket.socket:
        connected.append(address[0])
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", connect)
    asked = resolving(monkeypatch, ["1.1.1.1"], ["127.0.0.1"])
    with Guarded() as door, pytest.raises(httpcore.ConnectError):
        door.post("https://push.example.org/x", headers={}, content=b"")
    assert (asked, connected) == (["push.example.org"], ["1.1.1.1"])


@pytest.mark.parametrize("url", ["https://push.example.org:22/x", "https://push.example.org:8443/x"])
def test_no_port_but_that_of_https_is_connected_to(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    resolving(monkeypatch, ["1.1.1.1"])
    with Guarded() as door, pytest.raises(Forbidden):
        door.post(url, headers={}, content=b"")


def test_the_certificate_must_be_the_name_s_though_the_address_is_pinned(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str | None] = []
    inner = httpcore.SyncBackend.connect_tcp

    class Stream(httpcore.NetworkStream):
        def start_tls(
            self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
        ) -> httpcore.NetworkStream:
            seen.append(server_hostname)
            assert ssl_context.check_hostname
            assert ssl_context.verify_mode == ssl.CERT_REQUIRED
            raise httpcore.ConnectError

        def close(self) -> None:
            """Nothing is open."""

    assert inner is not None
    monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", lambda *_, **__: Stream())
    resolving(monkeypatch, ["1.1.1.1"])
    with Guarded() as door, pytest.raises(httpcore.ConnectError):
        door.post("https://push.example.org/x", headers={}, content=b"")
    assert seen == ["push.example.org"]


def test_a_redirect_is_not_followed() -> None:
    with (
        PushService().running() as other,
        PushService().running() as desk,
        Guarded(known=[desk.url, other.url]) as door,
    ):
        desk.script = [Answer(307, headers={"Location": f"{other.url}/x"})]
        assert door.post(f"{desk.url}/x", headers={}, content=b"").status == 307
        assert other.calls == []


def test_of_a_long_answer_only_the_beginning_is_read() -> None:
    with PushService().running() as desk, Guarded(known=[desk.url]) as door:
        desk.script = [Answer(201, b"x" * 5_000_000), Answer(201)]
        assert door.post(f"{desk.url}/x", headers={}, content=b"").status == 201
        assert door.post(f"{desk.url}/x", headers={}, content=b"").status == 201


def test_a_service_that_drips_is_left_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guarded, "TOTAL", 0.5)
    done = threading.Event()

    def drip(server: socket.socket) -> None:
        taken, _ = server.accept()
        with taken:
            taken.sendall(b"HTTP/1.1 200 OK\r\n")
            while not done.wait(0.05):
                try:
                    taken.sendall(b"X-Drop: 1\r\n")
                except OSError:
                    return

    with listening() as (server, port):
        thread = threading.Thread(target=drip, args=[server], daemon=True)
        thread.start()
        began = time.monotonic()
        try:
            with Guarded(known=[f"http://127.0.0.1:{port}"]) as door, pytest.raises(httpcore.ReadTimeout):
                door.post(f"http://127.0.0.1:{port}/x", headers={}, content=b"")
        finally:
            done.set()
            thread.join(5)
    assert time.monotonic() - began < 3


def test_besides_known_services_nobody_is_spoken_to(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = resolving(monkeypatch, ["1.1.1.1"])
    with Guarded(known=["http://127.0.0.1:9"]) as door, pytest.raises(Forbidden):
        door.post("https://push.example.org/x", headers={}, content=b"")
    assert asked == []


def test_a_push_says_how_long_it_is_wanted(settings: Any) -> None:
    from tests.notify.conformance.test_push import device, letter

    settings.VAPID_PRIVATE_KEY = b64(b"\x07" * 32)
    soon = letter(device(), expires_at=clock.now() + timedelta(hours=1))
    assert 3_500 < int(webpush._headers(soon, "https://push.example.org")["TTL"]) <= 3_600
    assert webpush._headers(letter(device()), "https://push.example.org")["TTL"] == "172800"
    past = letter(device(), expires_at=clock.now() - timedelta(hours=1))
    assert webpush._headers(past, "https://push.example.org")["TTL"] == "0"


def test_what_a_service_worker_gets_is_small_and_named() -> None:
    from tests.notify.conformance.test_push import device, letter

    sent = letter(device())
    told = json.loads(webpush.payload(sent))
    assert told == {
        "title": "A well is dug",
        "body": "Grüße aus Kibera",
        "url": "https://blessed-horizon.example/campaigns/1",
        "tag": str(sent.notification_id),
        "type": "campaign_update",
    }
