"""Who may do what in payments: (role, noun, verb). The table in the database is the truth; this seeds it."""

from __future__ import annotations

_STAFF = ("support", "finance", "auditor")

Policy = tuple[str, str, str]

CANCELING: list[Policy] = [("guest", "payment", "cancel")]

_GIVING: list[Policy] = [
    ("guest", "payment", "create"),
    ("guest", "payment", "confirm"),
    *CANCELING,
    ("guest", "payment", "read"),
    ("guest", "totals", "read"),
    ("donor", "history", "read"),
    *((role, "payment", verb) for role in _STAFF for verb in ("read", "read_any", "view")),
    *((role, "history", "read") for role in _STAFF),
    *((role, noun, "view") for role in _STAFF for noun in ("campaign", "refund", "dispute", "journal", "webhook")),
    *((role, "guest", "view") for role in ("support", "finance")),
    *((role, "totals", "read") for role in (*_STAFF, "analyst", "editor", "recipient")),
    ("finance", "webhook", "replay"),
    ("admin", "webhook", "replay"),
    ("service:monolith", "campaign", "describe"),
    ("service:monolith", "payment", "read"),
    ("service:monolith", "payment", "read_any"),
    ("service:monolith", "history", "read"),
    *((f"service:{name}", "totals", "read") for name in ("monolith", "payments", "trust", "notify")),
    *((role, "dead_letter", verb) for role in ("support", "finance") for verb in ("view", "replay")),
    *(("admin", noun, "view") for noun in ("payment", "campaign", "refund", "dispute", "journal", "webhook")),
]

# What each slice adds; its own migration seeds its part into databases that are older than it.
REFUNDS: list[Policy] = [
    *((role, "refund", verb) for role in ("support", "finance") for verb in ("request", "withdraw")),
    *((role, "refund", "read") for role in _STAFF),
    *(("finance", "refund", verb) for verb in ("approve", "reject", "close")),
    *(("finance", "refund_batch", verb) for verb in ("start", "approve")),
    *((role, "refund_batch", "view") for role in _STAFF),
]
RECURRING: list[Policy] = [
    *(("donor", "recurring", verb) for verb in ("start", "read", "change")),
    *((role, "recurring", verb) for role in _STAFF for verb in ("view", "read", "read_any")),
    *((role, "recurring", "cancel_any") for role in ("support", "finance")),
    *(("service:monolith", "recurring", verb) for verb in ("read", "read_any")),
    ("admin", "recurring", "view"),
]
# Support collects what speaks for a gift; what goes to the bank, and giving up, is finance's.
DISPUTES: list[Policy] = [
    *((role, "dispute", "view") for role in (*_STAFF, "admin")),
    *((role, "dispute", "prepare") for role in ("support", "finance")),
    *(("finance", "dispute", verb) for verb in ("answer", "accept")),
    *((role, "early_warning", "view") for role in (*_STAFF, "admin")),
]
PAYOUTS: list[Policy] = [
    # Whose campaign it is decides, not a role: every signed-in person may ask about their own.
    *(("donor", "payout", verb) for verb in ("request", "read", "cancel")),
    ("donor", "escrow", "read"),
    *((role, noun, verb) for role in _STAFF for noun in ("payout", "escrow") for verb in ("read", "read_any")),
    *((role, noun, "view") for role in _STAFF for noun in ("payout", "payout_account", "hold")),
    *(("finance", "payout", verb) for verb in ("approve", "reject", "send")),
    ("admin", "payout_account", "set"),
    ("service:monolith", "payout_account", "set"),
    *(("service:monolith", noun, verb) for noun in ("payout", "escrow") for verb in ("read", "read_any")),
]
# Finance works the breaks; who corrects the books and who agrees are two people where it is much.
RECONCILIATION: list[Policy] = [
    *(
        (role, noun, "view")
        for role in ("finance", "auditor", "admin")
        for noun in ("reconciliation", "break", "bank_payout", "invariant")
    ),
    ("finance", "reconciliation", "run"),
    *(("finance", "break", verb) for verb in ("take", "note", "close", "correct", "approve", "reject", "reopen")),
    *((role, "invariant", "check") for role in ("finance", "admin")),
]
RECEIPTS: list[Policy] = [
    # A guest shows the signed link of a gift; anybody may ask whether a receipt is genuine.
    *(("guest", "receipt", verb) for verb in ("request", "read", "resend", "verify")),
    ("donor", "receipt", "list"),
    *(("donor", "receipt_details", verb) for verb in ("read", "write")),
    *(("donor", "gift_aid", verb) for verb in ("read", "declare", "cancel")),
    *((role, "receipt", verb) for role in _STAFF for verb in ("view", "read", "read_any", "verify")),
    *((role, "receipt", "resend") for role in ("support", "finance")),
    ("finance", "receipt", "void"),
    *((role, noun, "view") for role in ("finance", "auditor") for noun in ("gift_aid", "annual_run")),
    ("finance", "annual_run", "start"),
]
INSIGHTS: list[Policy] = [
    *((role, "analytics", verb) for role in ("finance", "analyst", "auditor") for verb in ("read", "read_any", "view")),
    ("recipient", "analytics", "read"),
    *((role, "donor_stats", "read") for role in ("donor", "support", "finance", "auditor", "service:monolith")),
]
RISK: list[Policy] = [
    *((role, noun, "view") for role in (*_STAFF, "admin") for noun in ("refused_try", "block")),
    *((role, "refused_try", "block") for role in ("support", "finance")),
    *((role, "block", verb) for role in ("support", "finance") for verb in ("block", "lift")),
]
PRICING: list[Policy] = [
    *((role, "fee_rate", "view") for role in ("support", "finance", "auditor")),
    *(("finance", "fee_rate", verb) for verb in ("plan", "withdraw")),
]

POLICIES: list[Policy] = [
    *_GIVING,
    *REFUNDS,
    *RECURRING,
    *DISPUTES,
    *PAYOUTS,
    *RECONCILIATION,
    *RECEIPTS,
    *RISK,
    *INSIGHTS,
    *PRICING,
]
