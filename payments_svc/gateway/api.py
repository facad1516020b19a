"""Where Stripe tells us what happened."""

from __future__ import annotations

from bh_sdk.server.api import Call, Router
from bh_sdk.wire.payments import WebhookTaken
from payments_svc.gateway import commands

router = Router(tags=["webhooks"])


@router.post("/webhooks/stripe", auth=None, response=WebhookTaken)
def stripe_webhook(request: Call) -> WebhookTaken:
    """Take one event of Stripe. Its signature is the proof; a repeated event is taken and does nothing."""
    new = commands.accept_event(body=request.body, signature=request.headers.get("Stripe-Signature", ""))
    return WebhookTaken(received=True, repeated=not new)
