"""kill -9 in the middle of traffic: what was answered is there, what was not is done once when it is asked again."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import stripe

from .conftest import StandIn, until

THREADS = 4


def test_what_was_answered_survives_and_a_repeated_key_makes_no_second_intent(tmp_path: Path) -> None:
    standin = StandIn(tmp_path)
    try:
        answered: dict[str, str] = {}

        def give(thread: int) -> str:
            """Give until the stand-in dies; the key whose answer never came."""
            for number in range(10_000):
                key = f"{thread}-{number}"
                try:
                    answered[key] = pay(standin, key).id
                except stripe.APIConnectionError:
                    return key
            raise AssertionError("the stand-in was never killed")

        with ThreadPoolExecutor(THREADS) as pool:
            unanswered = [pool.submit(give, thread) for thread in range(THREADS)]
            until(lambda: len(answered) >= 40)
            standin.kill()
        standin.start()

        repeated = {key: pay(standin, key).id for key in [*answered, *(each.result() for each in unanswered)]}
        assert {key: repeated[key] for key in answered} == answered
        paid = list(standin.stripe.v1.payment_intents.list({"limit": 100}).auto_paging_iter())
        assert sorted(one.id for one in paid) == sorted(repeated.values())
        assert {one.status for one in paid} == {"succeeded"}
        charges = list(standin.stripe.v1.charges.list({"limit": 100}).auto_paging_iter())
        assert sorted(str(one.payment_intent) for one in charges) == sorted(repeated.values())
        assert standin.happened("payment_intent.succeeded").count("payment_intent.succeeded") == len(repeated)
    finally:
        standin.stop()


def pay(standin: StandIn, key: str) -> Any:
    ask: Any = {"amount": 1000, "currency": "usd", "payment_method": "pm_card_visa", "confirm": True}
    return standin.stripe.v1.payment_intents.create(ask, {"idempotency_key": key})
