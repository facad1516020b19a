"""What happened, as Stripe tells it. Sources: "Events" (docs.stripe.com/api/events), "Types of events"
(…/events/types).
"""

from __future__ import annotations

import random
import time

from .desk import Desk, Route, page_of
from .params import EXPAND, PAGE, array, boolean, text
from .shapes import API_VERSION, Obj, new_id, public

WAITING = "waiting"
HELD = "held"
DONE = "done"
GIVEN_UP = "given_up"


def emit(desk: Desk, kind: str, obj: Obj, previous: Obj | None = None) -> Obj:
    """Record that `kind` happened to the object as it is now, and queue it for every endpoint that wants it."""
    data: Obj = {"object": public(obj)}
    if previous is not None:
        data["previous_attributes"] = previous
    event: Obj = {
        "id": new_id("evt"),
        "object": "event",
        "api_version": API_VERSION,
        "created": desk.now,
        "data": data,
        "livemode": False,
        "pending_webhooks": 0,
        "request": {"id": desk.request_id, "idempotency_key": desk.idempotency_key},
        "type": kind,
    }
    desk.store.add("event", event)
    for endpoint in desk.store.every("webhook_endpoint"):
        if endpoint["status"] == "enabled" and wants(endpoint, kind):
            for _ in range(desk.settings.webhooks_copies):
                queue(desk, event["id"], endpoint["id"])
    return event


def wants(endpoint: Obj, kind: str) -> bool:
    """Whether the endpoint is subscribed to this type."""
    return "*" in endpoint["enabled_events"] or kind in endpoint["enabled_events"]


def queue(desk: Desk, event_id: str, endpoint_id: str, *, at_once: bool = False) -> None:
    """Put one delivery in the queue."""
    settings = desk.settings
    due, state = time.time(), WAITING
    if not at_once:
        due += settings.webhooks_delay + random.uniform(0, settings.webhooks_shuffle)  # noqa: S311 - an order, not a secret
        state = HELD if settings.webhooks_hold else WAITING
    desk.store.run(
        "INSERT INTO delivery (event, endpoint, attempts, due, state, created) VALUES (?, ?, 0, ?, ?, ?)",
        (event_id, endpoint_id, due, state, int(time.time())),
    )


def shown(desk: Desk, event: Obj) -> Obj:
    """The event with its number of undelivered webhooks."""
    (count,) = desk.store.rows(
        "SELECT count(*) FROM delivery WHERE event = ? AND state IN (?, ?)", (event["id"], WAITING, HELD)
    )[0]
    return {**event, "pending_webhooks": count}


def _list(desk: Desk, params: Obj) -> Obj:
    filters: dict[str, object] = {}
    if "type" in params:
        filters["type"] = params["type"]
    if "types" in params:
        filters["type"] = params["types"]
    if params.get("type", "").endswith(".*"):
        prefix = params["type"][:-1]
        rows = desk.store.rows("SELECT DISTINCT json_extract(body, '$.type') FROM event")
        filters["type"] = [kind for (kind,) in rows if kind.startswith(prefix)]
    page = page_of(desk, "/v1/events", "event", params, filters)
    page["data"] = [shown(desk, event) for event in page["data"]]
    if "delivery_success" in params:
        page["data"] = [
            event for event in page["data"] if (event["pending_webhooks"] == 0) is params["delivery_success"]
        ]
    return page


ROUTES = [
    Route(
        "GET", "/v1/events", _list, "event",
        {**PAGE, "type": text(), "types": array(text()), "delivery_success": boolean}, lists=True,
    ),
    Route("GET", "/v1/events/{id}", lambda desk, _: shown(desk, desk.asked_for("event")), "event", EXPAND),
]  # fmt: skip
