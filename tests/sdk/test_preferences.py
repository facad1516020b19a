"""Preferences through the client, against the service in memory."""

from __future__ import annotations

import uuid

import pytest

from bh_sdk import errors
from bh_sdk.testing import FakeNotify
from bh_sdk.wire.preferences import ChangeQuietHours, GiveConsent

RUTH = uuid.uuid4()


def test_what_is_said_is_kept_and_the_rest_stays() -> None:
    ruth = FakeNotify(as_user=RUTH)
    assert ruth.preferences().updated_at is None
    ruth.set_preferences({("social", "email"): "daily"}, quiet_hours=ChangeQuietHours(enabled=True, start="21:00"))
    said = ruth.set_preferences(timezone="Africa/Nairobi", consent=GiveConsent(granted=True, version="2026-11"))
    often = {(one.category, one.channel): one.frequency for one in said.choices}
    assert (often["social", "email"], often["subscription", "email"]) == ("daily", "instant")
    assert (said.quiet_hours.start, said.quiet_hours.end, said.timezone) == ("21:00", "08:00", "Africa/Nairobi")
    assert said.consent is not None
    assert said.consent.version == "2026-11"
    assert FakeNotify(as_user=uuid.uuid4(), world=ruth.world).preferences().updated_at is None


def test_what_cannot_be_chosen_is_refused_by_name() -> None:
    ruth = FakeNotify(as_user=RUTH)
    with pytest.raises(errors.CategoryRequired) as refused:
        ruth.set_preferences({("security", "email"): "never"})
    assert refused.value.facts["category"] == "security"
    with pytest.raises(errors.Invalid):
        ruth.set_preferences({("social", "push"): "weekly"})
    with pytest.raises(errors.Invalid):
        ruth.set_preferences({("marketing", "email"): "never"})
    assert ruth.preferences().updated_at is None


def test_campaigns_are_followed_and_left() -> None:
    platform, campaign = FakeNotify(as_service="monolith"), uuid.uuid4()
    platform.describe_campaign(campaign, title="A well", owner_id=uuid.uuid4(), currency="GBP")
    ruth = FakeNotify(as_user=RUTH, world=platform.world)
    assert ruth.follow(campaign).following
    assert not ruth.unfollow(campaign).following
    assert [(one.title, one.following) for one in ruth.follows().results] == [("A well", False)]
    with pytest.raises(errors.NotFound):
        ruth.follow(uuid.uuid4())
