"""Casbin decisions over the policy table, as one immutable picture of it."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

import casbin
import structlog
from casbin import persist
from casbin.model import FastModel

if TYPE_CHECKING:
    from collections.abc import Iterable

MODEL = """
[request_definition]
r = role, noun, verb

[policy_definition]
p = role, noun, verb

[role_definition]
g = _, _

[policy_effect]
e = some(where (p.eft == allow))

[matchers]
m = r.noun == p.noun && r.verb == p.verb && g(r.role, p.role)
"""

# More pairs of role, noun and verb than a house could have; a bound, because roles come in with tokens.
REMEMBERED = 10_000

# How many values each kind of line has. Casbin fails in the middle of a decision on a line of another length.
LENGTHS = {"p": 3, "g": 2}

# A row of the table: its kind, then its values, empty ones at the end.
Line = tuple[str, str, str, str]

log = structlog.get_logger(__name__)


class Lines(persist.Adapter):  # type: ignore[misc]  # casbin is untyped
    """Rows that were read already. The adapter's own reader takes a broken database for a table without policies."""

    def __init__(self, lines: Iterable[Line]) -> None:
        self.lines = lines

    def load_policy(self, model: FastModel) -> None:
        for ptype, *values in self.lines:
            rule = [value for value in values if value]
            if len(rule) != LENGTHS.get(ptype):
                log.warning("policy_line_ignored", ptype=ptype, values=rule)
                continue
            model.model[ptype][ptype].policy.append(rule)


class Rules:
    """Decisions over one version of the policy table. Safe to share between threads."""

    def __init__(self, lines: Iterable[Line]) -> None:
        # Filtering by noun and verb first leaves a handful of lines for the matcher to look at.
        model = FastModel([1, 2])
        model.load_model_from_text(MODEL)
        self._enforcer = casbin.FastEnforcer(model, Lines(lines), cache_key_order=[1, 2])
        self._decided: dict[tuple[str, str, str], bool] = {}
        self._lock = Lock()

    def allow(self, roles: Iterable[str], noun: str, verb: str) -> bool:
        """Whether any of the roles may. Without a policy nobody may."""
        return any(self._decide(role, noun, verb) for role in roles)

    def _decide(self, role: str, noun: str, verb: str) -> bool:
        asked = (role, noun, verb)
        decided = self._decided.get(asked)
        if decided is None:
            # FastEnforcer narrows its own policy list while it decides: one thread at a time.
            with self._lock:
                decided = bool(self._enforcer.enforce(*asked))
                if len(self._decided) >= REMEMBERED:
                    self._decided.clear()
                self._decided[asked] = decided
        return decided
