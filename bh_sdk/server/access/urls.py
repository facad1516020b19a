"""The addresses of the token issuer. Mount at the root: `path("", include("bh_sdk.server.access.urls"))`."""

from __future__ import annotations

from django.urls import path

from bh_sdk.server.access import oauth

urlpatterns = [
    path("oauth2/token", oauth.token, name="oauth-token"),
    path(".well-known/jwks.json", oauth.jwks, name="jwks"),
    path(".well-known/oauth-protected-resource", oauth.protected_resource, name="oauth-protected-resource"),
]
