"""Only a token that keeps every rule of its family gets in; each attack is a token that breaks exactly one."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from bh_sdk.errors import Unauthenticated
from bh_sdk.testing import TestIssuer
from bh_sdk.tokens import (
    ServiceClaims,
    ServiceTokenVerifier,
    TokenRefused,
    UserClaims,
    UserTokenVerifier,
    check_gift_link,
    claimed_client,
    client_assertion,
    gift_link,
    jwk_of,
    new_signing_key,
    sign_jwt,
    verify_assertion,
)
from tests.sdk import forge
from tests.sdk.clock import Clock

NOW = 1_800_000_000
SUB = "0f9f6a4e-9f3d-4c8e-8a69-3d0c5a1b2c3d"


@pytest.fixture(scope="module")
def pem() -> str:
    return new_signing_key()


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW)


@pytest.fixture
def issuer(pem: str, clock: Clock) -> TestIssuer:
    return TestIssuer(pem=pem, clock=clock)


@pytest.fixture(scope="module")
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def refused(verify: Callable[[str], object], token: str) -> str:
    """The reason of a refusal, which has to look like every other from outside."""
    with pytest.raises(TokenRefused) as refusal:
        verify(token)
    assert isinstance(refusal.value, Unauthenticated)
    assert refusal.value.detail == Unauthenticated.title
    assert refusal.value.facts == {}
    return refusal.value.reason


def minted(issuer: TestIssuer, token: str, claims: dict[str, Any]) -> str:
    """The token with other claims, rightly signed. None takes a claim out."""
    header, usual, _ = forge.split(token)
    kept = {name: value for name, value in (usual | claims).items() if value is not None}
    return forge.es256(forge.part(header), forge.part(kept), issuer.pem)


# --- people -----------------------------------------------------------------------------------------------------------


def test_a_persons_token_says_who_it_is_and_what_they_may_be(issuer: TestIssuer) -> None:
    claims = issuer.user_verifier().verify(issuer.user(SUB, roles=["support", "finance"], session_id="s-1"))
    assert claims == UserClaims(
        sub=SUB, roles=frozenset({"support", "finance"}), exp=NOW + 3600, session_id="s-1", aal="aal1"
    )


@pytest.mark.parametrize(
    ("metadata", "roles"),
    [
        ({"role": "support"}, {"support"}),
        ({"role": ["support", "analyst"]}, {"support", "analyst"}),
        ({"roles": "editor", "role": "support"}, {"editor", "support"}),
        ({"roles": ["finance", 7, None, {"a": 1}, "service:payments", "Ad min", "service_role"]}, {"finance"}),
        ({}, set()),
        (None, set()),
        (["admin"], set()),
        ("admin", set()),
    ],
)
def test_roles_come_from_app_metadata(issuer: TestIssuer, metadata: Any, roles: set[str]) -> None:
    claims = issuer.user_verifier().verify(issuer.user(app_metadata=metadata))
    assert claims.roles == roles


def test_what_people_write_themselves_gives_no_role(issuer: TestIssuer) -> None:
    token = issuer.user(user_metadata={"roles": ["admin"], "role": "admin"}, roles=(), user_role="admin")
    assert issuer.user_verifier().verify(token).roles == frozenset()


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"role": "anon"}, "role_refused"),
        ({"role": "service_role"}, "role_refused"),
        ({"role": ["authenticated"]}, "role_refused"),
        ({"is_anonymous": True}, "anonymous"),
        ({"is_anonymous": "false"}, "anonymous"),
        ({"client_id": "payments"}, "wrong_family"),
        ({"sub": "not-a-uuid"}, "malformed_sub"),
        ({"sub": SUB.upper()}, "malformed_sub"),
        ({"sub": f"{{{SUB}}}"}, "malformed_sub"),
        ({"sub": 7}, "malformed_sub"),
        ({"iss": "https://issuer.test/auth/v1/"}, "wrong_issuer"),
        ({"iss": "http://issuer.test/auth/v1"}, "wrong_issuer"),
        ({"iss": ["https://issuer.test/auth/v1"]}, "wrong_issuer"),
        ({"aud": "payments"}, "wrong_audience"),
        ({"aud": ["authenticated"]}, "wrong_audience"),
        ({"aud": ["authenticated", "payments"]}, "wrong_audience"),
        ({"exp": "9999999999"}, "malformed_time"),
        ({"exp": True}, "malformed_time"),
        ({"exp": 1e300}, "malformed_time"),
        ({"iat": -1}, "malformed_time"),
        ({"nbf": "0"}, "malformed_time"),
        ({"exp": NOW - 100, "iat": NOW + 20}, "expired"),
        ({"exp": NOW, "iat": NOW}, "lives_too_long"),
        *(({name: None}, "claim_missing") for name in ("iss", "aud", "exp", "iat", "sub", "role")),
        ({"sub": ""}, "claim_missing"),
    ],
)
def test_a_persons_token_that_breaks_a_rule_is_refused(issuer: TestIssuer, claims: dict[str, Any], reason: str) -> None:
    assert refused(issuer.user_verifier().verify, minted(issuer, issuer.user(SUB), claims)) == reason


@pytest.mark.parametrize(
    ("claims", "late", "reason"),
    [
        ({"exp": NOW + 60}, 89, None),
        ({"exp": NOW + 60}, 90, "expired"),
        ({"iat": NOW + 30}, 0, None),
        ({"iat": NOW + 31}, 0, "not_yet_valid"),
        ({"nbf": NOW + 30}, 0, None),
        ({"nbf": NOW + 31}, 0, "not_yet_valid"),
    ],
)
def test_clocks_may_differ_by_thirty_seconds_and_no_more(
    issuer: TestIssuer, clock: Clock, claims: dict[str, Any], late: int, reason: str | None
) -> None:
    token = issuer.user(**claims)
    clock.now += late
    verify = issuer.user_verifier().verify
    assert (refused(verify, token) if reason else verify(token).exp) == (reason or claims.get("exp", NOW + 3600))


def test_leeway_cannot_be_made_longer(issuer: TestIssuer) -> None:
    with pytest.raises(ValueError, match="leeway"):
        UserTokenVerifier(issuer.issuer, jwks=issuer.jwks, leeway=31)


# --- services ---------------------------------------------------------------------------------------------------------


def test_a_services_token_says_which_service_it_is(issuer: TestIssuer) -> None:
    claims = issuer.service_verifier("payments").verify(
        issuer.service("notify", "payments", scope="feed push", jti="j")
    )
    assert claims == ServiceClaims(
        sub="notify", client_id="notify", scope=frozenset({"feed", "push"}), exp=NOW + 300, jti="j"
    )


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"aud": "trust"}, "wrong_audience"),
        ({"aud": ["payments", "trust"]}, "wrong_audience"),
        ({"aud": "authenticated"}, "wrong_audience"),
        ({"sub": "monolith"}, "wrong_family"),
        ({"role": "authenticated"}, "wrong_family"),
        ({"exp": NOW + 301}, "lives_too_long"),
        ({"scope": ["a"]}, "malformed_scope"),
        ({"client_id": "x" * 201, "sub": "x" * 201}, "malformed_client_id"),
        ({"client_id": "a\nb", "sub": "a\nb"}, "malformed_client_id"),
        ({"jti": 7}, "malformed_jti"),
        *(({name: None}, "claim_missing") for name in ("iss", "aud", "exp", "iat", "sub", "client_id", "jti")),
    ],
)
def test_a_services_token_that_breaks_a_rule_is_refused(
    issuer: TestIssuer, claims: dict[str, Any], reason: str
) -> None:
    token = minted(issuer, issuer.service("notify", "payments"), claims)
    assert refused(issuer.service_verifier("payments").verify, token) == reason


def test_the_families_never_take_each_others_tokens(issuer: TestIssuer) -> None:
    """Even with one issuer, one key and one audience for both: the type alone keeps them apart."""
    people = UserTokenVerifier(issuer.issuer, jwks=issuer.jwks, audience="shared", clock=lambda: NOW)
    services = issuer.service_verifier("shared")
    both: dict[str, Any] = {"aud": "shared", "sub": SUB, "client_id": SUB, "role": "authenticated", "jti": "j"}
    assert refused(services.verify, issuer.user(**both)) == "wrong_type"
    assert refused(people.verify, issuer.service(SUB, "shared", **both)) == "wrong_type"


@pytest.mark.parametrize("typ", [None, "", "at+jwt ", "JWS", 7, "id+jwt"])
def test_a_token_of_another_type_is_refused(issuer: TestIssuer, pem: str, typ: object) -> None:
    _, claims, _ = forge.split(issuer.service("notify", "payments"))
    header = {"alg": "ES256", "kid": jwk_of(pem)["kid"]} | ({} if typ is None else {"typ": typ})
    token = forge.es256(forge.part(header), forge.part(claims), pem)
    assert refused(issuer.service_verifier("payments").verify, token) == "wrong_type"


# --- forgeries --------------------------------------------------------------------------------------------------------


def forged(issuer: TestIssuer, **header: Any) -> str:
    """A user's token with these header members, rightly signed."""
    members, claims, _ = forge.split(issuer.user(SUB))
    return forge.es256(forge.part(members | header), forge.part(claims), issuer.pem)


