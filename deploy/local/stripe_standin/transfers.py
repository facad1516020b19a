"""Transfers to connected accounts, and their reversals. Sources: "Transfers" (docs.stripe.com/api/transfers), "Transfer
reversals" (docs.stripe.com/api/transfer_reversals), "Separate charges and transfers"
(docs.stripe.com/connect/separate-charges-and-transfers: only available money can be transferred).
"""

from __future__ import annotations

from . import amounts, balance
from .desk import Desk, Route, page_of
from .errors import StripeError
from .events import emit
from .params import EXPAND, PAGE, integer, merged, metadata, need, not_imitated, text
from .shapes import Obj, listing, new_id


def available(desk: Desk, currency: str) -> int:
    """What of the balance can be transferred now, in minor units: pending money cannot."""
    booked = (balance.matured(one) for one in desk.store.every("balance_transaction", currency=currency))
    return sum(one["net"] for one in booked if one["status"] == "available")


def _create(desk: Desk, params: Obj) -> Obj:
    currency = amounts.known(params["currency"])
    account = desk.store.find("account", params["destination"])
    if account is None:
        raise StripeError(
            f"No such destination: '{params['destination']}'", code="resource_missing", param="destination"
        )
    if account["capabilities"].get("transfers") != "active":
        raise StripeError(
            "Your destination account needs to have at least one of the following capabilities enabled: transfers, "
            "crypto_transfers, legacy_payments", code="insufficient_capabilities_for_transfer",
        )  # fmt: skip
    if params["amount"] > available(desk, currency):
        raise StripeError(
            "You have insufficient available funds in your Stripe account. Try adding funds directly to your available "
            "balance by creating Charges using the 4000000000000077 test card. See: "
            "https://stripe.com/docs/testing#available-balance", code="balance_insufficient",
        )  # fmt: skip
    made: Obj = {
        "id": new_id("tr"),
        "object": "transfer",
        "amount": params["amount"],
        "amount_reversed": 0,
        "balance_transaction": None,
        "created": desk.now,
        "currency": currency,
        "description": params.get("description"),
        "destination": account["id"],
        "destination_payment": new_id("py"),
        "livemode": False,
        "metadata": merged({}, params.get("metadata", {})),
        "reversed": False,
        "source_transaction": None,
        "source_type": "card",
        "transfer_group": params.get("transfer_group"),
    }
    booked = balance.record(
        desk, kind="transfer", category="transfer", amount=-made["amount"], currency=currency, source=made["id"],
        description=made["description"], at_once=True,
    )  # fmt: skip
    made["balance_transaction"] = booked["id"]
    desk.store.add("transfer", made)
    emit(desk, "transfer.created", shown(desk, made))
    return shown(desk, made)


def shown(desk: Desk, made: Obj) -> Obj:
    """The transfer with its newest reversals in place, as Stripe includes them."""
    found = desk.store.every("transfer_reversal", transfer=made["id"])
    return {**made, "reversals": listing(f"/v1/transfers/{made['id']}/reversals", found[::-1][:10])}


def reverse(desk: Desk, made: Obj, params: Obj) -> Obj:
    """Take money back from the connected account, in part or all that is left."""
    left = made["amount"] - made["amount_reversed"]
    if left == 0:
        raise StripeError(f"Transfer {made['id']} is already fully reversed.")
    amount = params.get("amount", left)
    if amount > left:
        raise StripeError(
            f"Transfer reversal amount ({amounts.plainly(amount, made['currency'])}) is greater than unreversed amount "
            f"on transfer ({amounts.plainly(left, made['currency'])})", param="amount",
        )  # fmt: skip
    back: Obj = {
        "id": new_id("trr"),
        "object": "transfer_reversal",
        "amount": amount,
        "balance_transaction": None,
        "created": desk.now,
        "currency": made["currency"],
        "destination_payment_refund": new_id("pyr"),
        "metadata": merged({}, params.get("metadata", {})),
        "source_refund": None,
        "transfer": made["id"],
    }
    booked = balance.record(
        desk, kind="transfer_refund", category="transfer_reversal", amount=amount, currency=made["currency"],
        source=back["id"], description=params.get("description"), at_once=True,
    )  # fmt: skip
    back["balance_transaction"] = booked["id"]
    desk.store.add("transfer_reversal", back)
    before = {"amount_reversed": made["amount_reversed"], "reversed": made["reversed"]}
    made["amount_reversed"] += amount
    made["reversed"] = made["amount_reversed"] == made["amount"]
    desk.store.save("transfer", made)
    emit(desk, "transfer.reversed", shown(desk, made), before)
    return back


def _update(desk: Desk, params: Obj) -> Obj:
    made = desk.asked_for("transfer")
    previous: Obj = {name: made[name] for name in ("metadata", "description") if name in params}
    if "metadata" in params:
        made["metadata"] = merged(made["metadata"], params["metadata"])
    if "description" in params:
        made["description"] = params["description"]
    if previous:
        desk.store.save("transfer", made)
        emit(desk, "transfer.updated", shown(desk, made), previous)
    return shown(desk, made)


def _list(desk: Desk, params: Obj) -> Obj:
    wanted: Obj = {name: params[name] for name in ("destination", "transfer_group") if name in params}
    page = page_of(desk, "/v1/transfers", "transfer", params, wanted)
    page["data"] = [shown(desk, one) for one in page["data"]]
    return page


def _reversals(desk: Desk, params: Obj) -> Obj:
    made = desk.asked_for("transfer")
    path = f"/v1/transfers/{made['id']}/reversals"
    return page_of(desk, path, "transfer_reversal", params, {"transfer": made["id"]})


_TOLD = {**EXPAND, "metadata": metadata, "description": text()}
ROUTES = [
    Route(
        "POST", "/v1/transfers", _create, "transfer",
        {
            **_TOLD,
            "amount": need(integer(1)),
            "currency": need(text()),
            "destination": need(text()),
            "transfer_group": text(),
            **not_imitated("source_transaction", "source_type"),
        },
    ),
    Route(
        "GET", "/v1/transfers", _list, "transfer", {**PAGE, "destination": text(), "transfer_group": text()}, lists=True
    ),
    Route("GET", "/v1/transfers/{id}", lambda desk, _: shown(desk, desk.asked_for("transfer")), "transfer", EXPAND),
    Route("POST", "/v1/transfers/{id}", _update, "transfer", _TOLD),
    Route(
        "POST", "/v1/transfers/{id}/reversals",
        lambda desk, params: reverse(desk, desk.asked_for("transfer"), params), "transfer_reversal",
        {**_TOLD, "amount": integer(1), **not_imitated("refund_application_fee")},
    ),
    Route("GET", "/v1/transfers/{id}/reversals", _reversals, "transfer_reversal", PAGE, lists=True),
]  # fmt: skip
