"""Rows to start from, as the commands would have written them."""

from __future__ import annotations

import uuid
from typing import Any

from factory.declarations import LazyFunction, SelfAttribute, SubFactory
from factory.django import DjangoModelFactory

from bh_sdk.server.ops import clock
from payments_svc.donations.models import Campaign, Payment


class CampaignFactory(DjangoModelFactory[Campaign]):
    class Meta:
        model = Campaign

    id = LazyFunction(uuid.uuid4)
    title = "Clean water for Kisumu"
    owner_id = LazyFunction(uuid.uuid4)
    currency = "GBP"
    goal = 1_200_000
    status = "FUNDING"
    created_at = LazyFunction(clock.now)
    updated_at = LazyFunction(clock.now)


class PaymentFactory(DjangoModelFactory[Payment]):
    """A payment of a signed-in donor that nobody has paid yet."""

    class Meta:
        model = Payment

    campaign = SubFactory(CampaignFactory)
    donor_id = LazyFunction(uuid.uuid4)
    user_id = SelfAttribute("donor_id")
    request_digest = LazyFunction(lambda: uuid.uuid4().hex + uuid.uuid4().hex)
    currency = "GBP"
    amount = 2500
    charged = 2500
    processing_fee = 93
    platform_fee = 50
    status = "created"
    created_at = LazyFunction(clock.now)


def campaign(**changes: Any) -> Campaign:
    return CampaignFactory.create(**changes)
