"""The platform's account and the accounts connected to it. Sources: "Accounts" (docs.stripe.com/api/accounts), "Account
capabilities" (docs.stripe.com/connect/account-capabilities).
"""

from __future__ import annotations

from .desk import Desk, Route, pages
from .errors import StripeError
from .events import emit
from .params import EXPAND, boolean, email, hash_of, merged, metadata, not_imitated, one_of, text
from .shapes import ACCOUNT_ID, Obj, listing, new_id

# What a capability may be; Stripe decides on it after it has seen who they are.
CAPABILITY = ("active", "inactive", "pending")


def _create(desk: Desk, params: Obj) -> Obj:
    asked = params.get("capabilities", {})
    made: Obj = {
        "id": new_id("acct", 16),
        "object": "account",
        "business_profile": {"mcc": None, "name": None, "url": None},
        "business_type": None,
        # Verified at once, as with the test data that Stripe documents; the control door says otherwise.
        "capabilities": {name: "active" for name, one in asked.items() if one.get("requested")},
        "charges_enabled": False,
        "controller": {"type": "application"},
        "country": params.get("country", "US"),
        "created": desk.now,
        "default_currency": "usd",
        "details_submitted": True,
        "email": params.get("email"),
        "livemode": False,
        "metadata": merged({}, params.get("metadata", {})),
        "payouts_enabled": True,
        "requirements": {"currently_due": [], "disabled_reason": None},
        "type": params.get("type", "none"),
    }
    made["external_accounts"] = listing(f"/v1/accounts/{made['id']}/external_accounts", [])
    desk.store.add("account", made)
    emit(desk, "account.updated", made)
    return made


def change(desk: Desk, account: Obj, transfers: str) -> Obj:
    """Stripe decides on the capability to receive transfers."""
    before = {"capabilities": dict(account["capabilities"])}
    account["capabilities"]["transfers"] = transfers
    desk.store.save("account", account)
    emit(desk, "account.updated", account, before)
    return account


def _account(desk: Desk, _params: Obj) -> Obj:
    connected = desk.store.find("account", desk.path_id)
    if connected is not None:
        return connected
    if desk.path_id not in ("", ACCOUNT_ID):
        raise StripeError(
            f"The provided key does not have access to account '{desk.path_id}' (or that account does not exist). "
            "Application access may have been revoked.", status=403, code="account_invalid",
        )  # fmt: skip
    return {
        "id": ACCOUNT_ID,
        "object": "account",
        "business_profile": {
            "mcc": "8661", "name": "Blessed Horizon", "product_description": None, "support_address": None,
            "support_email": None, "support_phone": None, "support_url": None, "url": None,
        },
        "business_type": "non_profit",
        "capabilities": {"card_payments": "active", "transfers": "active", "us_bank_account_ach_payments": "active"},
        "charges_enabled": True,
        "controller": {"type": "account"},
        "country": "US",
        "created": 1_700_000_000,
        "default_currency": "usd",
        "details_submitted": True,
        "email": "owner@demo.test",
        "external_accounts": listing(f"/v1/accounts/{ACCOUNT_ID}/external_accounts", []),
        "future_requirements": {},
        "livemode": False,
        "metadata": {},
        "payouts_enabled": True,
        "requirements": {},
        "settings": {
            "branding": {"icon": None, "logo": None, "primary_color": None, "secondary_color": None},
            "card_payments": {"statement_descriptor_prefix": "BLESSED HORIZON"},
            "dashboard": {"display_name": "Blessed Horizon", "timezone": "Etc/UTC"},
            "payments": {"statement_descriptor": "BLESSED HORIZON"},
            "payouts": {"debit_negative_balances": True, "schedule": {"delay_days": 2, "interval": "daily"}},
        },
        "tos_acceptance": {},
        "type": "standard",
    }  # fmt: skip


_CAPABILITY = hash_of({"requested": boolean})
ROUTES = [
    Route("GET", "/v1/account", _account, "account", EXPAND),
    Route(
        "POST", "/v1/accounts", _create, "account",
        {
            **EXPAND,
            "type": one_of("custom", "express", "standard"),
            "country": text(2),
            "email": email,
            "metadata": metadata,
            "capabilities": hash_of({"transfers": _CAPABILITY, "card_payments": _CAPABILITY}),
            **not_imitated("business_profile", "business_type", "company", "controller", "individual", "settings"),
        },
    ),
    pages("/v1/accounts", "account"),
    Route("GET", "/v1/accounts/{id}", _account, "account", EXPAND),
]  # fmt: skip
