"""Asking to be verified, as the person or organiser who asks."""

from __future__ import annotations

import base64
from collections.abc import Sequence

from bh_sdk.clients.call import Call, Ident, answer, ask, ident, query
from bh_sdk.events import EntityKind, VerificationItem
from bh_sdk.wire.base import Page
from bh_sdk.wire.verification import Document, RequestVerification, Verification

BASE = "/api/v1/trust/verification"


def request_verification(
    item: VerificationItem,
    *,
    documents: Sequence[bytes] = (),
    entity_type: EntityKind | None = None,
    entity_id: Ident | None = None,
    note: str | None = None,
    timeout: float | None = None,
) -> Call[Verification]:
    """Ask that an item be verified: of the caller, or of a campaign of the caller's. `documents` are PDF, JPEG or PNG files,
    700,000 bytes each and together; send more by `add_verification_document`.

    Raises VerificationOpen, VerificationStands (with `expires_at`), NotFound, Invalid.
    """
    body = ask(
        RequestVerification,
        item=item,
        entity_type=entity_type,
        entity_id=entity_id,
        note=note,
        documents=[{"content": _text(each)} for each in documents] or None,
    )
    return Call(
        "trust.request_verification",
        "POST",
        BASE,
        answer(Verification),
        body=body,
        timeout=timeout,
    )


def add_verification_document(
    verification_id: Ident, content: bytes, *, timeout: float | None = None
) -> Call[Verification]:
    """Add a document to an open request, up to six. Raises VerificationClosed, DocumentsFull, Invalid."""
    return Call(
        "trust.add_verification_document",
        "POST",
        f"{BASE}/{ident(verification_id, 'verification_id')}/documents",
        answer(Verification),
        body=ask(Document, content=_text(content)),
        timeout=timeout,
    )


def verification(verification_id: Ident, *, timeout: float | None = None) -> Call[Verification]:
    """One of the caller's requests."""
    path = f"{BASE}/{ident(verification_id, 'verification_id')}"
    return Call("trust.verification", "GET", path, answer(Verification), timeout=timeout)


def verifications(
    *, limit: int = 50, cursor: str | None = None, timeout: float | None = None
) -> Call[Page[Verification]]:
    """The caller's requests, newest first."""
    found = answer(Page[Verification])
    return Call("trust.verifications", "GET", BASE, found, query(limit=limit, cursor=cursor), timeout=timeout)


def withdraw_verification(verification_id: Ident, *, timeout: float | None = None) -> Call[Verification]:
    """Take an open request back. Doing it twice is doing it once. Raises VerificationClosed."""
    path = f"{BASE}/{ident(verification_id, 'verification_id')}/withdraw"
    return Call("trust.withdraw_verification", "POST", path, answer(Verification), harmless=True, timeout=timeout)


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()
