"""Who may do what in trust: (role, noun, verb). The table in the database is the truth; this seeds it.

`score read` is open to all; `read_any` also shows provisional scores, histories and the evidence behind them, which the
owner of a score may see without it.
"""

from __future__ import annotations

_LOOK = ("analyst", "support", "auditor", "admin")
_NOUNS = ("score", "report", "evidence", "campaign", "parameters")

HOLDS: list[tuple[str, str, str]] = [
    *((role, "hold", "view") for role in ("analyst", "support", "auditor", "admin")),
    ("analyst", "hold", "lift"),
    # Both stand on the page of a score.
    ("analyst", "score", "hold"),
    ("analyst", "score", "let_go"),
]

# The second person of a decision is another analyst, or an admin who is one as well: commands compare people, not roles.
_SEE = ("analyst", "auditor", "admin")

CASES: list[tuple[str, str, str]] = [
    *((role, "case", "view") for role in (*_SEE, "support")),
    *(("analyst", "case", verb) for verb in ("claim", "release", "assign", "snooze", "decide", "note")),
]

APPEALS: list[tuple[str, str, str]] = [
    ("donor", "appeal", "file"),
    ("donor", "appeal", "read"),
    *((role, "appeal", "view") for role in _SEE),
    *(("analyst", "appeal", verb) for verb in ("open", "claim", "decide")),
]

VERIFICATION: list[tuple[str, str, str]] = [
    ("donor", "verification", "request"),
    ("donor", "verification", "read"),
    *((role, "verification", "view") for role in (*_SEE, "support")),
    *(("analyst", "verification", verb) for verb in ("open", "decide", "revoke")),
]

OVERRIDES: list[tuple[str, str, str]] = [
    *((role, "override", "view") for role in (*_SEE, "support")),
    *(("analyst", "override", verb) for verb in ("approve", "reject", "revoke", "withdraw")),
    # The second person may be an admin who is no analyst.
    *(("admin", "override", verb) for verb in ("approve", "reject")),
    # Stands on the page of a score.
    ("analyst", "score", "override"),
]

VERSIONS: list[tuple[str, str, str]] = [
    *(
        ("analyst", "parameters", verb)
        for verb in ("draft", "dry_run", "shadow", "try_out", "promote", "roll_back", "retire", "calibrate")
    ),
]

INSIGHTS: list[tuple[str, str, str]] = [
    *((role, "insight", "view") for role in _SEE),
]

POLICIES: list[tuple[str, str, str]] = [
    ("guest", "score", "read"),
    *((role, "score", "read_any") for role in _LOOK),
    ("donor", "history", "read"),
    *((role, "history", "read") for role in _LOOK),
    ("donor", "report", "file"),
    ("analyst", "score", "calculate"),
    ("analyst", "job", "read"),
    *((role, noun, "view") for role in ("analyst", "auditor", "admin") for noun in _NOUNS),
    ("support", "report", "view"),
    ("support", "score", "view"),
    ("analyst", "report", "open"),
    *((f"service:{name}", "score", "read") for name in ("monolith", "payments", "trust", "notify")),
    ("service:monolith", "score", "read_any"),
    ("service:monolith", "score", "calculate"),
    ("service:monolith", "history", "read"),
    ("service:monolith", "job", "read"),
    ("service:monolith", "evidence", "record"),
    ("service:monolith", "campaign", "describe"),
    ("service:payments", "campaign", "describe"),
    ("service:monolith", "event", "read"),
    ("service:monolith", "event", "push"),
    ("service:payments", "event", "read"),
    ("service:notify", "event", "read"),
    *((role, "dead_letter", verb) for role in ("analyst", "admin") for verb in ("view", "replay")),
    ("auditor", "dead_letter", "view"),
    *HOLDS,
    *CASES,
    *APPEALS,
    *VERIFICATION,
    *OVERRIDES,
    *VERSIONS,
    *INSIGHTS,
]
