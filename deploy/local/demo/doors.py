"""The running stack as its callers see it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from uuid import UUID

import stripe

from bh_sdk.clients import BearerAuth, Notify, Payments, Trust
from bh_sdk.tokens import ServiceAuth
from deploy.local import environment, tokens
from deploy.local.stack import Stack


@dataclass(frozen=True)
class Doors:
    """Clients of the three services for each kind of caller, and Stripe's own library for what happens at Stripe's side."""

    stack: Stack

    def _as_platform(self, service: str) -> ServiceAuth:
        url = self.stack.ports.url(service)
        pem = (self.stack.keys / "monolith.pem").read_text()
        return ServiceAuth(token_url=f"{url}/oauth2/token", client_id="monolith", signing_key_pem=pem, audience=service)

    def as_user(self, user_id: UUID, role: str = "donor") -> BearerAuth:
        return BearerAuth(tokens.for_user(self.stack, str(user_id), role))

    @cached_property
    def payments(self) -> Payments:
        """As the platform."""
        return Payments(self.stack.ports.url("payments"), auth=self._as_platform("payments"), timeout=30)

    @cached_property
    def trust(self) -> Trust:
        return Trust(self.stack.ports.url("trust"), auth=self._as_platform("trust"), timeout=30)

    @cached_property
    def notify(self) -> Notify:
        return Notify(self.stack.ports.url("notify"), auth=self.notify_auth, timeout=30)

    @property
    def notify_auth(self) -> ServiceAuth:
        """The platform's own tokens for notify."""
        return self._as_platform("notify")

    @cached_property
    def guest(self) -> Payments:
        """As somebody without an account."""
        return Payments(self.stack.ports.url("payments"), timeout=30)

    def donor(self, user_id: UUID) -> Payments:
        return Payments(self.stack.ports.url("payments"), auth=self.as_user(user_id), timeout=30)

    @cached_property
    def stripe(self) -> stripe.StripeClient:
        told = environment.stripe(self.stack)
        return stripe.StripeClient(told["STRIPE_SECRET_KEY"], base_addresses={"api": told["STRIPE_API_BASE"]})
