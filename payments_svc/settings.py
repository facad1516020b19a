"""Settings of the payments service. Everything that depends on where it runs comes from the environment."""

from __future__ import annotations

from bh_sdk.server.ops import env
from bh_sdk.server.ops.settings import service_settings

globals().update(
    service_settings(
        "payments",
        apps=[
            "payments_svc.gateway.apps.Gateway",
            "payments_svc.pricing.apps.Pricing",
            "payments_svc.donations.apps.Donations",
            "payments_svc.ledger.apps.Ledger",
            "payments_svc.recurring.apps.Recurring",
            "payments_svc.refunds.apps.Refunds",
            "payments_svc.disputes.apps.Disputes",
            "payments_svc.payouts.apps.Payouts",
            "payments_svc.reconciliation.apps.Reconciliation",
            "payments_svc.receipts.apps.Receipts",
            "payments_svc.risk.apps.Risk",
            "payments_svc.insights.apps.Insights",
            "djstripe",
        ],
        beat={
            task: {"task": task, "schedule": seconds}
            for task, seconds in {
                "payments.gateway.work_events": 1.0,
                "payments.gateway.mirror_events": 5.0,
                "payments.donations.look_again": 2.0,
                "payments.donations.hand_off": 1.0,
                "payments.disputes.answer_banks": 5.0,
                "payments.refunds.sweep": 2.0,
                "payments.refunds.work_batches": 2.0,
                "payments.recurring.work": 5.0,
                "payments.payouts.send_due": 5.0,
                "payments.reconciliation.daily": 60.0,
                "payments.reconciliation.carry_on": 30.0,
                "payments.reconciliation.check": 600.0,
                "payments.receipts.work_annual_run": 3.0,
                "payments.receipts.start_annual_run": 3600.0,
            }.items()
        },
        # Its read models listen to its own facts, by the same road as everybody else; trust's holds stop payouts.
        BH_EVENT_SOURCES={"payments": {"url": env.url("BH_SERVICE_URL")}, "trust": {"url": env.url("BH_TRUST_URL")}},
    )
)

BH_TRUST_URL = env.url("BH_TRUST_URL")
BH_NOTIFY_URL = env.url("BH_NOTIFY_URL")
BH_SIGNING_KEY_FILE = env.text("BH_SIGNING_KEY_FILE")
# Signs the links in mails (thank-you, receipt) and the one behind a receipt's QR code; notify holds the same key.
BH_LINK_KEY = env.secret("BH_LINK_KEY").encode()

# Above which a second person approves a refund: `CODE=amount` by commas; `default` is for every other currency, as it is
# written, in the currency's own decimals. The database has the same figures and allows no higher ones; lower ones are taken.
BH_REFUND_ALONE_UP_TO = dict(
    entry.split("=", 1) for entry in env.words("BH_REFUND_ALONE_UP_TO", "default=500.00,JPY=75000,KRW=700000")
)

# The most of one gift, and of one person's gifts in a day, per currency: `GBP=10000.00,USD=12000.00`. Nothing: no bound.
RISK_GIFT_MOST = dict(part.split("=", 1) for part in env.words("BH_GIFT_MOST"))
RISK_DAY_MOST = dict(part.split("=", 1) for part in env.words("BH_GIFTS_A_DAY_MOST"))

STRIPE_SECRET_KEY = env.secret("STRIPE_SECRET_KEY")
STRIPE_API_BASE = env.text("STRIPE_API_BASE", "https://api.stripe.com")
# Stripe takes files at an address of their own, unless somebody else answers for it.
STRIPE_FILES_BASE = STRIPE_API_BASE if STRIPE_API_BASE != "https://api.stripe.com" else "https://files.stripe.com"
# Two during a rotation, parted by a comma.
STRIPE_WEBHOOK_SECRETS = [part for part in env.secret("STRIPE_WEBHOOK_SECRET").split(",") if part]
STRIPE_LIVE_MODE = env.flag("STRIPE_LIVE_MODE", False)
# Our own account's id: an event that names another belongs to a connected one.
STRIPE_ACCOUNT_ID = env.text("STRIPE_ACCOUNT_ID", "") or None

# dj-stripe mirrors Stripe's objects; it reads these names.
STRIPE_API_HOST = STRIPE_API_BASE
STRIPE_LIVE_SECRET_KEY = STRIPE_SECRET_KEY if STRIPE_LIVE_MODE else ""
STRIPE_TEST_SECRET_KEY = "" if STRIPE_LIVE_MODE else STRIPE_SECRET_KEY
DJSTRIPE_FOREIGN_KEY_TO_FIELD = "id"
# It warns of every STRIPE_API_HOST, Stripe's own included.
SILENCED_SYSTEM_CHECKS = ["djstripe.W002"]

# Who issues receipts, as it is printed on them. A kind whose particulars are missing here is not issued.
BH_CHARITY = {
    name: env.text(f"BH_CHARITY_{name.upper()}", "")
    for name in (
        "name",
        # Lines parted by a semicolon.
        "address",
        "email",
        # US: the Employer Identification Number.
        "ein",
        # Canada: the registration number, the place of issue, and who signs.
        "ca_registration",
        "ca_place",
        "signatory",
        # UK: the charity's number, and HMRC's reference for Gift Aid.
        "uk_charity_number",
        "hmrc_reference",
    )
}
# The day of each year (MM-DD) on which the receipts of the year before are made by themselves. Empty: finance starts them.
BH_ANNUAL_RECEIPTS_ON = env.text("BH_ANNUAL_RECEIPTS_ON", "")

# Payouts to organisers. Amounts are decimal strings in major units by currency; `*` is every other currency.
PAYOUT_FIRST_AFTER_DAYS = env.number("PAYOUT_FIRST_AFTER_DAYS", 7)
PAYOUT_EVERY_HOURS = env.number("PAYOUT_EVERY_HOURS", 24)
PAYOUT_MINIMUM = {"*": "25", "JPY": "4000", "KRW": "40000", "HUF": "10000", "CZK": "600"}
PAYOUT_SECOND_PERSON_ABOVE = {"*": "500", "JPY": "80000", "KRW": "800000", "HUF": "200000", "CZK": "12000"}
