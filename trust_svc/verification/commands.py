"""Asking to be verified, and deciding about it. A decision is evidence with an expiry, like any other fact."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID, uuid4

from django.db import IntegrityError, transaction

from bh_sdk.errors import (
    DocumentsFull,
    Invalid,
    NotFound,
    VerificationClosed,
    VerificationOpen,
    VerificationStands,
)
from bh_sdk.events import VerificationEnded, VerificationGranted, VerificationRefused, VerificationRequested
from bh_sdk.server.api import limits
from bh_sdk.server.events import record
from bh_sdk.server.ops import clock
from bh_sdk.wire.verification import MOST_DOCUMENTS
from trust_svc.evidence import commands as evidence
from trust_svc.evidence import queries as known
from trust_svc.evidence.rules import NewFact, clean
from trust_svc.scoring import commands as scoring
from trust_svc.verification import documents, queries, rules
from trust_svc.verification.errors import ExpiryOutOfBounds, NothingToRevoke, OwnRequest, RequestDecided
from trust_svc.verification.models import Request

ASKING = limits.Limit("verification-day", 20, 86_400)
SHOWING = limits.Limit("verification-document-day", 60, 86_400)


def ask(
    *,
    item: str,
    entity_kind: str | None,
    entity_id: UUID | None,
    note: str | None,
    shown: Sequence[str],
    by: UUID,
) -> Request:
    """Ask that an item be verified: of oneself, or of a campaign of one's own.

    Raises NotFound for what is not the caller's, VerificationStands unless it ends within 60 days, VerificationOpen,
    Invalid for documents that are missing or unfit, RateLimited.
    """
    kind, entity = entity_kind or "user", entity_id or by
    _check_owner(kind, entity, named=entity_id is not None, by=by)
    if item in rules.DOCUMENTED and not shown:
        raise Invalid(errors=[{"pointer": "#/documents", "message": f"{item} is shown by a document"}])
    read = documents.read(shown)
    _take(ASKING, by)
    now = clock.now()
    row = Request(
        id=uuid4(),
        entity_kind=kind,
        entity_id=entity,
        item=item,
        requested_by=by,
        note=note,
        created_at=now,
        due_at=rules.working_days_after(now, rules.WORKING_DAYS),
    )
    _refuse_what_stands(row, at=now)
    # The storage may be a network away, so it comes before the transaction; what is refused leaves nothing behind.
    with documents.stored(row.id, read) as kept:
        _open(row, kept)
    return row


def _check_owner(kind: str, entity_id: UUID, *, named: bool, by: UUID) -> None:
    if kind == "campaign" and not named:
        raise Invalid(errors=[{"pointer": "#/entity_id", "message": "names the campaign"}])
    if known.owner_of(kind, entity_id) != by:
        raise NotFound(f"There is no such {kind} of yours")


def _refuse_what_stands(row: Request, *, at: datetime) -> None:
    held = queries.standing(row.entity_kind, row.entity_id, row.item, at=at)
    if held is not None and not rules.may_renew(held.expires_at, at=at):
        raise VerificationStands(expires_at=held.expires_at.isoformat() if held.expires_at else None)


@transaction.atomic
def _open(row: Request, kept: Sequence[documents.Kept]) -> None:
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:
        if "trust_one_open_verification" not in str(error):
            raise
        waits = Request.objects.filter(
            entity_kind=row.entity_kind, entity_id=row.entity_id, item=row.item, state="open"
        ).first()
        raise VerificationOpen(verification_id=str(waits.id) if waits else None) from None
    documents.attach(row, kept)
    record(VerificationRequested.model_validate(_about(row)), subject=row.id, actor=str(row.requested_by))


def show(*, request_id: UUID, content: str, by: UUID) -> Request:
    """Add a document to one's open request; one that it holds already is not added again.

    Raises NotFound, VerificationClosed, DocumentsFull, Invalid, RateLimited.
    """
    row = queries.access_request(request_id, by=by)
    _check_open(row)
    read = documents.read([content], within="#/content")
    _take(SHOWING, by)
    if documents.is_shown(row, read[0]):
        return row
    with documents.stored(row.id, read) as kept, transaction.atomic():
        locked = _locked(request_id)
        _check_open(locked)
        if locked.documents.count() >= MOST_DOCUMENTS:
            raise DocumentsFull(f"A request holds at most {MOST_DOCUMENTS} documents", most=MOST_DOCUMENTS)
        documents.attach(locked, kept)
    return queries.access_request(request_id, by=by)


def _check_open(row: Request) -> None:
    if row.state != "open":
        raise VerificationClosed(verification_status=row.state)


@transaction.atomic
def withdraw(*, request_id: UUID, by: UUID) -> Request:
    """Take one's request back; its documents are deleted within the hour. Doing it twice is doing it once.

    Raises NotFound, VerificationClosed.
    """
    queries.access_request(request_id, by=by)
    row = _locked(request_id)
    if row.state != "withdrawn":
        _check_open(row)
        row.state, row.documents_until = "withdrawn", clock.now()
        row.save()
    return row


@transaction.atomic
def grant(*, request_id: UUID, by: UUID, expires_at: datetime | None = None, message: str = "") -> Request:
    """Verify the item until then, or for as long as usual.

    Raises NotFound, RequestDecided, OwnRequest, ExpiryOutOfBounds.
    """
    row = _to_decide(request_id, by=by)
    now = clock.now()
    ends = expires_at or rules.default_expiry(row.item, at=now)
    if not rules.expiry_fits(row.item, ends, at=now):
        last = rules.latest_expiry(row.item, at=now)
        raise ExpiryOutOfBounds(f"Choose a day from tomorrow to {last:%d %B %Y}", latest=last.isoformat())
    _grant(row, ends, by=by, message=message)
    return row


def _grant(row: Request, ends: datetime, *, by: UUID, message: str) -> None:
    row.reason = None
    _decide(row, "granted", by=by, message=message)
    row.expires_at, row.fact_id = ends, uuid4()
    row.revoked_at, row.revoked_by = None, None
    row.save()
    _tell_evidence(row, row.fact_id, "verification.granted", expires_at=ends.isoformat())
    told = _about(row) | {"expires_at": ends}
    record(VerificationGranted.model_validate(told), subject=row.id, actor=str(by))


@transaction.atomic
def refuse(*, request_id: UUID, reason: str, message: str, by: UUID) -> Request:
    """Say no, why, and what would help. Raises NotFound, RequestDecided, OwnRequest."""
    row = _to_decide(request_id, by=by)
    row.reason, row.refused_by = reason, by
    _decide(row, "refused", by=by, message=message)
    row.save()
    record(VerificationRefused.model_validate(_about(row)), subject=row.id, actor=str(by))
    return row


@transaction.atomic
def revoke(*, request_id: UUID, message: str, by: UUID) -> Request:
    """Take back what was granted. The score hears of it at once.

    Raises NotFound, OwnRequest, NothingToRevoke when it was not granted here, has run out, or was replaced.
    """
    row = _locked(request_id)
    _check_not_own(row, by)
    held = queries.standing(row.entity_kind, row.entity_id, row.item, at=clock.now())
    if row.state != "granted" or held is None or held.fact_id != row.fact_id:
        raise NothingToRevoke()
    now = clock.now()
    row.state, row.reason, row.message = "revoked", "revoked", message
    row.revoked_at, row.revoked_by, row.documents_until = now, by, now + rules.KEPT
    row.save()
    _tell_evidence(row, uuid4(), "verification.revoked")
    # Who lost an identity must not be trusted a second longer.
    scoring.mark({(row.entity_kind, row.entity_id)}, now=True)
    record(VerificationEnded.model_validate(_about(row) | {"revoked": True}), subject=row.id, actor=str(by))
    return row


# -- what an appeal changes --------------------------------------------------------------------------------------------


@transaction.atomic
def keep_documents(*, request_id: UUID, until: datetime) -> None:
    """Let the documents of a decided request stay until an appeal is decided."""
    row = _locked(request_id)
    if row.documents_until is not None and row.documents_until < until:
        row.documents_until = until
        row.save(update_fields=["documents_until"])


@transaction.atomic
def grant_on_appeal(*, request_id: UUID, message: str, by: UUID) -> Request:
    """Verify what was refused or taken back: for the usual time, or for the rest of what had been granted.

    Raises NotFound, OwnRequest, RequestDecided when it was neither, ExpiryOutOfBounds when that time is over.
    """
    row = _locked(request_id)
    _check_not_own(row, by)
    if row.state not in ("refused", "revoked"):
        raise RequestDecided()
    now = clock.now()
    ends = row.expires_at if row.state == "revoked" and row.expires_at else rules.default_expiry(row.item, at=now)
    if ends <= now:
        raise ExpiryOutOfBounds("What had been granted would have run out by now; it has to be asked for anew")
    _grant(row, ends, by=by, message=message)
    return row


@transaction.atomic
def look_again(*, request_id: UUID, by: UUID) -> Request:
    """Put what was refused back into the queue, for somebody else than who refused it.

    Raises NotFound, OwnRequest, RequestDecided when it was not refused, VerificationOpen when there is a newer request.
    """
    row = _locked(request_id)
    _check_not_own(row, by)
    if row.state != "refused":
        raise RequestDecided()
    now = clock.now()
    row.state, row.reason, row.message, row.documents_until = "open", None, None, None
    row.decided_at, row.decided_by, row.due_at = None, None, rules.working_days_after(now, rules.WORKING_DAYS)
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError as error:
        if "trust_one_open_verification" not in str(error):
            raise
        raise VerificationOpen("A newer request about this is open already") from None
    return row


# -- shared ------------------------------------------------------------------------------------------------------------


def _locked(request_id: UUID) -> Request:
    row = Request.objects.select_for_update().filter(id=request_id).first()
    if row is None:
        raise NotFound("There is no such request")
    return row


def _to_decide(request_id: UUID, *, by: UUID) -> Request:
    row = _locked(request_id)
    if row.state != "open":
        raise RequestDecided()
    _check_not_own(row, by)
    if by == row.refused_by:
        raise OwnRequest("You refused this before; after an appeal somebody else decides")
    return row


def _check_not_own(row: Request, by: UUID) -> None:
    if by in (row.requested_by, known.owner_of(row.entity_kind, row.entity_id)):
        raise OwnRequest()


def _decide(row: Request, state: str, *, by: UUID, message: str) -> None:
    now = clock.now()
    row.state, row.decided_at, row.decided_by = state, now, by
    row.message, row.documents_until = message or None, now + rules.KEPT


def _tell_evidence(row: Request, fact_id: UUID, type: str, **more: str) -> None:
    said = clean(type, {"item": row.item, **more})
    fact = NewFact(fact_id, type, clock.now(), row.entity_kind, row.entity_id, said)
    evidence.take_in(facts=[fact], source="trust")


def _about(row: Request) -> dict[str, object]:
    return {
        "request_id": row.id,
        "entity_kind": row.entity_kind,
        "entity_id": row.entity_id,
        "owner_id": known.owner_of(row.entity_kind, row.entity_id),
        "item": row.item,
    }


def _take(limit: limits.Limit, by: UUID) -> None:
    """Count a try. Raises RateLimited when there were too many today."""
    found = limits.take([limits.Count(limit, str(by))], once=str(uuid4()))
    if found is not None:
        raise limits.refusal(found)