def test_the_forgers_tools_make_good_tokens_when_nothing_is_forged(issuer: TestIssuer) -> None:
    assert issuer.user_verifier().verify(forged(issuer)).sub == SUB


@pytest.mark.parametrize("algorithm", ["none", "None", "nOnE", "NONE", ""])
@pytest.mark.parametrize("signed", [True, False])
def test_an_unsigned_token_is_refused(issuer: TestIssuer, algorithm: str, signed: bool) -> None:
    token = forged(issuer, alg=algorithm)
    token = token if signed else token.rpartition(".")[0] + "."
    assert refused(issuer.user_verifier().verify, token) == "algorithm_not_allowed"


def test_a_public_key_is_no_shared_secret(issuer: TestIssuer, pem: str) -> None:
    members, claims, _ = forge.split(issuer.user(SUB))
    for secret in (forge.public_pem(pem), json.dumps(jwk_of(pem)).encode(), b""):
        token = forge.hs256(forge.part(members | {"alg": "HS256"}), forge.part(claims), secret)
        assert refused(issuer.user_verifier().verify, token) == "algorithm_not_allowed"


def test_a_key_is_used_with_its_own_algorithm_only(issuer: TestIssuer, rsa_key: rsa.RSAPrivateKey) -> None:
    keys = {"keys": [*issuer.jwks["keys"], forge.rsa_jwk(rsa_key)]}
    verify = UserTokenVerifier(issuer.issuer, jwks=keys, clock=lambda: NOW).verify
    members, claims, _ = forge.split(issuer.user(SUB))
    header = {"alg": "RS256", "typ": "JWT", "kid": "rsa"}
    assert verify(forge.rs256(forge.part(header), forge.part(claims), rsa_key)).sub == SUB
    crossed = forge.es256(forge.part(members | {"kid": "rsa"}), forge.part(claims), issuer.pem)
    assert refused(verify, crossed) == "wrong_algorithm"
    other = forge.rs256(forge.part(header | {"kid": members["kid"]}), forge.part(claims), rsa_key)
    assert refused(verify, other) == "wrong_algorithm"


