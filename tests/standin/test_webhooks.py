"""docs.stripe.com/webhooks, docs.stripe.com/api/webhook_endpoints"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import stripe

from .conftest import Receiver, StandIn, until


def test_every_event_arrives_signed(standin: StandIn, v1: Any, receiver: Receiver) -> None:
    standin.given()
    got = receiver.wait(4)
    assert sorted(receiver.types) == sorted(standin.happened())
    assert {one.event["api_version"] for one in got} == {"2026-02-25.clover"}
    assert all(one.signature.startswith("t=") and ",v1=" in one.signature for one in got)
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(got[0].body + b" ", got[0].signature, receiver.secret)
    until(lambda: v1.events.retrieve(got[0].event["id"]).pending_webhooks == 0)


def test_an_endpoint_gets_only_what_it_asked_for(standin: StandIn, v1: Any, unregistered: Receiver) -> None:
    made = v1.webhook_endpoints.create({"url": unregistered.url, "enabled_events": ["refund.created"]})
    unregistered.secret = made.secret
    v1.refunds.create({"payment_intent": standin.given().id})
    unregistered.wait(1)
    assert unregistered.types == ["refund.created"]
    (listed,) = v1.webhook_endpoints.list().data
    assert (listed.id, listed.status, listed.get("secret")) == (made.id, "enabled", None)
    assert v1.webhook_endpoints.update(made.id, {"disabled": True}).status == "disabled"
    assert v1.webhook_endpoints.delete(made.id).deleted is True
    assert v1.webhook_endpoints.list().data == []


def test_a_failed_delivery_is_tried_again_until_it_succeeds(standin: StandIn, v1: Any, receiver: Receiver) -> None:
    standin.control("settings", {"retry_base": 0.02})
    receiver.statuses = [500, 404, 302]
    v1.payment_intents.create({"amount": 1000, "currency": "usd"})
    tries = receiver.wait(4)
    assert len({one.event["id"] for one in tries}) == 1
    until(lambda: v1.events.retrieve(tries[0].event["id"]).pending_webhooks == 0)
    (delivery,) = standin.http.get("/_standin/webhooks").json()["deliveries"]
    assert (delivery["attempts"], delivery["last_status"], delivery["state"]) == (4, 200, "done")


def test_deliveries_can_be_doubled(standin: StandIn, v1: Any, receiver: Receiver) -> None:
    standin.control("settings", {"webhooks_copies": 2})
    v1.payment_intents.create({"amount": 1000, "currency": "usd"})
    assert len({one.event["id"] for one in receiver.wait(2)}) == 1


def test_held_events_wait_and_are_released_in_another_order(standin: StandIn, v1: Any, receiver: Receiver) -> None:
    standin.control("settings", {"webhooks_hold": True, "webhooks_at_once": 1})
    standin.given()
    counts = standin.http.get("/_standin/webhooks").json()
    assert (counts["counts"], counts["under_way"], receiver.got) == ({"held": 4}, 0, [])
    assert standin.control("webhooks/release", {"order": "reversed"}) == {"released": 4}
    receiver.wait(4)
    assert receiver.types == standin.happened()[::-1]


def test_chosen_types_are_released_first(standin: StandIn, receiver: Receiver) -> None:
    standin.control("settings", {"webhooks_hold": True})
    standin.given()
    assert standin.control("webhooks/release", {"types": ["payment_intent.succeeded"]}) == {"released": 1}
    receiver.wait(1)
    assert receiver.types == ["payment_intent.succeeded"]


def test_delivery_can_be_stopped_and_started(standin: StandIn, v1: Any, receiver: Receiver) -> None:
    standin.control("settings", {"webhooks_running": False})
    v1.payment_intents.create({"amount": 1000, "currency": "usd"})
    assert standin.http.get("/_standin/webhooks").json()["counts"] == {"waiting": 1}
    assert receiver.got == []
    standin.control("settings", {"webhooks_running": True})
    receiver.wait(1)


def test_delayed_and_shuffled_events_all_arrive(standin: StandIn, receiver: Receiver) -> None:
    standin.control("settings", {"webhooks_delay": 0.05, "webhooks_shuffle": 0.1})
    standin.given()
    receiver.wait(4)
    assert sorted(receiver.types) == sorted(standin.happened())


def test_an_event_can_be_delivered_again(standin: StandIn, v1: Any, receiver: Receiver) -> None:
    v1.payment_intents.create({"amount": 1000, "currency": "usd"})
    (first,) = receiver.wait(1)
    assert standin.control(f"events/{first.event['id']}/redeliver", {"copies": 3}) == {"queued": 3}
    assert {one.event["id"] for one in receiver.wait(4)} == {first.event["id"]}
    assert standin.http.post("/_standin/events/evt_nothing/redeliver").status_code == 404


def test_an_endpoint_can_have_a_secret_of_ones_choice(standin: StandIn, v1: Any, unregistered: Receiver) -> None:
    unregistered.secret = "whsec_chosen"
    made = standin.control("webhook_endpoints", {"url": unregistered.url, "secret": "whsec_chosen"})
    again = standin.control("webhook_endpoints", {"url": unregistered.url, "secret": "whsec_chosen"})
    assert made["id"] == again["id"]
    v1.customers.create({"email": "donor@demo.test"})
    assert unregistered.wait(1)[0].event["type"] == "customer.created"


def test_undelivered_events_and_all_state_survive_kill_9(tmp_path: Path, unregistered: Receiver) -> None:
    standin = StandIn(tmp_path / "state", "--webhook", unregistered.url, "--webhook-secret", "whsec_fixed")
    try:
        unregistered.secret = "whsec_fixed"
        standin.control("settings", {"webhooks_running": False, "refund_settles_after": 0.3})
        paid = standin.given(card="pm_card_refundFail")
        ask: Any = {"payment_intent": paid.id, "amount": 700}
        refund = standin.stripe.v1.refunds.create(ask, {"idempotency_key": "k"})
        standin.kill()
        standin.start()
        assert standin.stripe.v1.refunds.create(ask, {"idempotency_key": "k"}).id == refund.id
        assert standin.stripe.v1.payment_intents.retrieve(paid.id).amount_received == 5000
        assert unregistered.got == []
        standin.control("settings", {"webhooks_running": True})
        unregistered.wait(9)
        assert sorted(unregistered.types) == sorted(standin.happened())
        assert standin.stripe.v1.refunds.retrieve(refund.id).status == "failed"
    finally:
        standin.stop()
