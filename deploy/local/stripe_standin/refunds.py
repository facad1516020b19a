"""Refunds. Sources: "Refunds" (docs.stripe.com/api/refunds), "Refund and cancel payments"
(docs.stripe.com/refunds), the refund cards of "Testing" (docs.stripe.com/testing#refunds).
"""

from __future__ import annotations

from . import amounts, balance
from .cards import CARDS
from .desk import Desk, Route, pages
from .errors import StripeError, missing_object
from .events import emit
from .params import EXPAND, exactly_one, integer, merged, metadata, not_imitated, one_of, text
from .shapes import Obj, new_id

_SETTLED = ("failed", "canceled")


def _charge_to_refund(desk: Desk, params: Obj) -> Obj:
    named = exactly_one(params, ("payment_intent", "charge"))
    if named == "charge":
        return desk.given("charge", params["charge"], "charge")
    intent = desk.given("payment_intent", params["payment_intent"], "payment_intent")
    charge = desk.store.find("charge", intent["latest_charge"] or "")
    if charge is None or charge["status"] != "succeeded":
        raise StripeError(
            f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund.", param="payment_intent"
        )
    return charge


def _create(desk: Desk, params: Obj) -> Obj:
    charge = _charge_to_refund(desk, params)
    if charge["status"] != "succeeded":
        raise StripeError(f"Charge {charge['id']} has not succeeded and cannot be refunded.", param="charge")
    if not charge["captured"]:
        raise StripeError(
            f"Charge {charge['id']} has not been captured. Cancel its PaymentIntent to release the funds.",
            param="charge", code="charge_not_refundable",
        )  # fmt: skip
    if any(not dispute["is_charge_refundable"] for dispute in desk.store.every("dispute", charge=charge["id"])):
        raise StripeError(
            f"Charge {charge['id']} has been charged back; cannot issue a refund.", code="charge_disputed"
        )
    currency, left = charge["currency"], charge["amount_captured"] - charge["amount_refunded"]
    if left == 0:
        raise StripeError(f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded")
    amount = params.get("amount", left)
    if amount > left:
        raise StripeError(
            f"Refund amount ({amounts.plainly(amount, currency)}) is greater than "
            + (
                f"charge amount ({amounts.plainly(left, currency)})"
                if charge["amount_refunded"] == 0
                else f"unrefunded amount on charge ({amounts.plainly(left, currency)})"
            ),
            param="amount",
        )
    return refund(desk, charge, amount, params.get("reason"), merged({}, params.get("metadata", {})))


def refund(desk: Desk, charge: Obj, amount: int, reason: str | None, told: dict[str, str]) -> Obj:
    """Give `amount` back; the card decides whether it succeeds at once, later, or fails in the end."""
    behaviour = CARDS[charge["_card"]].refund if charge["_card"] else None
    pending = behaviour == "pending"
    made: Obj = {
        "id": new_id("re"),
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": charge["id"],
        "created": desk.now,
        "currency": charge["currency"],
        "destination_details": _destination(pending),
        "metadata": told,
        "payment_intent": charge["payment_intent"],
        "reason": reason,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "pending" if pending else "succeeded",
        "transfer_reversal": None,
    }
    if pending:
        made["pending_reason"] = "processing"
    booked = balance.record(
        desk, kind="refund", category="refund", amount=-amount, currency=charge["currency"], source=made["id"],
        description="REFUND FOR CHARGE" + (f" ({charge['description']})" if charge["description"] else ""),
    )  # fmt: skip
    made["balance_transaction"] = booked["id"]
    desk.store.add("refund", made)
    before = {"amount_refunded": charge["amount_refunded"], "refunded": charge["refunded"]}
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount"]
    desk.store.save("charge", charge)
    emit(desk, "charge.refunded", charge, before)
    emit(desk, "refund.created", made)
    if behaviour and desk.settings.refund_settles_after is not None:
        desk.later(desk.settings.refund_settles_after, "settle_refund", made["id"])
    return made


def _destination(pending: bool) -> Obj:
    card: Obj = {"reference_status": "pending", "reference_type": "acquirer_reference_number", "type": "refund"}
    if not pending:
        card = {**card, "reference": new_id("r", 10)[2:].upper(), "reference_status": "available"}
    return {"card": card, "type": "card"}


def settle(desk: Desk, made: Obj, status: str, failure: str = "expired_or_canceled_card") -> Obj:
    """Move a refund on: `succeeded`, `failed` (the money comes back), `canceled`, `requires_action` or `pending`."""
    if made["status"] == status:
        return made
    if made["status"] in _SETTLED:
        raise ValueError(f"the refund is {made['status']} and moves no more")
    previous: Obj = {"status": made["status"]}
    made["status"] = status
    made.pop("pending_reason", None)
    if status == "pending":
        made["pending_reason"] = "processing"
    if status in _SETTLED:
        charge = desk.store.find("charge", made["charge"])
        if charge is None:
            raise missing_object("charge", made["charge"])
        charge["amount_refunded"] -= made["amount"]
        charge["refunded"] = False
        desk.store.save("charge", charge)
        back = balance.record(
            desk, kind="refund_failure", category="refund_failure", amount=made["amount"], currency=made["currency"],
            source=made["id"], description="REFUND FAILURE",
        )  # fmt: skip
        made["failure_balance_transaction"] = back["id"]
        if status == "failed":
            made["failure_reason"] = failure
    desk.store.save("refund", made)
    emit(desk, "refund.updated", made, previous)
    emit(desk, "charge.refund.updated", made, previous)
    if status == "failed":
        emit(desk, "refund.failed", made, previous)
    return made


def settle_later(desk: Desk, refund_id: str) -> None:
    """The timer behind the cards pm_card_pendingRefund and pm_card_refundFail."""
    made = desk.store.find("refund", refund_id)
    charge = desk.store.find("charge", made["charge"]) if made else None
    if made is None or charge is None or made["status"] in _SETTLED:
        return
    settle(desk, made, "failed" if CARDS[charge["_card"]].refund == "fails" else "succeeded")


def _update(desk: Desk, params: Obj) -> Obj:
    made = desk.asked_for("refund")
    if "metadata" in params:
        previous = {"metadata": made["metadata"]}
        made["metadata"] = merged(made["metadata"], params["metadata"])
        desk.store.save("refund", made)
        emit(desk, "refund.updated", made, previous)
        emit(desk, "charge.refund.updated", made, previous)
    return made


def _cancel(desk: Desk, _params: Obj) -> Obj:
    made = desk.asked_for("refund")
    if made["status"] != "requires_action":
        raise StripeError(
            f"You can only cancel refunds with a status of requires_action; this refund has a status of "
            f"{made['status']}."
        )
    return settle(desk, made, "canceled")


_METADATA = {**EXPAND, "metadata": metadata}
ROUTES = [
    Route(
        "POST", "/v1/refunds", _create, "refund",
        {
            **_METADATA,
            "amount": integer(1),
            "charge": text(),
            "payment_intent": text(),
            "reason": one_of("duplicate", "fraudulent", "requested_by_customer"),
            **not_imitated(
                "currency", "customer", "instructions_email", "origin", "refund_application_fee", "reverse_transfer"
            ),
        },
    ),
    pages("/v1/refunds", "refund", {"charge": text(), "payment_intent": text()}),
    Route("GET", "/v1/refunds/{id}", lambda desk, _: desk.asked_for("refund"), "refund", EXPAND),
    Route("POST", "/v1/refunds/{id}", _update, "refund", _METADATA),
    Route("POST", "/v1/refunds/{id}/cancel", _cancel, "refund", EXPAND),
]  # fmt: skip
