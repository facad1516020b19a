"""What beats: everything these tasks do is in rows, so a lost or doubled beat changes nothing."""

from __future__ import annotations

from celery import shared_task

from trust_svc.scoring import commands, parity

# One beat works so many batches at most, and leaves the rest to the next.
BATCHES = 20


@shared_task(name="trust.scoring.rescore_due")
def rescore_due() -> None:
    """Calculate the scores whose time has come."""
    for _ in range(BATCHES):
        if commands.rescore_due() == 0:
            return


@shared_task(name="trust.scoring.mark_expired")
def mark_expired() -> None:
    """Verifications run out by themselves."""
    commands.mark_expired()


@shared_task(name="trust.scoring.check_parity")
def check_parity() -> None:
    """The nightly proof, before the sweep."""
    parity.check_parity()


@shared_task(name="trust.scoring.begin_epoch")
def begin_epoch() -> None:
    """The nightly sweep."""
    commands.begin_epoch()
