"""What beats: everything these tasks do is in rows, so a lost or doubled beat changes nothing."""

from __future__ import annotations

from celery import shared_task

from trust_svc.verification import documents, ends


@shared_task(name="trust.verification.tell_ends")
def tell_ends() -> None:
    """Tell of verifications that run out soon, of those that have, and of those that the platform took back."""
    while ends.tell_ending() == ends.BATCH:
        pass
    while ends.tell_ended() == ends.BATCH:
        pass
    while ends.tell_taken_back() == ends.BATCH:
        pass


@shared_task(name="trust.verification.delete_documents")
def delete_documents() -> None:
    """Delete the documents that nobody needs any more."""
    documents.delete_outlived()
