"""One storm for the whole suite; the tests look at what it left."""

from __future__ import annotations

import os
import random
import time

import pytest

from tests.faults.drain import drain
from tests.faults.storm import Storm
from tests.stack import House, _remember_where_logs_were, house, pytest_runtest_makereport

__all__ = ["_remember_where_logs_were", "house", "pytest_runtest_makereport"]

SEED = os.environ.get("BH_FAULTS_SEED") or str(random.SystemRandom().randrange(10**8))
SECONDS = float(os.environ.get("BH_FAULTS_SECONDS") or 20)
DRAINED_WITHIN = 180.0
_told: list[str] = []


def pytest_report_header(config: pytest.Config) -> str:
    return f"storm of {SECONDS:.0f} s; to repeat it: BH_FAULTS_SEED={SEED}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    terminalreporter.write_sep("-", f"BH_FAULTS_SEED={SEED}")
    for line in _told:
        terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def storm(house: House, request: pytest.FixtureRequest) -> Storm:
    """The storm after it is over and everything has come to rest."""
    began = time.monotonic()
    aloud = request.config.getoption("capture") == "no"

    def say(words: str) -> None:
        line = f"{time.monotonic() - began:6.1f} s  {words}"
        print(line, flush=True) if aloud else _told.append(line)

    raging = Storm(house, SEED, SECONDS, say)
    raging.rage()
    answered = sum(gift.succeeded for gift in raging.gifts)
    say(f"{len(raging.gifts)} gifts, {answered} known to have arrived, {sum(raging.kills.values())} blows")
    missing = drain(house, DRAINED_WITHIN, say)
    say(f"blows: {dict(sorted(raging.kills.items()))}")
    say(f"answers: {dict(sorted(raging.outcomes.items()))}")
    if missing:
        pytest.fail(f"BH_FAULTS_SEED={SEED}: still to be done after {DRAINED_WITHIN:.0f} s: {missing}\n{stuck(house)}")
    return raging


def stuck(house: House) -> str:
    """The rows that did not come to rest."""
    events = (
        "SELECT id, type, intent_id, attempts, due_at, note FROM payments_gateway_stripeevent WHERE state = 'pending'"
    )
    payments = "SELECT id, status, intent_id, look_again_at FROM payments_donations_payment"
    payments += " WHERE status IN ('created', 'unknown', 'processing')"
    handoffs = (
        "SELECT kind, entity_id, attempts, due_at, last_error FROM payments_donations_handoff WHERE due_at IS NOT NULL"
    )
    deliveries = "SELECT id, channel, status, tries, due_at, claimed_at, reason FROM notify_delivery_delivery"
    deliveries += " WHERE status NOT IN ('sent', 'failed', 'canceled')"
    checkpoints = "SELECT * FROM checkpoint"
    looks = {
        "payments": (payments, events, handoffs, checkpoints),
        "trust": (checkpoints, "SELECT * FROM trust_scoring_due"),
        "notify": (checkpoints, deliveries),
    }
    lines = [
        f"{service}: {row}"
        for service, queries in looks.items()
        for query in queries
        for row in house.rows(service, f"{query} LIMIT 5")
    ]
    return "\n".join(lines)


@pytest.fixture(autouse=True)
def _name_the_seed(request: pytest.FixtureRequest) -> None:
    request.node.user_properties.append(("BH_FAULTS_SEED", SEED))
