"""The OpenAPI document: Ninja's, plus the refusals that every route shares."""

from __future__ import annotations

import json
from typing import Any

from ninja.openapi.schema import OpenAPISchema
from ninja.operation import Operation

from bh_sdk import errors
from bh_sdk.errors import PROBLEM_TYPE, BHError
from bh_sdk.server.api.problems import MEDIA_TYPE

PROBLEM_SCHEMA: dict[str, Any] = {
    "title": "Problem",
    "description": "RFC 9457. Members beyond these are the facts of the refusal.",
    "type": "object",
    "required": ["type", "title", "status", "detail", "code", "request_id"],
    "properties": {
        "type": {"type": "string", "examples": [PROBLEM_TYPE + "not_found"]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "description": "Stable; made for programs"},
        "request_id": {"type": ["string", "null"]},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "message"],
                "properties": {
                    "pointer": {
                        "type": "string",
                        "description": "JSON pointer; or #/query/…, #/path/…",
                    },
                    "message": {"type": "string"},
                },
            },
        },
    },
    "additionalProperties": True,
}

_RETRY = {"Retry-After": {"description": "Seconds to wait", "schema": {"type": "integer"}}}
_ALWAYS: tuple[type[BHError], ...] = (
    errors.MethodNotAllowed,
    errors.Invalid,
    errors.RateLimited,
    errors.InternalError,
    errors.Unavailable,
)


def _response(kind: type[BHError]) -> dict[str, Any]:
    example = kind().problem("5f0c9e3a7b1d4c2f8a6e0b9d3c7f1a24")
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example}}
    found: dict[str, Any] = {"description": kind.title, "content": content}
    if kind.status in (409, 429, 503):
        found["headers"] = _RETRY
    return found


class Document(OpenAPISchema):
    """`openapi.json` as a plain dict."""

    def __init__(self, api: Any, path_prefix: str) -> None:
        super().__init__(api, path_prefix)
        self["components"]["schemas"]["Problem"] = PROBLEM_SCHEMA
        self["components"]["responses"] = {kind.__name__: _response(kind) for kind in self._kinds}
        if not self["servers"]:
            del self["servers"]
        # A plain copy: nothing of Ninja's classes stays in it.
        plain = json.loads(json.dumps(dict(self)))
        self.clear()
        self.update(plain)

    _kinds: tuple[type[BHError], ...] = (
        errors.BadRequest,
        errors.Unauthenticated,
        errors.Forbidden,
        errors.NotFound,
        errors.Conflict,
        errors.PayloadTooLarge,
        errors.UnsupportedMediaType,
        errors.ProviderUnavailable,
        *_ALWAYS,
    )

    def operation_details(self, operation: Operation) -> dict[str, Any]:
        """Ninja's words on one route, and the refusals it may answer with."""
        found: dict[str, Any] = super().operation_details(operation)
        kinds: list[type[BHError]] = [*_ALWAYS, errors.BadRequest, errors.NotFound, errors.Conflict]
        if operation.auth_callbacks:
            kinds += [errors.Unauthenticated, errors.Forbidden]
        if not set(operation.methods) <= {"GET", "HEAD"}:
            kinds += [errors.PayloadTooLarge, errors.UnsupportedMediaType, errors.ProviderUnavailable]
        for kind in kinds:
            found["responses"].setdefault(str(kind.status), {"$ref": f"#/components/responses/{kind.__name__}"})
        return found

    def responses(self, operation: Operation) -> dict[Any, Any]:
        return {str(status): details for status, details in super().responses(operation).items()}

    def operation_security(self, operation: Operation) -> list[dict[str, Any]] | None:
        """One scheme for all locks, named `bearer`."""
        if not operation.auth_callbacks:
            return None
        self.securitySchemes["bearer"] = {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "A user's token of the platform, or a service's of this service's own /oauth2/token",
        }
        return [{"bearer": []}]
