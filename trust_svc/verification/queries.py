"""Reading requests, and which items of whom are verified, whoever told it: us, the platform, or a file."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.core.files.storage import default_storage
from django.db import connection
from django.db.models import QuerySet

from bh_sdk.errors import NotFound
from bh_sdk.server.ops.sealed import unseal
from bh_sdk.wire.verification import Verification
from trust_svc.verification.errors import DocumentsGone
from trust_svc.verification.models import Document, Request

# The last word on an item; of two at one moment the higher id, as the engine reads them.
_STANDING = """
SELECT id, subject_kind, subject_id, data->>'item', (data->>'expires_at')::timestamptz, type = 'verification.granted'
  FROM trust_evidence_fact
 WHERE subject_kind = %s AND subject_id = %s AND type IN ('verification.granted', 'verification.revoked')
   AND data->>'item' = %s ORDER BY time DESC, id DESC LIMIT 1
"""

# Those that run out between two moments and of which nobody was told. The index on their ends (migration 0002) makes it
# as long as its answer.
_RUNNING_OUT = """
SELECT fact.id, fact.subject_kind, fact.subject_id, fact.data->>'item', trust_moment(fact.data->>'expires_at')
  FROM trust_evidence_fact AS fact
 WHERE fact.type = 'verification.granted'
   AND trust_moment(fact.data->>'expires_at') > %s AND trust_moment(fact.data->>'expires_at') <= %s
   AND NOT EXISTS (SELECT FROM trust_verification_told AS told WHERE told.fact_id = fact.id AND told.what = %s)
   AND NOT EXISTS (
       SELECT FROM trust_evidence_fact AS later
        WHERE later.subject_kind = fact.subject_kind AND later.subject_id = fact.subject_id
          AND later.type IN ('verification.granted', 'verification.revoked')
          AND later.data->>'item' = fact.data->>'item'
          AND (later.time, later.id) > (fact.time, fact.id))
 ORDER BY 5, 1 LIMIT %s
"""


# What others than we took back of late while it stood, and of which nobody was told; with what had granted it.
_TAKEN_BACK = """
SELECT fact.id, fact.subject_kind, fact.subject_id, fact.data->>'item', granted.id
  FROM trust_evidence_fact AS fact
 CROSS JOIN LATERAL (
       SELECT id, type, trust_moment(data->>'expires_at') AS ends FROM trust_evidence_fact AS earlier
        WHERE earlier.subject_kind = fact.subject_kind AND earlier.subject_id = fact.subject_id
          AND earlier.type IN ('verification.granted', 'verification.revoked')
          AND earlier.data->>'item' = fact.data->>'item' AND (earlier.time, earlier.id) < (fact.time, fact.id)
        ORDER BY time DESC, id DESC LIMIT 1) AS granted
 WHERE fact.type = 'verification.revoked' AND fact.source <> 'trust' AND fact.time > %s AND fact.time <= %s
   AND granted.type = 'verification.granted' AND (granted.ends IS NULL OR granted.ends > fact.time)
   AND NOT EXISTS (SELECT FROM trust_verification_told AS told WHERE told.fact_id = fact.id)
   AND NOT EXISTS (
       SELECT FROM trust_evidence_fact AS later
        WHERE later.subject_kind = fact.subject_kind AND later.subject_id = fact.subject_id
          AND later.type IN ('verification.granted', 'verification.revoked')
          AND later.data->>'item' = fact.data->>'item' AND (later.time, later.id) > (fact.time, fact.id))
 ORDER BY fact.time, fact.id LIMIT %s
"""


class Held(NamedTuple):
    """A verification that stands, or stood until it ran out."""

    fact_id: UUID
    entity_kind: str
    entity_id: UUID
    item: str
    expires_at: datetime | None


def standing(kind: str, entity_id: UUID, item: str, *, at: datetime) -> Held | None:
    """What verifies this item at that moment."""
    with connection.cursor() as cursor:
        cursor.execute(_STANDING, [kind, entity_id, item])
        row = cursor.fetchone()
    if row is None or not row[-1]:
        return None
    held = Held(*row[:-1])
    return held if held.expires_at is None or held.expires_at > at else None


def running_out(*, after: datetime, until: datetime, untold: str, limit: int) -> list[tuple[UUID, str, UUID, str, Any]]:
    """Verifications that stand last and run out between the two, of whose `untold` (ending, ended) nobody was told."""
    with connection.cursor() as cursor:
        cursor.execute(_RUNNING_OUT, [after, until, untold, limit])
        return list(cursor.fetchall())


def taken_back(*, after: datetime, until: datetime, limit: int) -> list[tuple[UUID, str, UUID, str, UUID]]:
    """Verifications that others than we took back between the two, and of which nobody was told: the fact that did, of whom,
    which item, and the fact that had granted it."""
    with connection.cursor() as cursor:
        cursor.execute(_TAKEN_BACK, [after, until, limit])
        return list(cursor.fetchall())


def requests_of(person: UUID) -> QuerySet[Request]:
    """What this person asked for."""
    return Request.objects.filter(requested_by=person).prefetch_related("documents")


def access_request(request_id: UUID, *, by: UUID) -> Request:
    """A request of this person. Raises NotFound for anybody else's."""
    found = requests_of(by).filter(id=request_id).first()
    if found is None:
        raise NotFound("There is no such request of yours")
    return found


def request_of_fact(fact_id: UUID) -> Request | None:
    """The request that led to this evidence, when one was made here."""
    return Request.objects.filter(fact_id=fact_id).first()


def requests_about(entity_kind: str, entity_id: UUID) -> list[Request]:
    """Every request about this campaign or person, newest first."""
    return list(Request.objects.filter(entity_kind=entity_kind, entity_id=entity_id).order_by("-created_at", "-id"))


def request(request_id: UUID) -> Request | None:
    return Request.objects.filter(id=request_id).first()


def answer(row: Request) -> Verification:
    """The request as its maker sees it: never who decided."""
    return Verification.model_validate(
        {
            "verification_id": row.id,
            "entity_type": row.entity_kind,
            "entity_id": row.entity_id,
            "item": row.item,
            "status": row.state,
            "documents": [
                {
                    "document_id": each.id,
                    "content_type": each.content_type,
                    "size": each.size,
                    "added_at": each.added_at,
                }
                for each in row.documents.all()
            ],
            "created_at": row.created_at,
            "due_at": row.due_at,
            "decided_at": row.decided_at,
            "expires_at": row.expires_at,
            "reason": row.reason,
            "message": row.message.open() if row.message is not None else None,
        }
    )


def read_document(document: Document) -> bytes:
    """The bytes as they were shown. Raises DocumentsGone when they were deleted a moment ago."""
    try:
        with default_storage.open(document.stored_as) as kept:
            return unseal(kept.read(), bound_to(document.id))
    except FileNotFoundError:
        raise DocumentsGone() from None


def bound_to(document_id: UUID) -> str:
    """What a document's seal belongs to."""
    return f"trust_verification_document.content:{document_id}"
