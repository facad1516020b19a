"""Client assertions (RFC 7523): how a service proves who it is when it asks for a token, once each."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.db import IntegrityError, transaction

from bh_sdk.server.access import watch, wiring
from bh_sdk.server.access.models import SpentAssertion
from bh_sdk.tokens import AssertionClaims, TokenRefused, claimed_client, verify_assertion

# An assertion is remembered past its end for as long as a verifier's leeway could still let it in, and then some.
KEPT_AFTER = timedelta(minutes=2)


def client_of(assertion: str, *, now: datetime) -> str:
    """The client whose assertion this is, which is used up thereby. Raises TokenRefused."""
    client_id = claimed_client(assertion)
    client = wiring.clients().get(client_id)
    if client is None:
        raise TokenRefused("unknown_client")
    claims = verify_assertion(
        assertion,
        client_id=client_id,
        jwks=client["jwks"],
        audience=wiring.token_url(),
        clock=now.timestamp,
    )
    if watch.current().refusals().refuse(subject=client_id, token_ids=(), now=now.timestamp()):
        raise TokenRefused("revoked")
    _spend(claims, now=now)
    return client_id


def _spend(claims: AssertionClaims, *, now: datetime) -> None:
    """Keep the `jti` in a unique row: whichever process sees it again, it is refused."""
    expires_at = datetime.fromtimestamp(claims.exp, UTC)
    SpentAssertion.objects.filter(expires_at__lt=now - KEPT_AFTER).delete()
    try:
        with transaction.atomic():
            SpentAssertion.objects.create(client_id=claims.client_id, jti=claims.jti, expires_at=expires_at)
    except IntegrityError:
        raise TokenRefused("replayed") from None
