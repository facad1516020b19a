"""Answering a bank: what staff write and attach, and what they decide. A worker tells Stripe; until Stripe confirms it by a
look, the decision stands in the row and is told again, under the same key."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID, uuid4

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import F

from bh_sdk.errors import CardNumberRefused, DisputeNotAnswerable, Invalid, NotFound
from bh_sdk.server.ops import cards, clock
from bh_sdk.server.ops.doorbell import ring
from bh_sdk.server.ops.sealed import seal, unseal
from payments_svc.disputes import rules
from payments_svc.disputes.models import Dispute, EvidenceFile
from payments_svc.disputes.rules import Wanted
from payments_svc.gateway import banks

_LEASE = timedelta(seconds=90)
_LONGEST_PAUSE = timedelta(minutes=5)


def draft_of(case: Dispute) -> dict[str, str]:
    """What is written for the bank so far: Stripe's field to text."""
    if case.evidence is None:
        return {}
    written: dict[str, str] = json.loads(case.evidence.open())
    return written


@transaction.atomic
def save_draft(*, dispute_id: UUID, texts: dict[str, str], by: UUID) -> Dispute:
    """Keep what staff wrote; nothing leaves the house. Raises DisputeNotAnswerable, CardNumberRefused, and Invalid for what
    no bank would get."""
    if unknown := sorted(set(texts) - set(rules.TEXTS)):
        raise Invalid("There is no such field of evidence", errors=[_wrong(name, "is not known") for name in unknown])
    kept = {name: text.replace("\r\n", "\n").strip() for name, text in texts.items() if text.strip()}
    if told := [name for name, text in kept.items() if cards.in_text(text)]:
        raise CardNumberRefused(
            "This holds a card number, and none is ever written down here",
            errors=[_wrong(name, "holds a card number; leave it out") for name in told],
        )
    if long := [name for name, text in kept.items() if len(text) > rules.LONGEST_TEXT]:
        errors = [_wrong(name, f"at most {rules.LONGEST_TEXT} characters") for name in long]
        raise Invalid(f"A text is longer than the {rules.LONGEST_TEXT} characters that Stripe takes", errors=errors)
    case = _to_answer(dispute_id)
    case.evidence, case.evidence_by, case.evidence_at = json.dumps(kept), by, clock.now()
    case.save(update_fields=["evidence", "evidence_by", "evidence_at"])
    return case


def add_file(*, dispute_id: UUID, kind: str, name: str, content: bytes, by: UUID) -> EvidenceFile:
    """Attach a PDF, JPEG or PNG of at most 5 MB; a second one of the same kind takes the first one's place.

    Raises DisputeNotAnswerable, CardNumberRefused for a name with one, and Invalid for a file that no bank would open.
    """
    if cards.in_text(name):
        raise CardNumberRefused(
            "The file's name holds a card number; give it another",
            errors=[_wrong("file", "its name holds a card number")],
        )
    content_type = rules.kind_of_file(content)
    if kind not in rules.FILES:
        raise Invalid("There is no such field of evidence", errors=[_wrong("kind", "is not known")])
    if len(content) > rules.LARGEST_FILE:
        raise Invalid("The file is larger than 5 MB", errors=[_wrong("file", "at most 5 MB")])
    if content_type is None:
        raise Invalid("Banks take PDF, JPEG and PNG; this file is none of them", errors=[_wrong("file", "type")])
    file = EvidenceFile(
        id=uuid4(),
        dispute_id=dispute_id,
        kind=kind,
        name=name[:200] or kind,
        content_type=content_type,
        size=len(content),
        added_by=by,
        added_at=clock.now(),
    )
    # The storage may be a network away, so it comes before the transaction; one that is refused leaves nothing behind.
    file.stored_as = default_storage.save(_place(file), ContentFile(seal(content, str(file.id))))
    try:
        _attach(file)
    except BaseException:
        default_storage.delete(file.stored_as)
        raise
    return file


@transaction.atomic
def _attach(file: EvidenceFile) -> None:
    _to_answer(file.dispute_id)
    for old in EvidenceFile.objects.filter(dispute_id=file.dispute_id, kind=file.kind):
        _drop(old)
    file.save(force_insert=True)


@transaction.atomic
def remove_file(*, dispute_id: UUID, file_id: UUID) -> None:
    """Take a file back, as long as nothing was submitted. Raises DisputeNotAnswerable, NotFound."""
    _to_answer(dispute_id)
    file = EvidenceFile.objects.filter(id=file_id, dispute_id=dispute_id).first()
    if file is None:
        raise NotFound("There is no such file")
    _drop(file)


def _drop(file: EvidenceFile) -> None:
    file.delete()
    transaction.on_commit(partial(default_storage.delete, file.stored_as))


def read_file(file: EvidenceFile) -> bytes:
    with default_storage.open(file.stored_as) as kept:
        return unseal(kept.read(), str(file.id))


