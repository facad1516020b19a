"""Money on the account: balance transactions, the balance, payouts.

Sources: "Balance transactions" (docs.stripe.com/api/balance_transactions), "Reporting categories"
(docs.stripe.com/reports/reporting-categories), "Balance" (docs.stripe.com/api/balance), "Payouts"
(docs.stripe.com/api/payouts). Charges settle in the currency they were made in
(docs.stripe.com/currencies#multi-currency).
"""

from __future__ import annotations

import time

from . import amounts
from .desk import Desk, Route, page_of
from .events import emit
from .params import EXPAND, PAGE, text
from .shapes import Obj, new_id

_DAY = 86_400


def record(
    desk: Desk,
    *,
    kind: str,
    category: str,
    amount: int,
    currency: str,
    source: str,
    fee: int = 0,
    fee_says: str = "Stripe processing fees",
    description: str | None = None,
    at_once: bool = False,
) -> Obj:
    """One balance transaction. `amount` and `fee` in minor units; net = amount - fee."""
    available = desk.now if at_once else (desk.now // _DAY + 2) * _DAY
    details = [
        {"amount": fee, "application": None, "currency": currency, "description": fee_says, "type": "stripe_fee"}
    ]
    return desk.store.add(
        "balance_transaction",
        {
            "id": new_id("txn"),
            "object": "balance_transaction",
            "amount": amount,
            "available_on": available,
            "balance_type": "payments",
            "created": desk.now,
            "currency": currency,
            "description": description,
            "exchange_rate": None,
            "fee": fee,
            "fee_details": details if fee else [],
            "net": amount - fee,
            "reporting_category": category,
            "source": source,
            "status": "available" if at_once else "pending",
            "type": kind,
        },
    )


def of_charge(desk: Desk, charge: Obj) -> Obj:
    """The balance transaction of a captured charge, less Stripe's fee."""
    amount, currency = charge["amount_captured"], charge["currency"]
    return record(
        desk, kind="charge", category="charge", amount=amount, currency=currency, source=charge["id"],
        fee=amounts.fee(amount, currency), description=charge["description"],
        at_once=bool(charge.get("_bypass_pending")),
    )  # fmt: skip


def matured(transaction: Obj) -> Obj:
    """The transaction with the status it has by now."""
    status = "available" if transaction["available_on"] <= time.time() else "pending"
    return {**transaction, "status": status}


def _balance(desk: Desk, _params: Obj) -> Obj:
    sums: dict[str, dict[str, int]] = {"available": {}, "pending": {}}
    for transaction in desk.store.every("balance_transaction"):
        status, currency = matured(transaction)["status"], transaction["currency"]
        sums[status][currency] = sums[status].get(currency, 0) + transaction["net"]
        sums["pending" if status == "available" else "available"].setdefault(currency, 0)
    if not sums["available"]:
        sums = {"available": {"usd": 0}, "pending": {"usd": 0}}

    def rows(part: dict[str, int]) -> list[Obj]:
        return [
            {"amount": amount, "currency": currency, "source_types": {"card": amount}}
            for currency, amount in sorted(part.items())
        ]

    return {
        "object": "balance",
        "available": rows(sums["available"]),
        "livemode": False,
        "pending": rows(sums["pending"]),
        "refund_and_dispute_prefunding": {"available": [], "pending": []},
    }


def _transactions(desk: Desk, params: Obj) -> Obj:
    filters: Obj = {name: params[name] for name in ("source", "type", "currency") if name in params}
    if "payout" in params:
        desk.given("payout", params["payout"], "payout")
        filters["_payout"] = params["payout"]
    page = page_of(desk, "/v1/balance_transactions", "balance_transaction", params, filters)
    page["data"] = [matured(transaction) for transaction in page["data"]]
    return page


def pay_out(desk: Desk, currency: str) -> Obj:
    """Pay out all that is not yet paid out in a currency, as the automatic daily payout does; pending money too."""
    open_ones = [
        transaction
        for transaction in desk.store.every("balance_transaction", currency=currency)
        if "_payout" not in transaction
    ]
    total = sum(transaction["net"] for transaction in open_ones)
    if total <= 0:
        raise ValueError(f"there is nothing to pay out in {currency}: {total}")
    payout_id = new_id("po")
    booked = record(
        desk, kind="payout", category="payout", amount=-total, currency=currency, source=payout_id,
        description="STRIPE PAYOUT", at_once=True,
    )  # fmt: skip
    payout: Obj = {
        "id": payout_id,
        "object": "payout",
        "amount": total,
        "application_fee": None,
        "application_fee_amount": None,
        "arrival_date": desk.now,
        "automatic": True,
        "balance_transaction": booked["id"],
        "created": desk.now,
        "currency": currency,
        "description": "STRIPE PAYOUT",
        "destination": None,
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "livemode": False,
        "metadata": {},
        "method": "standard",
        "original_payout": None,
        "payout_method": None,
        "reconciliation_status": "completed",
        "reversed_by": None,
        "source_type": "card",
        "statement_descriptor": None,
        "status": "paid",
        "trace_id": None,
        "type": "bank_account",
    }
    desk.store.add("payout", payout)
    for transaction in [*open_ones, booked]:
        desk.store.save("balance_transaction", {**transaction, "_payout": payout_id})
    for kind in ("payout.created", "payout.paid", "payout.reconciliation_completed"):
        emit(desk, kind, payout)
    return payout


ROUTES = [
    Route("GET", "/v1/balance", _balance, "balance", EXPAND),
    Route(
        "GET", "/v1/balance_transactions", _transactions, "balance_transaction",
        {**PAGE, "source": text(), "type": text(), "currency": text(), "payout": text()}, lists=True,
    ),
    Route(
        "GET", "/v1/balance_transactions/{id}",
        lambda desk, _: matured(desk.asked_for("balance_transaction")), "balance_transaction", EXPAND,
    ),
    Route("GET", "/v1/payouts/{id}", lambda desk, _: desk.asked_for("payout"), "payout", EXPAND),
    Route(
        "GET", "/v1/payouts",
        lambda desk, params: page_of(
            desk, "/v1/payouts", "payout", params, {"status": params["status"]} if "status" in params else {}
        ),
        "payout", {**PAGE, "status": text()}, lists=True,
    ),
]  # fmt: skip
