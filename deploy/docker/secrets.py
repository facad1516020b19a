"""`make secrets`: the files that compose.yaml gives to the programs as their secrets, in `BH_SECRETS` (`.local/secrets`).

What can be made is made, once; running it again changes nothing. The account at Stripe is the operator's own: its two
secrets come from STRIPE_SECRET_KEY and STRIPE_WEBHOOK_SECRET, and nothing is written without them.
"""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from deploy.local import keys
from deploy.local.stack import ROOT, SERVICES

GIVEN = {"stripe": "STRIPE_SECRET_KEY", "stripe-webhook": "STRIPE_WEBHOOK_SECRET"}


class NotGiven(Exception):
    """A secret that only its owner can give is missing."""


def make(folder: Path, given: Mapping[str, str]) -> None:
    """Fill the folder; raises NotGiven, before anything is written, when Stripe's secrets are in neither place."""
    if missing := [name for file, name in GIVEN.items() if not (folder / file).exists() and not given.get(name)]:
        raise NotGiven(f"set {' and '.join(missing)} to those of your account at Stripe (test mode will do)")
    keys.make_own(folder)
    for file, name in GIVEN.items():
        keys.once(folder / file, partial(given.__getitem__, name))
    keys.once(folder / "postgres-password", secrets.token_hex)
    for service in SERVICES:
        for role, file in (("app", "database"), ("owner", "owner")):
            keys.once(folder / f"{service}.{file}", partial(_address, service, role))
    # A container sees each file by itself, as another user; on this machine nobody else passes the folder.
    folder.chmod(0o700)
    for path in folder.iterdir():
        path.chmod(0o644)


def _address(service: str, role: str) -> str:
    """Where a role finds a service's database. The roles' passwords differ from service to service."""
    return f"postgresql://{service}_{role}:{secrets.token_hex()}@postgres:5432/bh_{service}"


def main() -> int:
    folder = ROOT / (os.environ.get("BH_SECRETS") or ".local/secrets")
    try:
        make(folder, os.environ)
    except NotGiven as error:
        print(f"secrets: {error}", file=sys.stderr)
        return 2
    print(f"{folder} holds what compose.yaml asks for. monolith.pem in it is the platform's own key: hand it over.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
