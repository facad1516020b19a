"""What beats: dry runs go on chunk by chunk, trials learn of decided cases, and what nobody calculates any more goes."""

from __future__ import annotations

from celery import shared_task

from trust_svc.versions import beside, calibrations, dry_runs, trials

# One beat does so many chunks at most, and leaves the rest to the next.
CHUNKS = 20


@shared_task(name="trust.versions.carry_on")
def carry_on() -> None:
    """Bring dry runs further."""
    for _ in range(CHUNKS):
        if not dry_runs.carry_on():
            return


@shared_task(name="trust.versions.calibrate")
def calibrate() -> None:
    """Fit what somebody asked for."""
    while calibrations.carry_on():
        pass


@shared_task(name="trust.versions.watch_trial")
def watch_trial() -> None:
    """Keep what both sets said of cases that were decided since."""
    trials.take_in_cases()


@shared_task(name="trust.versions.tidy")
def tidy() -> None:
    """Remove what sets say that are calculated no more."""
    for _ in range(CHUNKS):
        if not beside.tidy():
            return
