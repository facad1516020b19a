"""Where events go. Source: "Webhook endpoints" (docs.stripe.com/api/webhook_endpoints)."""

from __future__ import annotations

from .desk import Desk, Route, pages
from .errors import StripeError
from .params import EXPAND, array, boolean, clearable, merged, metadata, need, not_imitated, text, url
from .shapes import API_VERSION, Obj, new_id

_FIELDS = {
    **EXPAND,
    "description": clearable(text()),
    "enabled_events": array(text()),
    "metadata": metadata,
    "url": url,
}


def register(
    desk: Desk,
    address: str,
    enabled_events: list[str],
    *,
    secret: str | None = None,
    description: str | None = None,
    told: dict[str, str] | None = None,
) -> Obj:
    """Add an endpoint. Its secret is shown only in the answer to its creation."""
    if len(desk.store.every("webhook_endpoint")) >= 16:
        raise StripeError("You have reached the maximum of 16 test webhook endpoints.")
    return desk.store.add(
        "webhook_endpoint",
        {
            "id": new_id("we"),
            "object": "webhook_endpoint",
            "api_version": API_VERSION,
            "application": None,
            "created": desk.now,
            "description": description,
            "enabled_events": enabled_events,
            "livemode": False,
            "metadata": told or {},
            "status": "enabled",
            "url": address,
            "_secret": secret or new_id("whsec", 32),
        },
    )


def _create(desk: Desk, params: Obj) -> Obj:
    if params.get("api_version", API_VERSION) != API_VERSION:
        raise StripeError(f"The stand-in sends events of version {API_VERSION} only.", param="api_version")
    made = register(
        desk, params["url"], params["enabled_events"], description=params.get("description"),
        told=merged({}, params.get("metadata", {})),
    )  # fmt: skip
    return {**made, "secret": made["_secret"]}


def _update(desk: Desk, params: Obj) -> Obj:
    endpoint = desk.asked_for("webhook_endpoint")
    for name in ("description", "enabled_events", "url"):
        if name in params:
            endpoint[name] = params[name]
    if "disabled" in params:
        endpoint["status"] = "disabled" if params["disabled"] else "enabled"
    if "metadata" in params:
        endpoint["metadata"] = merged(endpoint["metadata"], params["metadata"])
    return desk.store.save("webhook_endpoint", endpoint)


def remove(desk: Desk, endpoint_id: str) -> None:
    """Delete an endpoint and what it still waits for."""
    desk.store.run("DELETE FROM delivery WHERE endpoint = ?", (endpoint_id,))
    desk.store.drop("webhook_endpoint", endpoint_id)


def _delete(desk: Desk, _params: Obj) -> Obj:
    endpoint = desk.asked_for("webhook_endpoint")
    remove(desk, endpoint["id"])
    return {"id": endpoint["id"], "object": "webhook_endpoint", "deleted": True}


ROUTES = [
    Route(
        "POST", "/v1/webhook_endpoints", _create, "webhook_endpoint",
        {
            **_FIELDS, "url": need(url), "enabled_events": need(array(text())), "api_version": text(),
            **not_imitated("connect"),
        },
    ),
    pages("/v1/webhook_endpoints", "webhook_endpoint"),
    Route(
        "GET", "/v1/webhook_endpoints/{id}", lambda desk, _: desk.asked_for("webhook_endpoint"),
        "webhook_endpoint", EXPAND,
    ),
    Route("POST", "/v1/webhook_endpoints/{id}", _update, "webhook_endpoint", {**_FIELDS, "disabled": boolean}),
    Route("DELETE", "/v1/webhook_endpoints/{id}", _delete, "webhook_endpoint"),
]  # fmt: skip
