"""Runs that are due, the daily one, and the invariants every ten minutes."""

from __future__ import annotations

from bh_sdk.server.ops.logs import log
from payments_svc.celery import app
from payments_svc.gateway.errors import GatewayError
from payments_svc.reconciliation import checking, commands


@app.task(name="payments.reconciliation.daily")
def daily() -> bool:
    """Start the run of the day, once."""
    return commands.start_daily_run() is not None


@app.task(name="payments.reconciliation.carry_on")
def carry_on() -> int:
    """Bring every run that is due to its end, also what a killed worker left."""
    done = 0
    while (run := commands.claim_run()) is not None:
        try:
            finished = commands.carry_on(run.id)
        except GatewayError as error:
            log("reconciliation").warning("run.put_off", run=run.id, error=type(error).__name__)
            commands.put_off(run.id, "Stripe does not answer; tried again in a minute")
        except Exception as error:
            log("reconciliation").exception("run.broke", run=run.id)
            commands.put_off(run.id, f"{type(error).__name__}; tried again in a minute")
        else:
            done += 1
            log("reconciliation").info(
                "run.done", run=run.id, read=finished.read, matched=finished.matched, found=finished.found
            )
    return done


@app.task(name="payments.reconciliation.check")
def check() -> int:
    """Ask every invariant whether it holds."""
    return checking.check_all()
