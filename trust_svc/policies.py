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
]