def test_services_sign_with_es256_alone(issuer: TestIssuer, rsa_key: rsa.RSAPrivateKey) -> None:
    verify = ServiceTokenVerifier(
        issuer.issuer, "payments", {"keys": [forge.rsa_jwk(rsa_key)]}, clock=lambda: NOW
    ).verify
    _, claims, _ = forge.split(issuer.service("notify", "payments"))
    token = forge.rs256(forge.part({"alg": "RS256", "typ": "at+jwt", "kid": "rsa"}), forge.part(claims), rsa_key)
    assert refused(verify, token) == "algorithm_not_allowed"


@pytest.mark.parametrize(
    "header",
    [
        {"jku": "https://attacker.test/jwks"},
        {"x5u": "https://attacker.test/cert"},
        {"x5c": ["MIIB"]},
        {"crit": ["exp"]},
        {"crit": []},
        {"b64": True},
        {"zip": "DEF"},
        {"cty": "JWT"},
    ],
)
def test_a_header_that_names_a_key_or_changes_the_rules_is_refused(issuer: TestIssuer, header: dict[str, Any]) -> None:
    assert refused(issuer.user_verifier().verify, forged(issuer, **header)) == "forbidden_header"


def test_a_key_inside_the_token_is_refused(issuer: TestIssuer) -> None:
    attacker = new_signing_key()
    members, claims, _ = forge.split(issuer.user(SUB))
    header = members | {"jwk": jwk_of(attacker), "kid": jwk_of(attacker)["kid"]}
    token = forge.es256(forge.part(header), forge.part(claims), attacker)
    assert refused(issuer.user_verifier().verify, token) == "forbidden_header"


