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

# Everybody who asks a service for a token, and the issuer of user tokens.
SIGNERS = ("payments", "trust", "notify", "kit", "monolith", "issuer")
CALLERS = ("payments", "trust", "notify", "monolith")


def make(folder: Path) -> None:
    """Create whatever is missing. Running it again changes nothing."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name in SIGNERS:
        _once(folder / f"{name}.pem", new_signing_key)
    _once(folder / "seal", lambda: f"s1:{_random_key()}")
    _once(folder / "hash", lambda: f"h1:{_random_key()}")
    _once(folder / "link", _random_key)
    for name in ("payments", "trust", "notify", "kit"):
        _once(folder / f"{name}.django", lambda: secrets.token_urlsafe(50))
    # dj-stripe refuses keys that do not look like Stripe's.
    _once(folder / "stripe", lambda: f"sk_test_{secrets.token_hex(24)}")
    _once(folder / "stripe-webhook", lambda: f"whsec_{secrets.token_hex(24)}")
    clients = {name: {"jwks": {"keys": [jwk_of((folder / f"{name}.pem").read_text())]}} for name in CALLERS}
    _replace(folder / "clients.json", json.dumps(clients, indent=2))


def read(folder: Path, name: str) -> str:
    return (folder / name).read_text().strip()


def write(folder: Path, name: str, value: str) -> None:
    """Keep a secret that somebody else made."""
    _replace(folder / name, value)


def _once(path: Path, content: Callable[[], str]) -> None:
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
