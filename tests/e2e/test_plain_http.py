"""The same story for somebody who has no SDK: requests and answers as they are on the wire."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from uuid import uuid4

import httpx
import jwt
import pytest

from tests.e2e.scene import AT_MOST, in_the_browser
from tests.stack import House, until

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@pytest.fixture(scope="module")
def http() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=30, trust_env=False) as client:
        yield client


def platforms_token(house: House, http: httpx.Client, service: str) -> dict[str, str]:
    """Client credentials with a signed assertion (RFC 7523), made by hand."""
    door, now = f"{house.url(service)}/oauth2/token", int(time.time())
    claims = {"iss": "monolith", "sub": "monolith", "aud": door, "jti": str(uuid4()), "iat": now, "exp": now + 60}
    key = (house.stack.keys / "monolith.pem").read_text()
    assertion = jwt.encode(claims, key, algorithm="ES256", headers={"kid": key_id_of_platform(house)})
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": assertion,
    }
    answer = http.post(door, data=form)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert (answer.json()["token_type"], answer.json()["expires_in"] <= 300) == ("Bearer", True)
    again = http.post(door, data=form)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_client"), "an assertion serves once"
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


def key_id_of_platform(house: House) -> str:
    """The id under which the services know the platform's key."""
    clients = json.loads((house.stack.keys / "clients.json").read_text())
    return str(clients["monolith"]["jwks"]["keys"][0]["kid"])


def users_token(house: House, http: httpx.Client, user: str) -> dict[str, str]:
    answer = http.post(f"{house.url('issuer')}/token", json={"sub": user, "roles": ["donor"]}).raise_for_status()
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


def test_the_story_with_requests_alone(house: House, http: httpx.Client) -> None:
    payments, campaign, owner = f"{house.url('payments')}/api/v1/payments", str(uuid4()), str(uuid4())
    platform = platforms_token(house, http, "payments")
    described = {"title": "A roof for St Brigid", "owner_id": owner, "currency": "GBP", "goal": "30000.00"}
    described["status"] = "FUNDING"
    made = http.put(f"{payments}/campaigns/{campaign}", json=described, headers=platform)
    assert (made.status_code, made.json()["campaign_id"]) == (201, campaign)
    assert http.put(f"{payments}/campaigns/{campaign}", json=described, headers=platform).status_code == 200

    address, key = f"lydia.{campaign[:8]}@demo.test", {"Idempotency-Key": str(uuid4())}
    gift = {"campaign_id": campaign, "amount": "30.00", "currency": "GBP"}
    gift |= {"cover_fees": True, "donor": {"name": "Lydia Stone", "email": address}}  # type: ignore[dict-item]
    missing = http.post(f"{payments}/create-intent", json=gift)
    assert (missing.status_code, missing.json()["code"]) == (400, "idempotency_key_missing")
    assert missing.headers["content-type"] == "application/problem+json"
    opened = http.post(f"{payments}/create-intent", json=gift, headers=key)
    assert opened.status_code == 201
    body = opened.json()
    assert (body["amount"], body["net_amount"], body["currency"]) == ("30.00", "30.00", "GBP")

    repeated = http.post(f"{payments}/create-intent", json=gift, headers=key)
    assert (repeated.status_code, repeated.json()) == (201, body)
    assert repeated.headers["idempotent-replayed"] == "true"
    other = http.post(f"{payments}/create-intent", json=gift | {"amount": "31.00"}, headers=key)
    assert other.status_code == 422

    assert in_the_browser(house, body["client_secret"])["status"] == "succeeded"
    confirm = {"payment_intent_id": body["payment_intent_id"], "client_secret": body["client_secret"]}
    asked = http.post(f"{payments}/confirm", json=confirm, headers={"Idempotency-Key": str(uuid4())})
    assert (asked.status_code, asked.json()["status"]) == (200, "succeeded")
    assert asked.json()["receipt_url"].startswith("http")

    seen = http.get(f"{payments}/{body['payment_id']}", headers=platform)
    assert (seen.status_code, seen.json()["status"], seen.json()["user_id"]) == (200, "succeeded", None)
    assert http.get(f"{payments}/{body['payment_id']}").status_code == 404
    totals = until(
        lambda: next((t for t in [http.get(f"{payments}/campaigns/{campaign}/totals").json()] if t["gifts"]), None),
        "the totals",
        seconds=AT_MOST,
    )
    assert (totals["raised"], totals["donors"]) == ("30.00", 1)

    def mail() -> str | None:
        found = http.get(f"{house.url('mail')}/messages").json()
        return next((one["subject"] for one in found if address in one["to"]), None)

    assert until(mail, "the thank-you mail", seconds=AT_MOST).startswith("Thank you")

    trust = f"{house.url('trust')}/api/v1/trust"
    score = until(
        lambda: next((r for r in [http.get(f"{trust}/campaign/{campaign}")] if r.status_code == 200), None),
        "the score",
        seconds=AT_MOST,
    )
    assert score.json()["rated"] is False
    unchanged = http.get(f"{trust}/campaign/{campaign}", headers={"If-None-Match": score.headers["etag"]})
    assert unchanged.status_code in (200, 304)  # another rescore may have come between
    events = http.get(f"{house.url('payments')}/api/v1/events", params={"limit": 5}, headers=platform).json()
    assert {"id", "source", "type", "subject", "time", "number", "epoch", "data"} <= set(events["results"][0])
    assert [event["number"] for event in events["results"]] == list(range(1, len(events["results"]) + 1))


def test_a_user_with_a_token_of_the_issuer_gives_and_reads_the_feed(house: House, http: httpx.Client) -> None:
    payments, campaign, user = f"{house.url('payments')}/api/v1/payments", str(uuid4()), str(uuid4())
    described = {"title": "Coats", "owner_id": str(uuid4()), "currency": "USD", "goal": "800.00", "status": "FUNDED"}
    platform = platforms_token(house, http, "payments")
    assert http.put(f"{payments}/campaigns/{campaign}", json=described, headers=platform).status_code == 201
    me = users_token(house, http, user)
    gift = {"campaign_id": campaign, "amount": "12.00", "currency": "USD"}
    opened = http.post(f"{payments}/create-intent", json=gift, headers=me | {"Idempotency-Key": str(uuid4())})
    assert (opened.status_code, opened.json()["user_id"]) == (201, user)
    confirm = {"payment_intent_id": opened.json()["payment_intent_id"], "payment_method_id": "pm_card_mastercard"}
    done = http.post(f"{payments}/confirm", json=confirm, headers=me | {"Idempotency-Key": str(uuid4())})
    assert (done.status_code, done.json()["status"]) == (200, "succeeded")
    history = http.get(f"{payments}/history/{user}", headers=me)
    assert [one["payment_id"] for one in history.json()["results"]] == [opened.json()["payment_id"]]

    notifications = f"{house.url('notify')}/api/v1/notifications"
    feed = until(
        lambda: next((f for f in [http.get(f"{notifications}/user/{user}", headers=me).json()] if f["results"]), None),
        "the feed",
        seconds=AT_MOST,
    )
    assert (feed["unread_count"], feed["results"][0]["type"]) == (1, "gift.thank_you")
    read = http.put(f"{notifications}/read/{feed['results'][0]['id']}", headers=me)
    assert (read.status_code, read.json()["read_at"] is not None) == (200, True)
    assert http.get(f"{notifications}/user/{user}", headers=me).json()["unread_count"] == 0
    assert http.get(f"{notifications}/user/{user}").status_code == 401