@pytest.mark.parametrize("kid", ["", 7, ["a"], {"a": 1}, "k" * 201])
def test_a_key_id_is_a_short_text(issuer: TestIssuer, kid: object) -> None:
    assert refused(issuer.user_verifier().verify, forged(issuer, kid=kid)) == "malformed_header"


@pytest.mark.parametrize("kid", ["../../etc/passwd", "' OR 1=1 --", "unknown"])
def test_an_unknown_key_is_refused(issuer: TestIssuer, kid: str) -> None:
    assert refused(issuer.user_verifier().verify, forged(issuer, kid=kid)) == "unknown_key"


def test_anothers_signature_and_a_changed_payload_are_refused(issuer: TestIssuer) -> None:
    members, claims, signature = forge.split(issuer.user(SUB))
    other = forge.es256(forge.part(members), forge.part(claims), new_signing_key())
    assert refused(issuer.user_verifier().verify, other) == "bad_signature"
    promoted = forge.part(claims | {"app_metadata": {"roles": ["admin"]}})
    assert refused(issuer.user_verifier().verify, f"{forge.part(members)}.{promoted}.{signature}") == "bad_signature"
    for spoiled in (forge.b64(bytes(64)), "", forge.b64(b"\x01" * 63), forge.b64(b"\x01" * 65)):
        token = f"{forge.part(members)}.{forge.part(claims)}.{spoiled}"
        assert refused(issuer.user_verifier().verify, token) == "bad_signature"


def test_equal_keys_in_header_or_claims_are_refused(issuer: TestIssuer) -> None:
    members, claims, _ = forge.split(issuer.user(SUB))
    header, payload = json.dumps(members), json.dumps(claims)
    double_claim = forge.b64((payload[:-1] + f', "sub": "{uuid.uuid4()}"}}').encode())
    assert (
        refused(issuer.user_verifier().verify, forge.es256(forge.part(members), double_claim, issuer.pem))
        == "duplicate_key"
    )
    nested = forge.b64((payload[:-1] + ', "x": {"a": 1, "a": 2}}').encode())
    assert (
        refused(issuer.user_verifier().verify, forge.es256(forge.part(members), nested, issuer.pem)) == "duplicate_key"
    )
    double_header = forge.b64((header[:-1] + ', "alg": "ES256"}').encode())
    assert (
        refused(issuer.user_verifier().verify, forge.es256(double_header, forge.part(claims), issuer.pem))
        == "duplicate_key"
    )


def test_a_token_has_one_spelling(issuer: TestIssuer) -> None:
    """Padding, blanks, the other alphabet and spare bits: the same bytes, another text, another digest in a cache."""
    verify, token = issuer.user_verifier().verify, issuer.user(SUB)
    assert verify(token).sub == SUB
    header, payload, signature = token.split(".")
    # 64 bytes leave four spare bits in the last character.
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    twin = signature[:-1] + alphabet[alphabet.index(signature[-1]) + 1]
    assert forge.unb64(twin) == forge.unb64(signature)
    assert refused(verify, f"{header}.{payload}.{twin}") == "not_canonical"
    for spoiled in (f"{signature}==", f"{signature}\n", f" {signature}", f"{signature[:10]}+{signature[11:]}"):
        assert refused(verify, f"{header}.{payload}.{spoiled}") in {"not_base64url", "not_canonical"}


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        ("", "not_compact"),
        ("a.b", "not_compact"),
        ("a.b.c.d.e", "not_compact"),
        ("{}", "not_compact"),
        ("..", "not_json"),
        ("é.b.c", "not_ascii_text"),
        (b"a.b.c", "not_ascii_text"),
        (None, "not_ascii_text"),
        ("x" * 8193, "too_large"),
        (f"{forge.b64(b'[1]')}.{forge.b64(b'{}')}.AA", "not_an_object"),
        (f"{forge.b64(b'[' * 4000)}.e30.AA", "not_json"),
        (forge.b64(b'{"alg": NaN}') + ".e30.AA", "not_json"),
        (f"{forge.b64(bytes([0xFF, 0xFE]))}.e30.AA", "not_json"),
        ("e30.e30.AA", "malformed_header"),
    ],
)
def test_what_is_no_token_is_refused(issuer: TestIssuer, token: Any, reason: str) -> None:
    assert refused(issuer.user_verifier().verify, token) == reason


