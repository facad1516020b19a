"""Disputes. Sources: "Disputes" (docs.stripe.com/api/disputes), "How disputes work"
(docs.stripe.com/disputes/how-disputes-work), the evidence words of "Testing"
(docs.stripe.com/testing#evidence).
"""

from __future__ import annotations

from . import amounts, balance
from .desk import Desk, Route, pages
from .errors import StripeError
from .events import emit
from .params import EXPAND, boolean, clearable, hash_of, merged, metadata, text
from .shapes import Obj, new_id

REASONS = (
    "bank_cannot_process", "check_returned", "credit_not_processed", "customer_initiated", "debit_not_authorized",
    "duplicate", "fraudulent", "general", "incorrect_account_details", "insufficient_funds", "noncompliant",
    "product_not_received", "product_unacceptable", "subscription_canceled", "unrecognized",
)  # fmt: skip
EVIDENCE = (
    "access_activity_log", "billing_address", "cancellation_policy", "cancellation_policy_disclosure",
    "cancellation_rebuttal", "customer_communication", "customer_email_address", "customer_name",
    "customer_purchase_ip", "customer_signature", "duplicate_charge_documentation", "duplicate_charge_explanation",
    "duplicate_charge_id", "product_description", "receipt", "refund_policy", "refund_policy_disclosure",
    "refund_refusal_explanation", "service_date", "service_documentation", "shipping_address", "shipping_carrier",
    "shipping_date", "shipping_documentation", "shipping_tracking_number", "uncategorized_file", "uncategorized_text",
)  # fmt: skip
# Of those, the ones that hold a file (docs.stripe.com/api/disputes/evidence_object).
FILES = (
    "cancellation_policy", "customer_communication", "customer_signature", "duplicate_charge_documentation", "receipt",
    "refund_policy", "service_documentation", "shipping_documentation", "uncategorized_file",
)  # fmt: skip
_CLOSED = ("won", "lost", "warning_closed")


def open_dispute(
    desk: Desk, charge: Obj, *, reason: str = "fraudulent", amount: int | None = None, inquiry: bool = False
) -> Obj:
    """The cardholder disputes the charge: the money and a fee leave the balance; an inquiry takes neither."""
    disputed = charge["amount"] if amount is None else amount
    card = charge["payment_method_details"].get("card") or {}
    dispute: Obj = {
        "id": new_id("du"),
        "object": "dispute",
        "amount": disputed,
        "balance_transactions": [],
        "charge": charge["id"],
        "created": desk.now,
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {**dict.fromkeys(EVIDENCE), "enhanced_evidence": {}},
        "evidence_details": {
            "due_by": desk.now + 9 * 86_400,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
        },
        "is_charge_refundable": inquiry,
        "livemode": False,
        "metadata": {},
        "network_reason_code": "10.4" if reason == "fraudulent" else "13.1",
        "payment_intent": charge["payment_intent"],
        "payment_method_details": {
            "card": {
                "brand": card.get("brand", "visa"),
                "case_type": "inquiry" if inquiry else "chargeback",
                "network_reason_code": "10.4" if reason == "fraudulent" else "13.1",
            },
            "type": "card",
        },
        "reason": reason,
        "status": "warning_needs_response" if inquiry else "needs_response",
    }
    if not inquiry:
        dispute["balance_transactions"].append(_move(desk, dispute, -disputed, amounts.dispute_fee(charge["currency"])))
    desk.store.add("dispute", dispute)
    charge["disputed"] = True
    desk.store.save("charge", charge)
    emit(desk, "charge.dispute.created", dispute)
    if not inquiry:
        emit(desk, "charge.dispute.funds_withdrawn", dispute)
    return dispute


def _move(desk: Desk, dispute: Obj, amount: int, fee: int) -> Obj:
    return balance.record(
        desk, kind="adjustment", category="dispute" if amount < 0 else "dispute_reversal", amount=amount, fee=fee,
        currency=dispute["currency"], source=dispute["id"], fee_says="Dispute fee",
        description=f"Chargeback {'withdrawal' if amount < 0 else 'reversal'} for {dispute['charge']}",
    )  # fmt: skip


