"""Customers. Source: "Customers" (docs.stripe.com/api/customers)."""

from __future__ import annotations

from . import payment_methods
from .desk import Desk, Route, pages
from .events import emit
from .params import ADDRESS, EXPAND, SHIPPING, array, clearable, email, hash_of, merged, metadata, not_imitated, text
from .shapes import Obj, new_id

_FIELDS = {
    **EXPAND,
    "address": clearable(ADDRESS),
    "description": clearable(text()),
    "email": clearable(email),
    "metadata": metadata,
    "name": clearable(text(256)),
    "phone": clearable(text(20)),
    "preferred_locales": array(text()),
    "shipping": clearable(SHIPPING),
    "invoice_settings": hash_of({"default_payment_method": clearable(text())}),
    **not_imitated(
        "balance", "business_name", "cash_balance", "individual_name", "invoice_prefix", "next_invoice_sequence",
        "source", "tax", "tax_exempt", "tax_id_data", "test_clock", "validate",
    ),
}  # fmt: skip


def _create(desk: Desk, params: Obj) -> Obj:
    customer: Obj = {
        "id": new_id("cus", 14),
        "object": "customer",
        "address": params.get("address"),
        "balance": 0,
        "created": desk.now,
        "currency": None,
        "customer_account": None,
        "default_source": None,
        "delinquent": False,
        "description": params.get("description"),
        "discount": None,
        "email": params.get("email"),
        "invoice_prefix": new_id("x", 8)[2:].upper(),
        "invoice_settings": {
            "custom_fields": None, "default_payment_method": None, "footer": None, "rendering_options": None,
        },
        "livemode": False,
        "metadata": merged({}, params.get("metadata", {})),
        "name": params.get("name"),
        "next_invoice_sequence": 1,
        "phone": params.get("phone"),
        "preferred_locales": params.get("preferred_locales", []),
        "shipping": params.get("shipping"),
        "tax_exempt": "none",
        "test_clock": None,
    }  # fmt: skip
    desk.store.add("customer", customer)
    emit(desk, "customer.created", customer)
    if params.get("payment_method"):
        method = payment_methods.find(desk, params["payment_method"])
        payment_methods.attach(desk, method, customer)
    return _with_default(desk, customer, params)


def _with_default(desk: Desk, customer: Obj, params: Obj) -> Obj:
    settings = params.get("invoice_settings") or {}
    if "default_payment_method" in settings:
        chosen = settings["default_payment_method"]
        if chosen is not None:
            chosen = desk.given("payment_method", chosen, "invoice_settings[default_payment_method]")["id"]
        customer["invoice_settings"]["default_payment_method"] = chosen
        desk.store.save("customer", customer)
    return customer


def _update(desk: Desk, params: Obj) -> Obj:
    customer = desk.asked_for("customer")
    previous: Obj = {}
    for name in ("address", "description", "email", "name", "phone", "preferred_locales", "shipping"):
        if name in params and params[name] != customer[name]:
            previous[name], customer[name] = customer[name], params[name]
    if "metadata" in params:
        previous["metadata"] = customer["metadata"]
        customer["metadata"] = merged(customer["metadata"], params["metadata"])
    desk.store.save("customer", customer)
    customer = _with_default(desk, customer, params)
    emit(desk, "customer.updated", customer, previous)
    return customer


def _retrieve(desk: Desk, _params: Obj) -> Obj:
    return desk.store.find("deleted_customer", desk.path_id) or desk.asked_for("customer")


def _delete(desk: Desk, _params: Obj) -> Obj:
    customer = desk.asked_for("customer")
    for method in desk.store.every("payment_method", customer=customer["id"]):
        desk.store.save("payment_method", {**method, "customer": None, "_used": True})
    desk.store.drop("customer", customer["id"])
    emit(desk, "customer.deleted", customer)
    return desk.store.add("deleted_customer", {"id": customer["id"], "object": "customer", "deleted": True})


ROUTES = [
    Route("POST", "/v1/customers", _create, "customer", {**_FIELDS, "payment_method": text()}),
    pages("/v1/customers", "customer", {"email": email}),
    Route("GET", "/v1/customers/{id}", _retrieve, "customer", EXPAND),
    Route("POST", "/v1/customers/{id}", _update, "customer", _FIELDS),
    Route("DELETE", "/v1/customers/{id}", _delete, "customer"),
]
