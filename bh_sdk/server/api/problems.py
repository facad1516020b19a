"""Every exception has one answer: an RFC 9457 `application/problem+json`."""

from __future__ import annotations

import json
from typing import Any

import psycopg
import redis
from django.core.exceptions import (
    BadRequest as DjangoBadRequest,
)
from django.core.exceptions import (
    ObjectDoesNotExist,
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
)
from django.db import DataError, InterfaceError, OperationalError
from django.http import Http404, HttpResponse
from django.http.multipartparser import MultiPartParserError
from ninja.errors import AuthenticationError, AuthorizationError, HttpError, Throttled, ValidationError
from rest_framework.exceptions import APIException

from bh_sdk import errors
from bh_sdk.errors import BHError
from bh_sdk.server.ops import metrics, trace
from bh_sdk.server.ops.logs import log
from bh_sdk.server.ops.settings import setting

MEDIA_TYPE = "application/problem+json"
_MOST_ERRORS = 20


_PLAIN: tuple[tuple[tuple[type[BaseException], ...], type[BHError]], ...] = (
    ((AuthenticationError,), errors.Unauthenticated),
    ((AuthorizationError, PermissionDenied), errors.Forbidden),
    ((Http404, ObjectDoesNotExist), errors.NotFound),
    ((RequestDataTooBig,), errors.PayloadTooLarge),
    ((SuspiciousOperation, DjangoBadRequest, MultiPartParserError), errors.BadRequest),
)
_AWAY = (OperationalError, InterfaceError, psycopg.OperationalError, redis.ConnectionError, redis.TimeoutError)


def of(error: BaseException) -> BHError:
    """The error that the caller is told about. What nobody foresaw is an InternalError without any detail."""
    if isinstance(error, BHError):
        return error
    for kinds, told in _PLAIN:
        if isinstance(error, kinds):
            return told()
    match error:
        case ValidationError():
            return errors.Invalid(errors=[_told(entry) for entry in error.errors[:_MOST_ERRORS]])
        case Throttled():
            limited = errors.RateLimited()
            limited.retry_after = max(1, int(error.wait or 1))
            return limited
        case HttpError():
            if isinstance(error.__cause__, BHError):
                return error.__cause__
            return errors.from_problem({"detail": error.message}, status=error.status_code)
    return _ours(error)


def _ours(error: BaseException) -> BHError:
    """What is the matter on our side; it is logged, and the caller hears little."""
    if isinstance(error, DataError):
        # A value got through that PostgreSQL cannot hold. The caller's fault to send, ours to have let it in.
        log().error("unstorable_value", exc_info=error)
        return errors.Invalid("A value lies outside of what can be stored")
    if isinstance(error, _AWAY):
        log().error("dependency_away", exc_info=error)
        return errors.Unavailable()
    log().error("request_failed", exc_info=error)
    return errors.InternalError()


def answer(error: BaseException) -> HttpResponse:
    """The response for any exception."""
    return respond(of(error))


def for_staff(error: Exception, context: dict[str, Any]) -> HttpResponse:
    """DRF's `EXCEPTION_HANDLER`: the staff reports refuse in the same words as the API."""
    if isinstance(error, APIException):
        if error.status_code == 400:
            return respond(errors.Invalid(str(error.default_detail)))
        return respond(errors.from_problem({}, status=error.status_code))
    return answer(error)


def respond(error: BHError) -> HttpResponse:
    """`error` as a response, with the headers that belong to it."""
    body = json.dumps(error.problem(trace.request_id()), default=str).encode()
    response = HttpResponse(body, status=error.status, content_type=MEDIA_TYPE)
    response["Cache-Control"] = "no-store"
    if error.retry_after is not None:
        response["Retry-After"] = str(error.retry_after)
    if isinstance(error, errors.RateLimited) and error.policy is not None:
        most, seconds = error.policy
        response["RateLimit-Policy"] = f'"tries";q={most};w={seconds}'
        response["RateLimit"] = f'"tries";r=0;t={error.retry_after or seconds}'
    if error.status == 401:
        response["WWW-Authenticate"] = challenge()
    if error.status >= 500:
        metrics.FAILURES.labels(error.code).inc()
    return response


def challenge() -> str:
    """The `WWW-Authenticate` of every 401 (RFC 6750, RFC 9728)."""
    return f'Bearer resource_metadata="{setting("BH_SERVICE_URL")}/.well-known/oauth-protected-resource"'


def pointer(*path: Any) -> str:
    """A JSON pointer as a URI fragment: `#/items/0/name`."""
    return "#" + "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)


def _told(entry: dict[str, Any]) -> dict[str, str]:
    source, *rest = entry["loc"]
    # A single body argument is the body itself, so its name is no step of the path.
    path = rest[1:] if source == "body" else [source, *rest]
    # Union members and the like are not names in the document.
    message = str(entry["msg"]).removeprefix("Value error, ")
    return {"pointer": pointer(*path), "message": message}