def test_a_token_just_above_eight_kibibytes_is_refused(issuer: TestIssuer) -> None:
    small = issuer.user(SUB, pad="")
    room = (8192 - len(small)) * 3 // 4 - 8
    assert issuer.user_verifier().verify(issuer.user(SUB, pad="x" * room)).sub == SUB
    assert refused(issuer.user_verifier().verify, issuer.user(SUB, pad="x" * (room + 24))) == "too_large"


# --- keys -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {"use": "enc"},
        {"key_ops": ["sign"]},
        {"key_ops": "verify"},
        {"key_ops": []},
        {"alg": "ES384"},
        {"alg": "none"},
        {"kty": "oct"},
        {"crv": "secp256k1"},
        {"x": "AA"},
        {"d": "AA"},
        {"k": "AA"},
    ],
)
def test_a_key_that_is_not_for_this_does_not_count(issuer: TestIssuer, change: dict[str, Any]) -> None:
    key = issuer.jwks["keys"][0] | change
    verify = UserTokenVerifier(issuer.issuer, jwks={"keys": [key]}, clock=lambda: NOW).verify
    assert refused(verify, issuer.user(SUB)) == "unknown_key"


def test_one_odd_key_does_not_take_the_others_down(issuer: TestIssuer) -> None:
    keys: dict[str, Any] = {"keys": [7, None, {}, {"kty": "EC"}, {"kty": "oct", "k": "c2VjcmV0"}, *issuer.jwks["keys"]]}
    assert UserTokenVerifier(issuer.issuer, jwks=keys, clock=lambda: NOW).verify(issuer.user(SUB)).sub == SUB


def test_equal_key_ids_make_both_keys_useless(issuer: TestIssuer) -> None:
    mine = issuer.jwks["keys"][0]
    theirs = jwk_of(new_signing_key()) | {"kid": mine["kid"]}
    for keys in ([mine, theirs], [theirs, mine], [mine, theirs | {"use": "enc"}]):
        verify = UserTokenVerifier(issuer.issuer, jwks={"keys": keys}, clock=lambda: NOW).verify
        assert refused(verify, issuer.user(SUB)) == "unknown_key"


def test_a_token_without_a_key_id_is_taken_only_where_there_is_one_key(issuer: TestIssuer) -> None:
    members, claims, _ = forge.split(issuer.user(SUB))
    del members["kid"]
    token = forge.es256(forge.part(members), forge.part(claims), issuer.pem)
    assert issuer.user_verifier().verify(token).sub == SUB
    two = {"keys": [*issuer.jwks["keys"], jwk_of(new_signing_key())]}
    assert refused(UserTokenVerifier(issuer.issuer, jwks=two, clock=lambda: NOW).verify, token) == "unknown_key"


def test_short_rsa_keys_do_not_count(issuer: TestIssuer) -> None:
    weak = rsa.generate_private_key(65537, 1024)
    _, claims, _ = forge.split(issuer.user(SUB))
    token = forge.rs256(forge.part({"alg": "RS256", "typ": "JWT", "kid": "rsa"}), forge.part(claims), weak)
    verify = UserTokenVerifier(issuer.issuer, jwks={"keys": [forge.rsa_jwk(weak)]}, clock=lambda: NOW).verify
    assert refused(verify, token) == "unknown_key"


def test_the_legacy_secret_works_alone_and_only_when_it_is_long(issuer: TestIssuer) -> None:
    secret = b"s" * 32
    verifier = UserTokenVerifier(issuer.issuer, hs256_secret=secret, clock=lambda: NOW)
    _, claims, _ = forge.split(issuer.user(SUB))
    header = forge.part({"alg": "HS256", "typ": "JWT"})
    assert verifier.verify(forge.hs256(header, forge.part(claims), secret)).sub == SUB
    assert refused(verifier.verify, forge.hs256(header, forge.part(claims), b"t" * 32)) == "bad_signature"
    assert refused(verifier.verify, issuer.user(SUB)) == "algorithm_not_allowed"
    with pytest.raises(ValueError, match="32 bytes"):
        UserTokenVerifier(issuer.issuer, hs256_secret=b"s" * 31)
    with pytest.raises(ValueError, match="PEM"):
        UserTokenVerifier(issuer.issuer, hs256_secret=forge.public_pem(issuer.pem))
    with pytest.raises(ValueError, match="give one of"):
        UserTokenVerifier(issuer.issuer, jwks=issuer.jwks, hs256_secret=secret)


