"""The one account. Source: "Accounts" (docs.stripe.com/api/accounts)."""

from __future__ import annotations

from .desk import Desk, Route
from .errors import StripeError
from .params import EXPAND
from .shapes import ACCOUNT_ID, Obj, listing


def _account(desk: Desk, _params: Obj) -> Obj:
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


ROUTES = [
    Route("GET", "/v1/account", _account, "account", EXPAND),
    Route("GET", "/v1/accounts/{id}", _account, "account", EXPAND),
]
