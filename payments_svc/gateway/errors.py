"""What can happen to a call to Stripe."""

from __future__ import annotations


class GatewayError(Exception):
    """Base of the gateway's own errors; they never cross the wire."""


class OutcomeUnknown(GatewayError):
    """No answer, or one that says nothing about the work: it may or may not be done. Ask before doing it again.

    `remembered` means that Stripe keeps this very error under the key, so that the key can never answer anything else.
    """

    def __init__(self, message: str, *, remembered: bool = False) -> None:
        self.remembered = remembered
        super().__init__(message)


class CardRefused(GatewayError):
    """Stripe answered that the card was not charged; the intent tells why."""


class RequestRefused(GatewayError):
    """Stripe answered that the request is not acceptable; nothing was done. `param` names the culprit when Stripe does."""

    def __init__(self, message: str, *, code: str | None = None, param: str | None = None) -> None:
        self.code, self.param = code, param
        super().__init__(message)
