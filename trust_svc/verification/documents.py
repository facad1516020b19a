"""Documents on their way into the storage and out of it: sealed, without the name that they came with, and never for long."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID, uuid4

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from bh_sdk.errors import Invalid
from bh_sdk.server.ops import clock
from bh_sdk.server.ops.sealed import seal
from trust_svc.verification import queries, rules
from trust_svc.verification.models import Document, Request


@dataclass(frozen=True, slots=True)
class Kept:
    """A document in the storage that no row names yet."""

    id: UUID
    content_type: str
    size: int
    stored_as: str


def read(shown: Sequence[str], *, within: str = "#/documents/{}/content") -> list[rules.Shown]:
    """What these texts hold, each document once. Raises Invalid with a pointer to each that is unfit."""
    read: list[rules.Shown] = []
    wrong: list[dict[str, str]] = []
    for place, text in enumerate(shown):
        try:
            read.append(rules.read_document(text))
        except rules.UnfitDocument as unfit:
            wrong.append({"pointer": within.format(place), "message": str(unfit)})
    if wrong:
        raise Invalid(errors=wrong)
    return list({each.content: each for each in read}.values())


def is_shown(row: Request, shown: rules.Shown) -> bool:
    """Whether the request holds this very document already."""
    alike = row.documents.filter(size=len(shown.content), content_type=shown.content_type)
    return any(queries.read_document(each) == shown.content for each in alike)


@contextmanager
def stored(request_id: UUID, shown: Sequence[rules.Shown]) -> Iterator[list[Kept]]:
    """Put documents into the storage; they are taken out again when the block that should name them fails."""
    kept: list[Kept] = []
    try:
        for each in shown:
            document_id = uuid4()
            place = f"verification/{request_id}/{document_id}.sealed"
            sealed = ContentFile(seal(each.content, queries.bound_to(document_id)))
            stored_as = default_storage.save(place, sealed)
            kept.append(Kept(document_id, each.content_type, len(each.content), stored_as))
        yield kept
    except BaseException:
        for each_kept in kept:
            default_storage.delete(each_kept.stored_as)
        raise


def attach(row: Request, kept: Sequence[Kept]) -> None:
    """Name them in the request's rows, in the caller's transaction."""
    Document.objects.bulk_create(
        Document(
            id=each.id,
            request=row,
            content_type=each.content_type,
            size=each.size,
            stored_as=each.stored_as,
            added_at=clock.now(),
        )
        for each in kept
    )


def delete_outlived(limit: int = 200) -> int:
    """Delete the documents whose time is over; returns how many. The file goes before its row: a worker that dies between
    leaves a row that is found again, never a file that nobody knows."""
    due = Document.objects.filter(request__documents_until__lte=clock.now()).order_by("request__documents_until", "id")
    gone = 0
    for document in due[:limit]:
        default_storage.delete(document.stored_as)
        document.delete()
        gone += 1
    return gone
