"""Calibrations that staff ask for: fitted in the worker, never in a request, and each ends in a draft with its report."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction

from bh_sdk.errors import BHError
from bh_sdk.server.ops import clock
from bh_sdk.server.ops.logs import log as logs
from trust_svc.scoring import parameters
from trust_svc.scoring.calibration.errors import Unusable
from trust_svc.scoring.calibration.live import calibrate_live
from trust_svc.versions import commands
from trust_svc.versions.errors import CalibrationActive
from trust_svc.versions.models import Calibration

# A fit takes seconds to minutes; after this long its worker is taken to be gone.
LEASE = timedelta(minutes=15)
TRIES = 3

_ACTIVE = (Calibration.State.WAITING, Calibration.State.RUNNING)


@transaction.atomic
def ask(*, version: int, note: str, by: str) -> Calibration:
    """Have points fitted to the decided cases, with a set's other numbers kept. Raises CalibrationActive."""
    parameters.lock(version)
    if Calibration.objects.filter(base_id=version, state__in=_ACTIVE).exists():
        raise CalibrationActive()
    commands.log(version, "calibration asked for", by, note)
    return Calibration.objects.create(base_id=version, note=note, asked_by=by, asked_at=clock.now(), due_at=clock.now())


def carry_on() -> bool:
    """Do the next one that waits, or that a worker left; whether there was one."""
    job = _claim()
    if job is None:
        return False
    try:
        found = calibrate_live(parameters.params_of(job.base_id))
        with transaction.atomic():
            job.made_id = commands.draft_from_calibration(
                params=found.params, report=found.report, made_from=job.base_id, note=job.note, by=job.asked_by
            )
            _end(job, Calibration.State.DONE)
    except (Unusable, BHError) as refusal:
        # The same cases would be refused again: the analyst reads why.
        job.made_id = None
        _end(job, Calibration.State.FAILED, str(refusal))
    except Exception as error:
        logs("versions").exception("calibration.broke", calibration=str(job.id))
        job.made_id = None
        if job.tries >= TRIES:
            _end(job, Calibration.State.FAILED, type(error).__name__)
    return True


@transaction.atomic
def _claim() -> Calibration | None:
    due = Calibration.objects.filter(state__in=_ACTIVE, due_at__lte=clock.now()).order_by("due_at", "id")
    job = due.select_for_update(skip_locked=True).first()
    if job is not None:
        job.state, job.due_at, job.tries = Calibration.State.RUNNING, clock.now() + LEASE, job.tries + 1
        job.save(update_fields=["state", "due_at", "tries"])
    return job


def _end(job: Calibration, state: str, trouble: str = "") -> None:
    job.state, job.trouble, job.finished_at = state, trouble, clock.now()
    job.save(update_fields=["state", "trouble", "made", "finished_at"])
