"""Every measure by name: the module that measures, and the service whose settings and database it runs in."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Measure:
    """`service` is None for a measure that runs programs from outside and needs no Django itself."""

    title: str
    service: str | None = None


# In the order in which they run: the name is the module's.
MEASURES = {
    "scoring": Measure("Scoring: the engine, a plain loop, and one pass over the inputs"),
    "events": Measure("Events: recording, relaying, being heard", "payments"),
    "notifications": Measure("Notifications: in batches, and one at a time", "notify"),
    "webhook": Measure("POST /payments/webhooks/stripe: until Stripe has its answer"),
    "history": Measure("GET /payments/history/{user_id} beside the peer"),
    "score": Measure("GET /trust/campaign/{campaign_id} beside the peer"),
    "feed": Measure("GET /notifications/user/{user_id} beside the peer"),
    "intent": Measure("POST /payments/create-intent beside the peer, one Stripe stand-in behind both"),
}
