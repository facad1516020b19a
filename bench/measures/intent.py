"""Opening payments, each with a key of its own, to one campaign by a hundred donors in turns. Both ask the same stand-in."""

from __future__ import annotations

import itertools
import json
import uuid
from collections.abc import Iterator

from bench import beside, ground
from bench.figures import Finding
from bench.load import request
from deploy.local.stack import Stack

DONORS = 100
CONNECTIONS = 16
CAMPAIGN = uuid.UUID(int=1)

_CAMPAIGN = """
INSERT INTO payments_donations_campaign (id, title, owner_id, currency, goal, status, created_at, updated_at)
VALUES (%s, 'Clean water', gen_random_uuid(), 'GBP', 1000000, 'FUNDING', now(), now())
"""


def measure(stack: Stack) -> Iterator[Finding]:
    if absent := beside.missing():
        yield absent
        return
    with ground.owner(stack, "payments") as owner:
        owner.execute(_CAMPAIGN, [CAMPAIGN])
        owner.execute("CREATE TABLE bench_outbox (id bigserial PRIMARY KEY, type text, payload jsonb)")
        owner.execute("GRANT ALL ON bench_outbox, bench_outbox_id_seq TO bh_app")
    tokens = itertools.cycle([beside.token(stack, uuid.UUID(int=n + 1)) for n in range(DONORS)])
    body = json.dumps({"campaign_id": str(CAMPAIGN), "amount": "25.00", "currency": "GBP"}).encode()

    def another() -> bytes:
        key = {"Idempotency-Key": str(uuid.uuid4())}
        return request("POST", "/api/v1/payments/create-intent", token=next(tokens), body=body, headers=key)

    with ground.running(stack, ground.program(stack, "stripe")):
        yield from beside.compare(stack, "payments", another, goal="≥ 2", connections=CONNECTIONS)
