"""Charges: each try of an intent leaves one. Source: "Charges" (docs.stripe.com/api/charges)."""

from __future__ import annotations

from . import balance
from .cards import CARDS, Card, Decline
from .desk import Desk, Route, pages
from .events import emit
from .params import EXPAND, SHIPPING, clearable, email, merged, metadata, not_imitated, text
from .shapes import Obj, listing, new_id


def of_intent(desk: Desk, intent: Obj, method: Obj, *, status: str, captured: bool, decline: Decline | None) -> Obj:
    """A charge for one try. `status` is succeeded, pending or failed."""
    card = CARDS[method["_card"]] if method["_card"] else None
    charge_id = new_id("ch")
    charge: Obj = {
        "id": charge_id,
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": intent["amount"] if captured else 0,
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": None,
        "billing_details": method["billing_details"],
        "calculated_statement_descriptor": _descriptor(intent),
        "captured": captured,
        "created": desk.now,
        "currency": intent["currency"],
        "customer": intent["customer"],
        "description": intent["description"],
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": decline.code if decline else None,
        "failure_message": decline.message if decline else None,
        "fraud_details": {},
        "livemode": False,
        "metadata": dict(intent["metadata"]),
        "on_behalf_of": None,
        "outcome": _outcome(card, decline),
        "paid": status == "succeeded",
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": _details(desk, method, card, status, captured, intent["amount"]),
        "presentment_details": None,
        "radar_options": {},
        "receipt_email": intent["receipt_email"],
        "receipt_number": None,
        "receipt_url": f"{desk.base_url}/receipts/{charge_id}" if status == "succeeded" else None,
        "refunded": False,
        "review": None,
        "shipping": intent["shipping"],
        "source": None,
        "source_transfer": None,
        "statement_descriptor": intent["statement_descriptor"],
        "statement_descriptor_suffix": intent["statement_descriptor_suffix"],
        "status": status,
        "transfer_data": None,
        "transfer_group": None,
        "_card": method["_card"],
        "_bypass_pending": bool(card and card.bypass_pending),
    }
    return desk.store.add("charge", charge)


def _descriptor(intent: Obj) -> str:
    suffix = intent["statement_descriptor_suffix"]
    return f"BLESSED HORIZON* {suffix}"[:22] if suffix else "BLESSED HORIZON"


def _outcome(card: Card | None, decline: Decline | None) -> Obj:
    if decline is None:
        return {
            "advice_code": None, "network_advice_code": None, "network_decline_code": None,
            "network_status": "approved_by_network", "reason": None,
            "risk_level": card.risk if card else "not_assessed", "seller_message": "Payment complete.",
            "type": "authorized",
        }  # fmt: skip
    return {
        "advice_code": decline.advice,
        "network_advice_code": None,
        "network_decline_code": None if decline.blocked else "01",
        "network_status": "not_sent_to_network" if decline.blocked else "declined_by_network",
        "reason": "highest_risk_level" if decline.blocked else decline.decline_code,
        "risk_level": card.risk if card else "not_assessed",
        "seller_message": "Stripe blocked this payment as too risky."
        if decline.blocked
        else "The bank did not return any further details with this decline.",
        "type": "blocked" if decline.blocked else "issuer_declined",
    }


def _details(desk: Desk, method: Obj, card: Card | None, status: str, captured: bool, amount: int) -> Obj:
    if card is None:
        return {"type": "us_bank_account", "us_bank_account": dict(method["us_bank_account"])}
    known = method["card"]
    return {
        "type": "card",
        "card": {
            "amount_authorized": amount if status == "succeeded" else None,
            "authorization_code": "123456" if status == "succeeded" else None,
            "brand": known["brand"],
            "capture_before": None if captured or status != "succeeded" else desk.now + 7 * 86_400,
            "checks": known["checks"],
            "country": known["country"],
            "exp_month": known["exp_month"],
            "exp_year": known["exp_year"],
            "extended_authorization": {"status": "disabled"},
            "fingerprint": known["fingerprint"],
            "funding": known["funding"],
            "incremental_authorization": {"status": "unavailable"},
            "installments": None,
            "last4": known["last4"],
            "mandate": None,
            "multicapture": {"status": "unavailable"},
            "network": known["brand"],
            "network_token": {"used": False},
            "network_transaction_id": new_id("net", 12)[4:],
            "overcapture": {"maximum_amount_capturable": amount, "status": "unavailable"},
            "regulated_status": "unregulated",
            "three_d_secure": None,
            "wallet": None,
        },
    }


def book(desk: Desk, charge: Obj, *, told: bool) -> Obj:
    """Give the captured charge its balance transaction.

    `told`: say so with `charge.updated`, as asynchronous capture does.

    Source: "Asynchronous capture" (docs.stripe.com/payments/payment-intents/asynchronous-capture).
    """
    if charge["balance_transaction"] is not None or not charge["captured"]:
        return charge
    charge["balance_transaction"] = balance.of_charge(desk, charge)["id"]
    desk.store.save("charge", charge)
    if told:
        emit(desk, "charge.updated", charge, {"balance_transaction": None})
    return charge


def book_later(desk: Desk, charge_id: str) -> None:
    """The timer behind `balance_books_after`."""
    charge = desk.store.find("charge", charge_id)
    if charge is not None:
        book(desk, charge, told=True)


def _update(desk: Desk, params: Obj) -> Obj:
    charge = desk.asked_for("charge")
    previous: Obj = {}
    for name in ("description", "receipt_email", "shipping"):
        if name in params and params[name] != charge[name]:
            previous[name], charge[name] = charge[name], params[name]
    if "metadata" in params:
        previous["metadata"] = charge["metadata"]
        charge["metadata"] = merged(charge["metadata"], params["metadata"])
    desk.store.save("charge", charge)
    emit(desk, "charge.updated", charge, previous)
    return charge


def refunds_of(desk: Desk, charge: Obj) -> Obj:
    """The list behind `expand[]=refunds`."""
    found = desk.store.every("refund", charge=charge["id"])[::-1]
    return listing(f"/v1/charges/{charge['id']}/refunds", found[:10], has_more=len(found) > 10)


ROUTES = [
    pages("/v1/charges", "charge", {"payment_intent": text(), "customer": text()}),
    Route("GET", "/v1/charges/{id}", lambda desk, _: desk.asked_for("charge"), "charge", EXPAND),
    Route(
        "POST", "/v1/charges/{id}", _update, "charge",
        {
            **EXPAND, "description": clearable(text()), "metadata": metadata, "receipt_email": clearable(email),
            "shipping": SHIPPING, **not_imitated("customer", "fraud_details", "transfer_group"),
        },
    ),
]  # fmt: skip
