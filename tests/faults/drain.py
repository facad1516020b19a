"""Waiting until nothing is left to do, with a reason for each second that it takes."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

import httpx
import psycopg

from deploy.local import clock
from deploy.local.stack import SERVICES
from tests.stack import House

# What waits in each database: (what it is, how many). A row that is due later counts as well.
WAITING = {
    "payments": {
        "payments without an outcome": "SELECT count(*) FROM payments_donations_payment"
        " WHERE status IN ('created', 'unknown', 'processing')",
        "Stripe's events": "SELECT count(*) FROM payments_gateway_stripeevent WHERE state = 'pending'",
        "things to hand on": "SELECT count(*) FROM payments_donations_handoff WHERE due_at IS NOT NULL",
    },
    "trust": {"scores to calculate": "SELECT count(*) FROM trust_scoring_due"},
    "notify": {
        "deliveries": "SELECT count(*) FROM notify_delivery_delivery"
        " WHERE status NOT IN ('sent', 'failed', 'canceled') AND NOT (status = 'unknown' AND reason = 'fate_unknown')",
        "mailings": "SELECT count(*) FROM notify_delivery_mailing WHERE status IN ('open', 'canceling')",
        "facts without a campaign": "SELECT count(*) FROM notify_delivery_waitingfact",
    },
}
READS = {"payments": ("payments",), "trust": ("payments",), "notify": ("payments", "trust")}


def left(house: House) -> dict[str, int]:
    """What is still to be done, by name. Raises psycopg.Error and httpx.HTTPError while something is down."""
    found = {
        f"{service}: {what}": int(house.value(service, query))
        for service, queries in WAITING.items()
        for what, query in queries.items()
    }
    heads = {}
    for service in SERVICES:
        found[f"{service}: facts without a number"] = int(house.value(service, "SELECT count(*) FROM outbox"))
        heads[service] = int(house.value(service, "SELECT coalesce(max(number), 0) FROM feed"))
    for reader, sources in READS.items():
        for source in sources:
            at = house.value(reader, "SELECT coalesce(max(number), 0) FROM checkpoint WHERE source = %s", source)
            found[f"{reader}: facts of {source} to apply"] = heads[source] - int(at)
    counts = house.standin("GET", "webhooks")["counts"]
    found["stripe: webhooks to deliver"] = sum(counts.get(state, 0) for state in ("waiting", "held"))
    return {what: number for what, number in found.items() if number}


def drain(house: House, seconds: float, say: Callable[[str], None]) -> dict[str, int]:
    """Wait until nothing is left, twice in a row; returns what is left after `seconds`.

    Rows that a storm put off for minutes come due sooner: the clock of the stack is moved ahead, a little at a time.
    """
    began = spoken = moved = time.monotonic()
    ahead, quiet, missing = 0, 0, {"everything": 1}
    while quiet < 2:
        now = time.monotonic()
        if now - began > seconds:
            return missing
        with suppress(psycopg.Error, httpx.HTTPError):
            missing = left(house)
            quiet = 0 if missing else quiet + 1
        if missing and now - spoken > 5:
            spoken = now
            say(f"after {now - began:.0f} s: " + ", ".join(f"{number} {what}" for what, number in missing.items()))
        if missing and now - moved > 4:
            moved, ahead = now, ahead + 300
            clock.move(house.stack, f"+{ahead}s")
        time.sleep(0.25)
    say(f"nothing left after {time.monotonic() - began:.1f} s")
    return {}