def test_we_sign_with_p256_keys_alone(rsa_key: rsa.RSAPrivateKey) -> None:
    for key in (rsa_key, ec.generate_private_key(ec.SECP384R1())):
        text = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()
        with pytest.raises(ValueError, match="P-256"):
            sign_jwt({}, text)


def test_the_public_half_holds_nothing_private(pem: str) -> None:
    jwk = jwk_of(pem)
    assert set(jwk) == {"kty", "crv", "x", "y", "alg", "use", "kid"}
    assert jwk_of(forge.public_pem(pem)) == jwk


# --- assertions -------------------------------------------------------------------------------------------------------

TOKEN_URL = "https://payments.test/oauth2/token"


def checked(assertion: str, pem: str, now: float = NOW, audience: str = TOKEN_URL) -> Any:
    return verify_assertion(
        assertion, client_id="notify", jwks={"keys": [jwk_of(pem)]}, audience=audience, clock=lambda: now
    )


def test_a_client_proves_who_it_is(pem: str) -> None:
    assertion = client_assertion("notify", pem, audience=TOKEN_URL, clock=lambda: NOW)
    assert claimed_client(assertion) == "notify"
    claims = checked(assertion, pem)
    assert (claims.client_id, claims.exp) == ("notify", NOW + 60)
    other = client_assertion("notify", pem, audience=TOKEN_URL, clock=lambda: NOW)
    assert checked(other, pem).jti != claims.jti


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"aud": "https://trust.test/oauth2/token"}, "wrong_audience"),
        ({"aud": [TOKEN_URL]}, "wrong_audience"),
        ({"iss": "monolith"}, "wrong_issuer"),
        ({"sub": "monolith"}, "wrong_subject"),
        ({"exp": NOW + 61}, "lives_too_long"),
        ({"exp": NOW - 30, "iat": NOW - 60}, "expired"),
        ({"jti": None}, "claim_missing"),
        ({"iat": None}, "claim_missing"),
        ({"jti": 5}, "malformed_jti"),
    ],
)
def test_an_assertion_that_breaks_a_rule_is_refused(pem: str, claims: dict[str, Any], reason: str) -> None:
    usual = {"iss": "notify", "sub": "notify", "aud": TOKEN_URL, "jti": "j", "iat": NOW, "exp": NOW + 60}
    spoiled = {name: value for name, value in (usual | claims).items() if value is not None}
    assert refused(lambda token: checked(token, pem), sign_jwt(spoiled, pem)) == reason


def test_an_assertion_is_signed_by_the_client_it_names(pem: str) -> None:
    assertion = client_assertion("notify", new_signing_key(), audience=TOKEN_URL, clock=lambda: NOW)
    assert refused(lambda token: checked(token, pem), assertion) == "unknown_key"


def test_an_access_token_is_no_assertion(pem: str, issuer: TestIssuer) -> None:
    token = issuer.service("notify", TOKEN_URL, iss="notify", lifetime=60)
    assert refused(lambda text: checked(text, pem), token) == "wrong_type"


# --- the link of the thank-you mail -----------------------------------------------------------------------------------


def test_a_link_opens_its_own_payment_and_no_other() -> None:
    key, mine, other = b"k" * 32, uuid.uuid4(), uuid.uuid4()
    token = gift_link(key, mine)
    assert len(token) == 43
    assert check_gift_link(key, mine, token)
    assert not check_gift_link(key, other, token)
    assert not check_gift_link(b"l" * 32, mine, token)
    for spoiled in ("", token[:-1], token + "=", token.swapcase(), "é" * 43, "\ud800"):
        assert not check_gift_link(key, mine, spoiled)
    with pytest.raises(ValueError, match="32 bytes"):
        gift_link(b"short", mine)