def _place(file: EvidenceFile) -> str:
    return f"evidence/{file.dispute_id}/{file.id}.sealed"


@transaction.atomic
def submit(*, dispute_id: UUID, by: UUID) -> None:
    """Have the evidence sent to the bank. There is one submission. Raises DisputeNotAnswerable when the case is closed or its
    deadline has passed, Invalid when there is nothing to send."""
    case = _to_answer(dispute_id)
    if not draft_of(case) and not case.files.exists():
        raise Invalid("Nothing is written and nothing attached yet", errors=[_wrong("evidence", "is empty")])
    if case.evidence_due_at is not None and clock.now() >= case.evidence_due_at:
        raise DisputeNotAnswerable("The deadline has passed: the bank takes no evidence any more")
    _want(case, "submit", by=by)


@transaction.atomic
def accept(*, dispute_id: UUID, by: UUID) -> None:
    """Give the case up: the bank keeps the money. Raises DisputeNotAnswerable when it is closed or was answered."""
    _want(_to_answer(dispute_id), "accept", by=by)


def _want(case: Dispute, wanted: Wanted, *, by: UUID) -> None:
    now = clock.now()
    case.wanted, case.wanted_by, case.wanted_at = wanted, by, now
    case.due_at, case.attempts, case.last_error = now, 0, None
    case.save()
    ring("payments.disputes.answer_banks")


def _to_answer(dispute_id: UUID) -> Dispute:
    """The case, locked until the transaction ends, when it still waits for us."""
    case = Dispute.objects.select_for_update().filter(id=dispute_id).first()
    if case is None:
        raise NotFound("There is no such dispute")
    if case.status not in rules.WAITING or case.submissions:
        raise DisputeNotAnswerable("The case is answered or decided", dispute_status=case.status)
    if case.wanted is not None:
        words = {"submit": "The evidence is on its way to the bank", "accept": "The case is being given up"}
        raise DisputeNotAnswerable(words[case.wanted], dispute_status=case.status)
    return case


def _wrong(field: str, message: str) -> dict[str, str]:
    return {"pointer": f"/{field}", "message": message}


# --- telling Stripe ---------------------------------------------------------------------------------------------------


@transaction.atomic
def claim(limit: int) -> list[Dispute]:
    """Cases with a decision that Stripe has not confirmed, ours for a while: a killed worker's are due again after it."""
    now = clock.now()
    due = Dispute.objects.select_for_update(skip_locked=True).filter(due_at__lte=now, wanted__isnull=False)
    rows = list(due.order_by("due_at")[:limit])
    Dispute.objects.filter(id__in=[row.id for row in rows]).update(due_at=now + _LEASE, attempts=F("attempts") + 1)
    return rows


def tell_stripe(case: Dispute) -> None:
    """Carry out what staff decided. Whoever calls looks at Stripe afterwards; only a look confirms. Raises OutcomeUnknown
    when the answer was lost, RequestRefused when Stripe will not."""
    if case.wanted == "accept":
        banks.accept(dispute_id=case.stripe_id, key=f"accept-{case.id}")
        return
    evidence = draft_of(case)
    for file in case.files.all():
        evidence[file.kind] = file.stripe_id or _send_file(file)
    banks.answer(dispute_id=case.stripe_id, evidence=evidence, key=f"evidence-{case.id}-{_stamp(case.wanted_at)}")


def _send_file(file: EvidenceFile) -> str:
    suffix = file.content_type.rsplit("/", 1)[1]
    sent = banks.upload(content=read_file(file), name=f"{file.kind}.{suffix}", key=f"evidence-file-{file.id}")
    EvidenceFile.objects.filter(id=file.id).update(stripe_id=sent)
    return sent


def _stamp(at: datetime | None) -> int:
    """A decision taken again after a refusal may send other words, which one key would not."""
    return int(at.timestamp()) if at is not None else 0


@transaction.atomic
def later(dispute_id: UUID, error: str) -> None:
    """The answer was lost: look and tell again, soon."""
    case = Dispute.objects.select_for_update().get(id=dispute_id)
    if case.wanted is not None:
        pause = min(timedelta(seconds=5) * 2 ** min(case.attempts, 8), _LONGEST_PAUSE)
        case.due_at, case.last_error = clock.now() + pause, error[:300]
        case.save(update_fields=["due_at", "last_error"])


@transaction.atomic
def refused(dispute_id: UUID, error: str) -> None:
    """Stripe will not, and a look showed that it has not: the case is open again, and says why."""
    case = Dispute.objects.select_for_update().get(id=dispute_id)
    if case.wanted is not None:
        case.wanted, case.due_at, case.last_error = None, None, f"Stripe refused: {error}"[:300]
        case.save(update_fields=["wanted", "due_at", "last_error"])
