"""Stripe tells us of events, each once and signed: how long it waits for our 200. What they cause is done later."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import time
from collections.abc import Iterator

from bench import ground
from bench.beside import within
from bench.figures import Figure, Finding, percentile
from bench.load import Load, press, request
from deploy.local.stack import Stack

CONNECTIONS, ROUNDS, SECONDS = 8, 5, 1.0


def measure(stack: Stack) -> Iterator[Finding]:
    program = ground.program(stack, "payments-api")
    secret = program.env["STRIPE_WEBHOOK_SECRET"].split(",")[0].encode()
    numbers = itertools.count(1)

    def event() -> bytes:
        number = next(numbers)
        intent = {
            "id": f"pi_bench{number}",
            "object": "payment_intent",
            "amount": 2500,
            "currency": "gbp",
            "metadata": {},
        }
        told = {
            "id": f"evt_bench{number}",
            "object": "event",
            "type": "payment_intent.succeeded",
            "created": int(time.time()),
            "livemode": False,
            "data": {"object": intent},
        }
        body = json.dumps(told).encode()
        stamp = str(int(time.time()))
        signature = hmac.new(secret, stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
        headers = {"Stripe-Signature": f"t={stamp},v1={signature}"}
        return request("POST", "/api/v1/payments/webhooks/stripe", body=body, headers=headers)

    with ground.running(stack, program) as process:
        port = stack.ports.of("payments")
        press(port, event, connections=CONNECTIONS, seconds=0, at_least=100)
        before = ground.cpu_seconds(process)
        loads: list[Load] = [press(port, event, connections=CONNECTIONS, seconds=SECONDS) for _ in range(ROUNDS)]
        cpu = ground.cpu_seconds(process) - before
    took = [each for load in loads for each in load.took]
    note = f"{within(took)}; CPU {cpu / len(took) * 1e6:,.0f} µs a request, {CONNECTIONS} connections"
    yield Figure("answered", len(took) / sum(load.seconds for load in loads), "req/s", note=note)
    yield Figure("answer, p95", percentile(took, 0.95) * 1000, "ms", "< 50")
