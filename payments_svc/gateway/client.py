"""The one connection to Stripe, and what its errors mean to us."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

import stripe
from django.conf import settings

from payments_svc.gateway.errors import CardRefused, OutcomeUnknown, RequestRefused

# Short enough that a donor still waits, long enough for a card network; the sweeper asks again after a time-out.
_TIMEOUT_SECONDS = 20.0


@lru_cache(maxsize=1)
def client() -> stripe.StripeClient:
    return stripe.StripeClient(
        settings.STRIPE_SECRET_KEY,
        base_addresses={"api": settings.STRIPE_API_BASE, "files": settings.STRIPE_FILES_BASE},
        # We repeat a call ourselves, from a row, with the same key.
        max_network_retries=0,
        http_client=stripe.RequestsClient(timeout=_TIMEOUT_SECONDS),
    )


@contextmanager
def asking() -> Iterator[None]:
    """Around every call: Stripe's errors become OutcomeUnknown, CardRefused or RequestRefused."""
    try:
        yield
    except stripe.CardError as error:
        raise CardRefused(error.code or "card_declined") from error
    except stripe.IdempotencyError as error:
        # The first call with this key is still running at Stripe, or said something else: either way its outcome counts.
        raise OutcomeUnknown("idempotency") from error
    except stripe.InvalidRequestError as error:
        raise RequestRefused(str(error.user_message or error), code=error.code, param=error.param) from error
    except stripe.AuthenticationError as error:
        raise OutcomeUnknown("Stripe refused our key") from error
    except stripe.StripeError as error:
        headers = {name.lower(): value for name, value in (error.headers or {}).items()}
        remembered = headers.get("idempotent-replayed") == "true"
        raise OutcomeUnknown(type(error).__name__, remembered=remembered) from error
