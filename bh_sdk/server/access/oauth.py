"""The service's own small token issuer (RFC 6749 client credentials, RFC 7523, RFC 9068) and what it publishes."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import structlog
from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from bh_sdk.server.access import assertions, wiring
from bh_sdk.tokens import TokenRefused, sign_jwt

LIFE = timedelta(minutes=5)
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
NO_STORE = {"Cache-Control": "no-store"}

log = structlog.get_logger(__name__)


class OAuthError(Exception):
    """An error body of RFC 6749, section 5.2."""

    def __init__(self, error: str, description: str) -> None:
        self.error = error
        self.description = description


@csrf_exempt
def token(request: HttpRequest) -> HttpResponse:
    """`POST /oauth2/token`: a client assertion for an access token of five minutes, for this service alone."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    # Tokens and TLS go by the real time, never by the clock that the local stack can move.
    now = datetime.now(UTC)
    try:
        client_id = _client(request, now)
    except OAuthError as refused:
        body = {"error": refused.error, "error_description": refused.description}
        return JsonResponse(body, status=400, headers=NO_STORE)
    answer = {
        "access_token": _access_token(client_id, now),
        "token_type": "Bearer",
        "expires_in": int(LIFE.total_seconds()),
    }
    return JsonResponse(answer, headers=NO_STORE)


def jwks(request: HttpRequest) -> HttpResponse:
    """`GET /.well-known/jwks.json`: the keys that verify this service's tokens, the signing one first."""
    if request.method not in ("GET", "HEAD"):
        return HttpResponseNotAllowed(["GET", "HEAD"])
    return JsonResponse(wiring.own_jwks(), headers={"Cache-Control": "public, max-age=600"})


def protected_resource(request: HttpRequest) -> HttpResponse:
    """`GET /.well-known/oauth-protected-resource` (RFC 9728): whose tokens this service takes."""
    if request.method not in ("GET", "HEAD"):
        return HttpResponseNotAllowed(["GET", "HEAD"])
    url = wiring.service_url()
    body = {
        "resource": url,
        "resource_name": f"Blessed Horizon {wiring.service_name()}",
        "authorization_servers": [url, wiring.user_issuer()],
        "jwks_uri": f"{url}/.well-known/jwks.json",
        "bearer_methods_supported": ["header"],
        "resource_documentation": f"{url}/api/v1/docs",
    }
    return JsonResponse(body, headers={"Cache-Control": "public, max-age=600"})


def _client(request: HttpRequest, now: datetime) -> str:
    if request.content_type != "application/x-www-form-urlencoded":
        raise OAuthError("invalid_request", "send application/x-www-form-urlencoded")
    try:
        form = request.POST
    except (RequestDataTooBig, TooManyFieldsSent) as error:
        raise OAuthError("invalid_request", "the request is too large") from error
    if any(len(values) > 1 for _, values in form.lists()):
        raise OAuthError("invalid_request", "a parameter is repeated")
    if "grant_type" not in form:
        raise OAuthError("invalid_request", "grant_type is missing")
    if form["grant_type"] != "client_credentials":
        raise OAuthError("unsupported_grant_type", "only client_credentials")
    if form.get("client_assertion_type") != ASSERTION_TYPE or not form.get("client_assertion"):
        raise OAuthError("invalid_client", "authenticate with private_key_jwt")
    if form.get("scope"):
        raise OAuthError("invalid_scope", "there are no scopes; policies decide")
    try:
        client_id = assertions.client_of(form["client_assertion"], now=now)
    except TokenRefused as refusal:
        log.info("client_refused", reason=refusal.reason)
        raise OAuthError("invalid_client", "the client assertion is not valid") from None
    if form.get("client_id", client_id) != client_id:
        raise OAuthError("invalid_client", "client_id is not the client of the assertion")
    return client_id


def _access_token(client_id: str, now: datetime) -> str:
    claims = {
        "iss": wiring.service_url(),
        "aud": wiring.service_name(),
        "sub": client_id,
        "client_id": client_id,
        "iat": int(now.timestamp()),
        "exp": int((now + LIFE).timestamp()),
        "jti": str(uuid.uuid4()),
        "scope": "",
    }
    return sign_jwt(claims, wiring.signing_key(), typ="at+jwt")
