"""The worker's side of answering banks."""

from __future__ import annotations

from bh_sdk.server.ops.logs import log
from payments_svc.celery import app
from payments_svc.disputes import answers
from payments_svc.disputes.models import Dispute
from payments_svc.donations import settling
from payments_svc.gateway.errors import GatewayError, RequestRefused

_BATCH = 5


@app.task(name="payments.disputes.answer_banks")
def answer_banks() -> int:
    """Tell Stripe what staff decided, and look whether it stands there. A lost answer is told again under its key."""
    told = 0
    for case in answers.claim(_BATCH):
        try:
            _answer(case)
            told += 1
        except GatewayError as error:
            answers.later(case.id, f"{type(error).__name__}: {error}")
            log("disputes").warning("dispute.answer_lost", dispute_id=str(case.id), error=type(error).__name__)
        except Exception as error:
            # Something nobody foresaw about one case must not hold up the others; it stays due.
            answers.later(case.id, type(error).__name__)
            log("disputes").exception("dispute.answer_broke", dispute_id=str(case.id))
    return told


def _answer(case: Dispute) -> None:
    try:
        answers.tell_stripe(case)
    except RequestRefused as refusal:
        # Either it was done before and the answer was lost, or Stripe means it: a look tells.
        settling.settle(case.payment_id)
        answers.refused(case.id, str(refusal))
    else:
        settling.settle(case.payment_id)
