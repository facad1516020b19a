"""One key, one gift, however often and however fast it is asked."""

from __future__ import annotations

import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connections

from bh_sdk.server.api.models import IdempotencyKey
from payments_svc.donations.models import Payment
from tests.payments.conftest import Caller, StandIn, person
from tests.payments.factories import CampaignFactory


@pytest.mark.django_db(transaction=True)
def test_fifty_threads_with_one_key_open_one_payment_and_one_intent(standin: StandIn) -> None:
    campaign, donor, key = CampaignFactory.create(), person(), uuid.uuid4()

    def ask(_: int) -> tuple[int, str]:
        try:
            while True:
                answer = donor.open(campaign, key=key)
                if answer.status_code != 409:
                    return answer.status_code, answer.json()["payment_id"]
        finally:
            connections.close_all()

    with ThreadPoolExecutor(50) as pool:
        answers = Counter(pool.map(ask, range(50)))
    assert len(answers) == 1, answers
    assert next(iter(answers))[0] == 201
    assert Payment.objects.count() == 1
    assert len(standin.intents(str(Payment.objects.get().id))) == 1


@pytest.mark.django_db
class TestKeys:
    def test_none_is_a_400(self, donor: Caller, campaign: Any) -> None:
        body = {"campaign_id": str(campaign.id), "amount": "5.00", "currency": "GBP"}
        for headers in ({}, {"key": "not-a-uuid"}):
            refused = donor("POST", "/create-intent", body, **headers)
            assert (refused.status_code, refused.json()["code"]) == (400, "idempotency_key_missing")
        assert Payment.objects.count() == 0

    def test_another_body_is_a_422(self, standin: StandIn, donor: Caller, campaign: Any) -> None:
        key = uuid.uuid4()
        assert donor.open(campaign, "5.00", key=key).status_code == 201
        refused = donor.open(campaign, "6.00", key=key)
        assert (refused.status_code, refused.json()["code"]) == (422, "idempotency_key_reused")
        assert Payment.objects.count() == 1

    def test_another_body_is_refused_even_when_the_first_answer_was_purged(
        self, standin: StandIn, donor: Caller, campaign: Any
    ) -> None:
        key = uuid.uuid4()
        first = donor.open(campaign, "5.00", key=key).json()
        IdempotencyKey.objects.all().delete()
        assert donor.open(campaign, "6.00", key=key).json()["code"] == "idempotency_key_reused"
        assert donor.open(campaign, "5.00", key=key).json()["payment_id"] == first["payment_id"]

    def test_the_same_answer_comes_again(self, standin: StandIn, donor: Caller, campaign: Any) -> None:
        key = uuid.uuid4()
        first, again = donor.open(campaign, key=key), donor.open(campaign, key=key)
        assert first.json() == again.json()
        assert again.headers["Idempotent-Replayed"] == "true"
        assert "Idempotent-Replayed" not in first.headers

    def test_another_caller_has_keys_of_their_own(self, standin: StandIn, donor: Caller, campaign: Any) -> None:
        key = uuid.uuid4()
        one, other = donor.open(campaign, key=key).json(), person().open(campaign, key=key).json()
        assert one["payment_id"] != other["payment_id"]

    def test_two_guests_have_keys_of_their_own(self, standin: StandIn, guest: Caller, campaign: Any) -> None:
        key = uuid.uuid4()
        one = guest.open(campaign, key=key).json()
        other = guest.open(campaign, key=key, donor={"name": "Joe", "email": "joe@demo.test"}).json()
        assert one["payment_id"] != other["payment_id"]

    def test_a_refusal_of_the_campaign_is_remembered(self, donor: Caller, db: None) -> None:
        key, closed = uuid.uuid4(), CampaignFactory.create(status="DRAFT")
        assert donor.open(closed, key=key).status_code == 409
        closed.status = "FUNDING"
        closed.save()
        again = donor.open(closed, key=key)
        assert (again.status_code, again.headers["Idempotent-Replayed"]) == (409, "true")

    def test_no_stored_answer_holds_a_secret_in_clear(self, standin: StandIn, guest: Caller, campaign: Any) -> None:
        from django.db import connection

        secret = guest.open(campaign).json()["client_secret"].encode()
        with connection.cursor() as cursor:
            cursor.execute("SELECT t::text FROM bh_api_idempotencykey t")
            assert secret.decode() not in " ".join(row[0] for row in cursor.fetchall())
            cursor.execute("SELECT answer FROM bh_api_idempotencykey")
            assert all(secret not in bytes(row[0]) for row in cursor.fetchall())
