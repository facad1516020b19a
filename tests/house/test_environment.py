"""What the programs of the local stack are told."""

from __future__ import annotations

import base64
import stat
import uuid
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key

from bh_sdk.tokens import UserTokenVerifier, jwk_of
from deploy.local import clock, environment, keys, mail_reports, tokens
from deploy.local.ports import Ports
from deploy.local.stack import SERVICES, Stack


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    made = Stack(state=tmp_path / "state", ports=Ports(8300))
    keys.make(made.keys)
    return made


def test_keys_are_made_once_and_are_nobody_elses_to_read(stack: Stack) -> None:
    before = {file.name: file.read_bytes() for file in stack.keys.iterdir()}
    keys.make(stack.keys)
    assert {file.name: file.read_bytes() for file in stack.keys.iterdir()} == before
    assert {stat.S_IMODE(file.stat().st_mode) for file in stack.keys.iterdir()} == {0o600}
    assert stat.S_IMODE(stack.keys.stat().st_mode) == 0o700


def test_each_service_has_its_own_address_database_broker_and_signing_key(stack: Stack) -> None:
    told = [environment.of(service, stack, given={}) for service in SERVICES]
    for name in ("BH_SERVICE_URL", "DATABASE_URL", "BROKER_URL", "BH_SIGNING_KEY_FILE", "BH_SECRET_KEY"):
        assert len({env[name] for env in told}) == len(SERVICES), name
    assert len({env["REDIS_URL"] for env in told}) == 1


def test_services_do_not_own_their_tables(stack: Stack) -> None:
    assert (
        environment.of("payments", stack, given={})["DATABASE_URL"] == "postgresql://bh_app@127.0.0.1:8320/bh_payments"
    )


def test_only_payments_knows_the_key_to_stripe(stack: Stack) -> None:
    secret = keys.read(stack.keys, "stripe")
    assert environment.of("payments", stack, given={})["STRIPE_SECRET_KEY"] == secret
    for service in ("trust", "notify"):
        assert secret not in environment.of(service, stack, given={}).values()


def test_servers_of_the_users_own_are_used_instead(stack: Stack) -> None:
    given = {
        "DATABASE_URL_TRUST": "postgresql://me@db/trust",
        "REDIS_URL": "redis://elsewhere/0",
        "STRIPE_SECRET_KEY": "sk_test_x",
    }
    assert environment.of("trust", stack, given=given)["DATABASE_URL"] == "postgresql://me@db/trust"
    assert environment.of("notify", stack, given=given)["REDIS_URL"] == "redis://elsewhere/0"
    assert environment.stripe(stack, given)["STRIPE_API_BASE"] == "https://api.stripe.com"


def test_the_local_mail_provider_signs_with_a_key_that_notify_knows(stack: Stack) -> None:
    shown = load_der_public_key(base64.b64decode(environment.of("notify", stack, given={})["SENDGRID_WEBHOOK_KEY"]))
    assert isinstance(shown, ec.EllipticCurvePublicKey)
    made, body = mail_reports.signed(stack.keys, [{"event": "bounce"}])
    said = made["X-Twilio-Email-Event-Webhook-Timestamp"].encode() + body
    proof = base64.b64decode(made["X-Twilio-Email-Event-Webhook-Signature"])
    shown.verify(proof, said, ec.ECDSA(hashes.SHA256()))
    own = environment.of("notify", stack, given={"SENDGRID_WEBHOOK_KEY": "theirs"})
    assert own["SENDGRID_WEBHOOK_KEY"] == "theirs"


def test_what_make_env_prints_may_be_exported_without_harm(stack: Stack) -> None:
    printed = {f"DATABASE_URL_{name.upper()}": environment.database_url(stack, name, given={}) for name in SERVICES}
    printed |= {"REDIS_URL": environment.redis_url(stack, {})} | environment.stripe(stack, {})
    for service in SERVICES:
        assert environment.of(service, stack, given=printed) == environment.of(service, stack, given={})
        assert not environment.has_own_database(stack, service, printed)
        assert environment.database_url(stack, service, role="bh_owner", given=printed).startswith(
            "postgresql://bh_owner@"
        )
    assert not environment.has_own_stripe(stack, printed)
    assert not environment.has_own_redis(stack, printed)


def test_a_printed_token_is_one_that_services_accept(stack: Stack) -> None:
    person = uuid.uuid4()
    token = tokens.for_user(stack, str(person), "finance,support")
    issuer = f"{stack.ports.url('issuer')}/auth/v1"
    jwks = {"keys": [jwk_of((stack.keys / "issuer.pem").read_text())]}
    claims = UserTokenVerifier(issuer, jwks=jwks).verify(token)
    assert uuid.UUID(str(claims.sub)) == person
    assert {"finance", "support"} <= claims.roles
    assert jwt.decode(token, options={"verify_signature": False})["user_metadata"] == {}


@pytest.mark.parametrize(("user", "role"), [("nobody", "donor"), (str(uuid.uuid4()), "superuser")])
def test_no_token_for_what_is_no_person_or_no_role(stack: Stack, user: str, role: str) -> None:
    with pytest.raises(ValueError, match=r"badly formed|unknown role"):
        tokens.for_user(stack, user, role)


@pytest.mark.parametrize(
    ("said", "seconds"), [("+3d", 259200), ("-2h", -7200), ("1d12h", 129600), ("90m", 5400), ("0", 0), ("45s", 45)]
)
def test_the_clock_understands_spans(said: str, seconds: int) -> None:
    assert clock.parse(said) == seconds


@pytest.mark.parametrize("said", ["", "3", "tomorrow", "+3 d", "d", "--1h"])
def test_the_clock_refuses_what_is_no_span(said: str) -> None:
    with pytest.raises(ValueError, match="no span of time"):
        clock.parse(said)


def test_moving_the_clock_counts_from_real_time(stack: Stack) -> None:
    clock.move(stack, "+3d")
    clock.move(stack, "+1d")
    assert stack.clock.read_text() == "86400\n"
    clock.move(stack, "0")
    assert clock.reading(stack).endswith("(+0 s)")
