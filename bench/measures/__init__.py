"""Every measure by name: the module that measures, and the service whose settings and database it runs in."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Measure:
    """`service` is None for a measure that runs programs from outside and needs no Django itself."""

    title: str
    service: str | None = None
    # Seconds after which it is ended: a measure takes ten or so, on a busy machine thrice that.
    longest: float = 90.0


# In the order in which they run: the name is the module's.
MEASURES = {
    "scoring": Measure("Scoring: the engine, a plain loop, and one pass over the inputs"),
    "sweep": Measure(
        "The nightly sweep: every score from the evidence, and what moved is written", "trust", longest=600.0
    ),
    "events": Measure("Events: recording, relaying, being heard", "payments"),
    "notifications": Measure("Notifications: in batches, and with one Celery task each", "notify", longest=600.0),
    "rush": Measure("A rush: 200 notifications a second for a minute", "notify", longest=400.0),
    "words": Measure("Words: writing one mail", "notify"),
    "webhook": Measure("POST /payments/webhooks/stripe: until Stripe has its answer"),
    "history": Measure("GET /payments/history/{user_id} beside the peer"),
    "score": Measure("GET /trust/campaign/{campaign_id} beside the peer"),
    "realtime": Measure("Real time: from POST /trust/evidence to another answer of GET /trust/campaign/{campaign_id}"),
    "feed": Measure("GET /notifications/user/{user_id} beside the peer"),
    "stream": Measure("Streams of feeds: a thousand open ones"),
    "intent": Measure("POST /payments/create-intent beside the peer, one Stripe stand-in behind both"),
}
