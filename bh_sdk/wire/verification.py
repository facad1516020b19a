"""Verification on the wire: `/api/v1/trust/verification…`.

A document is a PDF, JPEG or PNG of at most 700,000 bytes, in base64 (what a browser's `FileReader.readAsDataURL` gives is
taken as well). It has no name: what it is follows from its content. A large photograph is scaled down before it is sent.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from bh_sdk.events import EntityKind, VerificationItem
from bh_sdk.wire.base import Answer, Ask, Id, Text

VerificationStatus = Literal["open", "granted", "refused", "withdrawn", "revoked"]
RefusalReason = Literal["unreadable", "incomplete", "mismatch", "out_of_date", "wrong_document", "not_genuine", "other"]
LARGEST_DOCUMENT = 700_000
MOST_DOCUMENTS = 6


class Document(Ask):
    content: Annotated[
        str,
        StringConstraints(min_length=16, max_length=940_000),
        Field(
            description=f"PDF, JPEG or PNG of at most {LARGEST_DOCUMENT} bytes in base64, or the same as a data: URL",
            examples=["JVBERi0xLjcKMSAwIG9iago8PD4+CmVuZG9iagp0cmFpbGVyPDw+PgolJUVPRgo="],
        ),
    ]


class RequestVerification(Ask):
    """One item of the caller, or of a campaign of the caller's. A body holds at most 1 MiB: send further documents one by one
    to `/verification/{verification_id}/documents`."""

    item: VerificationItem
    entity_type: EntityKind | None = Field(None, description="Absent, as `entity_id`: the caller")
    entity_id: Id | None = None
    note: Annotated[Text, StringConstraints(max_length=1000)] | None = Field(
        None, description="What staff should know; nobody else reads it"
    )
    documents: Annotated[list[Document], Field(max_length=MOST_DOCUMENTS)] = Field(
        default_factory=list, description="At least one, unless the item is email or phone"
    )


class DocumentKept(Answer):
    document_id: UUID
    content_type: Literal["application/pdf", "image/jpeg", "image/png"]
    size: int
    added_at: datetime


class Verification(Answer):
    """A request as the one who made it sees it. `reason` and `message` say why it was not granted, or was taken back."""

    verification_id: UUID
    entity_type: EntityKind
    entity_id: UUID
    item: VerificationItem
    status: VerificationStatus
    documents: list[DocumentKept] = Field(
        description="Empty once they are deleted: at the latest 30 days after the end"
    )
    created_at: datetime
    due_at: datetime = Field(description="Staff decide until then")
    decided_at: datetime | None
    expires_at: datetime | None = Field(description="When what was granted runs out")
    reason: RefusalReason | Literal["revoked"] | None
    message: str | None
