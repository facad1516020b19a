"""The keys and secrets of a local stack: made once, kept in `$BH_STATE/keys`, readable by their owner alone."""

from __future__ import annotations

import base64
import json
import os
import secrets
import tempfile
from collections.abc import Callable
from pathlib import Path

from bh_sdk.tokens import jwk_of, new_signing_key

# Everybody who asks a service for a token.
CALLERS = ("payments", "trust", "notify", "monolith")
SERVICES = ("payments", "trust", "notify")


def make(folder: Path) -> None:
    """Create whatever the local stack is missing. Running it again changes nothing."""
    make_own(folder)
    # The tests' own project, who signs users in here, and who tells what became of mails.
    for name in ("kit", "issuer", "mail-reports"):
        once(folder / f"{name}.pem", new_signing_key)
    # Browsers subscribe for this one, so that it stays.
    once(folder / "vapid.pem", new_signing_key)
    once(folder / "kit.django", lambda: secrets.token_urlsafe(50))
    # dj-stripe refuses keys that do not look like Stripe's.
    once(folder / "stripe", lambda: f"sk_test_{secrets.token_hex(24)}")
    once(folder / "stripe-webhook", lambda: f"whsec_{secrets.token_hex(24)}")


def make_own(folder: Path) -> None:
    """Create what the services themselves decide about: every key that nobody else has to know or give."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name in CALLERS:
        once(folder / f"{name}.pem", new_signing_key)
    once(folder / "seal", lambda: f"s1:{_random_key()}")
    once(folder / "hash", lambda: f"h1:{_random_key()}")
    once(folder / "link", _random_key)
    for name in SERVICES:
        once(folder / f"{name}.django", lambda: secrets.token_urlsafe(50))
    clients = {name: {"jwks": {"keys": [jwk_of((folder / f"{name}.pem").read_text())]}} for name in CALLERS}
    _replace(folder / "clients.json", json.dumps(clients, indent=2))


def read(folder: Path, name: str) -> str:
    return (folder / name).read_text().strip()


def write(folder: Path, name: str, value: str) -> None:
    """Keep a secret that somebody else made."""
    _replace(folder / name, value)


def once(path: Path, content: Callable[[], str]) -> None:
    """Write a secret unless there is one."""
    if not path.exists():
        _replace(path, content())


def _replace(path: Path, text: str) -> None:
    # Born private, and whole from the first moment.
    part, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    with os.fdopen(part, "w") as sink:
        sink.write(text + "\n")
    Path(name).replace(path)


def _random_key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()
