"""Appeals, as the one whom a decision is about."""

from __future__ import annotations

from collections.abc import Sequence

from bh_sdk.clients.call import Call, Ident, answer, ask, ident, query
from bh_sdk.events import EntityKind
from bh_sdk.wire.appeals import Appeal, AppealAgainst, FileAppeal
from bh_sdk.wire.base import Page

BASE = "/api/v1/trust/appeal"


def file_appeal(
    *,
    against: AppealAgainst,
    statement: str,
    entity_type: EntityKind | None = None,
    entity_id: Ident | None = None,
    decision_id: Ident | None = None,
    evidence_urls: Sequence[str] = (),
    timeout: float | None = None,
) -> Call[Appeal]:
    """Appeal against a decision about the caller, or about a campaign of the caller's. Without `decision_id`: what stands.

    Raises NotFound, AppealOpen, AppealFinal.
    """
    body = ask(
        FileAppeal,
        entity_type=entity_type,
        entity_id=entity_id,
        against=against,
        decision_id=decision_id,
        statement=statement,
        evidence_urls=list(evidence_urls) or None,
    )
    return Call("trust.file_appeal", "POST", BASE, answer(Appeal), body=body, timeout=timeout)


def appeal(appeal_id: Ident, *, timeout: float | None = None) -> Call[Appeal]:
    """One of the caller's appeals, with its answer."""
    path = f"{BASE}/{ident(appeal_id, 'appeal_id')}"
    return Call("trust.appeal", "GET", path, answer(Appeal), timeout=timeout)


def appeals(*, limit: int = 50, cursor: str | None = None, timeout: float | None = None) -> Call[Page[Appeal]]:
    """The caller's appeals, newest first."""
    found = answer(Page[Appeal])
    return Call("trust.appeals", "GET", BASE, found, query(limit=limit, cursor=cursor), timeout=timeout)
