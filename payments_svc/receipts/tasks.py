"""The yearly run goes on by itself."""

from __future__ import annotations

from payments_svc.celery import app
from payments_svc.receipts import annual


@app.task(name="payments.receipts.work_annual_run")
def work_annual_run() -> int:
    """Go on with the receipts of a year, where there is a run to go on with."""
    return annual.work()


@app.task(name="payments.receipts.start_annual_run")
def start_annual_run() -> bool:
    """Begin last year's run on the day that the settings name; off unless they name one."""
    return annual.start_when_due() is not None
