"""Tell Stripe's stand-in where our webhook door is, as a person does once in Stripe's dashboard."""

from __future__ import annotations

import httpx

from deploy.local import environment, keys
from deploy.local.stack import Stack


def register(stack: Stack) -> None:
    """Register the endpoint and keep its secret, which is told only once. To be called before payments starts.

    With a real Stripe account this is the user's to do.
    """
    if environment.has_own_stripe(stack):
        return
    known = environment.stripe(stack)
    url = f"{stack.ports.url('payments')}/api/v1/payments/webhooks/stripe"
    auth = (known["STRIPE_SECRET_KEY"], "")
    with httpx.Client(base_url=known["STRIPE_API_BASE"], auth=auth, timeout=10, trust_env=False) as client:
        listed = client.get("/v1/webhook_endpoints").raise_for_status().json()["data"]
        ours = keys.read(stack.keys, "stripe-endpoint") if (stack.keys / "stripe-endpoint").exists() else None
        if any((endpoint["id"], endpoint["url"]) == (ours, url) for endpoint in listed):
            return
        # An endpoint whose secret was never written down is of no use to anybody.
        for endpoint in listed:
            if endpoint["url"] == url or endpoint["id"] == ours:
                client.delete(f"/v1/webhook_endpoints/{endpoint['id']}").raise_for_status()
        made = (
            client.post("/v1/webhook_endpoints", data={"url": url, "enabled_events[]": "*"}).raise_for_status().json()
        )
        keys.write(stack.keys, "stripe-webhook", made["secret"])
        keys.write(stack.keys, "stripe-endpoint", made["id"])
