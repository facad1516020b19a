"""User tokens as Supabase Auth writes them, signed by the key of the local stack."""

from __future__ import annotations

import time
import uuid
from pathlib import Path

from bh_sdk.tokens import sign_jwt

# Ten hours: a day's work with one pasted token.
LIFETIME = 10 * 3600
ROLES = ("donor", "recipient", "support", "finance", "analyst", "editor", "admin", "auditor")
STAFF = ("admin", "support", "finance", "finance2", "analyst", "analyst2", "editor", "auditor")


def staff_sub(name: str) -> uuid.UUID:
    """The fixed principal of a demo staff account, as `manage.py demo_staff` gives it in every service."""
    return uuid.uuid5(uuid.NAMESPACE_URL, f"https://blessedhorizon.test/staff/{name}")


def user_token(
    pem: Path, issuer: str, sub: uuid.UUID, roles: list[str], *, email: str | None = None, lifetime: int = LIFETIME
) -> str:
    """Sign an access token for `sub`; `lifetime` in seconds. Roles sit in `app_metadata`, which users cannot write."""
    now = int(time.time())
    claims = {
        "iss": issuer,
        "aud": "authenticated",
        "sub": str(sub),
        "role": "authenticated",
        "aal": "aal1",
        "amr": [{"method": "password", "timestamp": now}],
        "session_id": str(uuid.uuid4()),
        "is_anonymous": False,
        "email": email or f"{sub.hex[:8]}@demo.test",
        "phone": "",
        "app_metadata": {"provider": "email", "providers": ["email"], "roles": roles},
        "user_metadata": {},
        "iat": now,
        "exp": now + lifetime,
    }
    return sign_jwt(claims, pem.read_text())
