"""Refusals in Stripe's shape. Source: "Errors" (docs.stripe.com/api/errors), "Error codes"
(docs.stripe.com/error-codes).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .shapes import Obj


class StripeError(Exception):
    """An answer that is an error.

    `validated` is False while the parameters are still being checked: such refusals are not stored under an
    idempotency key. `keeps_work` is True when what was written before the refusal stays (a declined card leaves a
    failed charge behind).
    """

    def __init__(
        self,
        message: str,
        *,
        kind: str = "invalid_request_error",
        status: int = 400,
        code: str | None = None,
        param: str | None = None,
        validated: bool = True,
        keeps_work: bool = False,
        facts: Obj | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.validated = validated
        self.keeps_work = keeps_work
        error: Obj = {"type": kind, "message": message}
        if code is not None:
            error["code"] = code
            error["doc_url"] = f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}"
        if param is not None:
            error["param"] = param
        error.update(facts or {})
        self.error = error

    def body(self, request_id: str) -> Obj:
        """The JSON body, with the log link Stripe adds."""
        log = f"https://dashboard.stripe.com/test/logs/{request_id}"
        return {"error": {**self.error, "request_log_url": log}}


def invalid(message: str, param: str | None = None, code: str | None = None) -> StripeError:
    """A parameter that fails validation, before anything is executed."""
    return StripeError(message, param=param, code=code, validated=False)


def unexpected_state(message: str, intent: Obj) -> StripeError:
    """The intent is in a status that forbids the request."""
    return StripeError(message, code="payment_intent_unexpected_state", facts={"payment_intent": intent})


def missing_object(noun: str, given: str, *, param: str = "id", in_path: bool = True) -> StripeError:
    """No such object. 404 when the address names it, 400 when a parameter does."""
    return StripeError(
        f"No such {noun}: '{given}'", code="resource_missing", param=param, status=404 if in_path else 400
    )