def decide(desk: Desk, dispute: Obj, status: str) -> Obj:
    """`won` brings the money back (the fee stays), `lost` and `warning_closed` end it as it is."""
    if dispute["status"] in _CLOSED:
        raise ValueError(f"the dispute is {dispute['status']} and moves no more")
    previous = {"status": dispute["status"]}
    dispute["status"] = status
    if status == "won" and dispute["balance_transactions"]:
        dispute["balance_transactions"].append(_move(desk, dispute, dispute["amount"], 0))
    desk.store.save("dispute", dispute)
    emit(desk, "charge.dispute.closed", dispute, previous)
    if status == "won" and len(dispute["balance_transactions"]) > 1:
        emit(desk, "charge.dispute.funds_reinstated", dispute)
    return dispute


def _update(desk: Desk, params: Obj) -> Obj:
    dispute = desk.asked_for("dispute")
    previous: Obj = {}
    if "metadata" in params:
        previous["metadata"] = dispute["metadata"]
        dispute["metadata"] = merged(dispute["metadata"], params["metadata"])
    evidence = params.get("evidence")
    if evidence is not None:
        if dispute["status"] in _CLOSED or dispute["status"].endswith("under_review"):
            raise StripeError("This dispute is already closed or under review; evidence can no longer be changed.")
        if dispute["evidence_details"]["past_due"] or desk.now > dispute["evidence_details"]["due_by"]:
            raise StripeError("The deadline for evidence has passed; evidence can no longer be submitted.")
        for name in FILES:
            if evidence.get(name) is not None and desk.store.find("file", evidence[name]) is None:
                raise StripeError(
                    f"No such file upload: '{evidence[name]}'", code="resource_missing", param=f"evidence[{name}]"
                )
        previous["evidence"] = {name: dispute["evidence"][name] for name in evidence}
        dispute["evidence"] = {**dispute["evidence"], **evidence}
        dispute["evidence_details"]["has_evidence"] = True
    submits = evidence is not None and params.get("submit", True)
    if submits:
        previous["status"] = dispute["status"]
        inquiry = dispute["status"].startswith("warning")
        dispute["status"] = "warning_under_review" if inquiry else "under_review"
        dispute["evidence_details"]["submission_count"] += 1
    desk.store.save("dispute", dispute)
    emit(desk, "charge.dispute.updated", dispute, previous)
    words = {"winning_evidence": "won", "losing_evidence": "lost"}
    outcome = words.get(dispute["evidence"]["uncategorized_text"] or "")
    if submits and outcome:
        inquiry = dispute["status"].startswith("warning")
        dispute = decide(desk, dispute, "warning_closed" if inquiry else outcome)
    return dispute


def pass_deadline(desk: Desk, dispute: Obj) -> Obj:
    """The deadline is over; the bank decides without us, later."""
    if dispute["status"] in _CLOSED:
        raise ValueError(f"the dispute is {dispute['status']} and has no deadline")
    previous = {"evidence_details": dict(dispute["evidence_details"])}
    dispute["evidence_details"] |= {"due_by": desk.now - 1, "past_due": True}
    desk.store.save("dispute", dispute)
    emit(desk, "charge.dispute.updated", dispute, previous)
    return dispute


def _close(desk: Desk, _params: Obj) -> Obj:
    dispute = desk.asked_for("dispute")
    if dispute["status"] in _CLOSED:
        raise StripeError("This dispute is already closed.")
    return decide(desk, dispute, "warning_closed" if dispute["status"].startswith("warning") else "lost")


ROUTES = [
    pages("/v1/disputes", "dispute", {"charge": text(), "payment_intent": text()}),
    Route("GET", "/v1/disputes/{id}", lambda desk, _: desk.asked_for("dispute"), "dispute", EXPAND),
    Route(
        "POST", "/v1/disputes/{id}", _update, "dispute",
        {
            **EXPAND,
            "evidence": hash_of({name: clearable(text(20_000)) for name in EVIDENCE}),
            "metadata": metadata,
            "submit": boolean,
        },
    ),
    Route("POST", "/v1/disputes/{id}/close", _close, "dispute", EXPAND),
]  # fmt: skip
