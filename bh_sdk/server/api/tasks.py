from __future__ import annotations

from celery import shared_task

from bh_sdk.server.api import idempotency
from bh_sdk.server.ops.logs import log


@shared_task(name="bh_api.purge_idempotency_keys")
def purge_idempotency_keys() -> None:
    """Forget answers older than 72 hours."""
    log().info("idempotency_keys_purged", count=idempotency.purge())
