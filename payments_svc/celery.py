from __future__ import annotations

from bh_sdk.server.ops.celery import make_celery

app = make_celery("payments")
