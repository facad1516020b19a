"""What we know ourselves of how a campaign goes: milestones, its goal, its last days, and that gifts come in."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bh_sdk.events import DonationSucceeded
from bh_sdk.money import Money
from notify_svc.audience import commands as audience
from notify_svc.audience import queries
from notify_svc.audience.models import Campaign as Known
from notify_svc.delivery import campaigns, tasks
from notify_svc.delivery.models import Delivery, Mailing, Notification
from notify_svc.preferences import commands as preferences
from notify_svc.preferences.commands import Said
from tests.notify.conftest import Caller, Campaign, describe, hear, refund_failed, refunded, succeeded, work
from tests.notify.mailbox import Mailbox, plain

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)


@pytest.fixture
def at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """Set the clock of the service."""
    file = tmp_path / "clock"
    monkeypatch.setenv("BH_CLOCK_FILE", str(file))

    def move(to: datetime) -> None:
        file.write_text(str((to - datetime.now(UTC)).total_seconds()))

    move(NOW)
    return move


def wants(campaign: Campaign, goal: str | None = "100.00", **more: Any) -> None:
    audience.describe_campaign(
        campaign_id=campaign.id, title=campaign.title, owner_id=campaign.owner, currency="GBP", goal=goal, **more
    )


def gives(campaign: Campaign, amount: str, **more: Any) -> DonationSucceeded:
    gift = succeeded(campaign, amount=amount, charged=amount, **more)
    hear(gift)
    tasks.expand()
    return gift


def told(person: UUID, *types: str) -> list[tuple[str, Any]]:
    rows = Notification.objects.filter(recipient_id=person, type__in=types).order_by("created_at", "id")
    return [(row.type, row.data.get("progress_percentage", 100)) for row in rows]


STEPS = ("milestone_reached", "goal_reached")


def test_each_step_is_told_once_to_the_owner_and_to_those_who_follow(campaign: Campaign) -> None:
    wants(campaign)
    first = gives(campaign, "20.00")
    assert told(campaign.owner, *STEPS) == []
    for amount in ("10.00", "10.00", "10.00", "25.00", "30.00", "50.00"):
        gives(campaign, amount)
    steps = [("milestone_reached", 25), ("milestone_reached", 50), ("milestone_reached", 75), ("goal_reached", 100)]
    assert told(campaign.owner, *STEPS) == steps
    assert told(first.donor_id, *STEPS) == steps
    goal = Notification.objects.get(recipient_id=campaign.owner, type="goal_reached")
    assert (goal.data["current_amount"], goal.data["donor_count"], goal.data["is_recipient"]) == ("105.00", 6, True)
    assert "is_recipient" not in Notification.objects.get(recipient_id=first.donor_id, type="goal_reached").data


def test_a_large_gift_tells_the_highest_step_alone_and_a_refund_tells_none_again(campaign: Campaign) -> None:
    wants(campaign)
    gift = gives(campaign, "80.00")
    assert told(campaign.owner, *STEPS) == [("milestone_reached", 75)]
    back = refunded(
        campaign, payment_id=gift.payment_id, donor_id=gift.donor_id, amount="60.00", refunded_total="60.00"
    )
    hear(back)
    assert queries.progress(Known.objects.get()).raised == Money(2_000, "GBP")
    gives(campaign, "10.00")
    gives(campaign, "25.00")
    assert told(campaign.owner, *STEPS) == [("milestone_reached", 75)]
    hear(refund_failed(back))
    gives(campaign, "1.00")
    assert told(campaign.owner, *STEPS) == [("milestone_reached", 75), ("goal_reached", 100)]


def test_without_a_goal_nothing_is_told_and_a_goal_that_comes_later_counts_what_was_given(campaign: Campaign) -> None:
    gives(campaign, "60.00")
    assert told(campaign.owner, *STEPS) == []
    wants(campaign)
    assert told(campaign.owner, *STEPS) == []
    gives(campaign, "1.00")
    assert told(campaign.owner, *STEPS) == [("milestone_reached", 50)]


def test_a_gift_that_was_taken_back_before_we_heard_of_it_raises_nothing(campaign: Campaign) -> None:
    wants(campaign)
    gift = succeeded(campaign, amount="30.00", charged="30.00")
    hear(refunded(campaign, payment_id=gift.payment_id, donor_id=gift.donor_id, refunded_total="30.00", full=True))
    hear(gift)
    tasks.expand()
    assert queries.progress(Known.objects.get()).raised == Money(0, "GBP")
    assert told(campaign.owner, *STEPS) == []


def test_the_same_fact_heard_again_counts_and_tells_nothing(campaign: Campaign) -> None:
    wants(campaign)
    gift = succeeded(campaign, amount="30.00", charged="30.00")
    for _ in range(3):
        hear(gift)
        tasks.expand()
    assert queries.progress(Known.objects.get()).raised == Money(3_000, "GBP")
    assert told(campaign.owner, *STEPS) == [("milestone_reached", 25)]
    assert Mailing.objects.filter(order__type="milestone_reached").count() == 1


def test_gifts_before_the_campaign_is_known_are_counted_when_it_is() -> None:
    campaign = Campaign()
    hear(succeeded(campaign, amount="30.00", charged="30.00"))
    assert not Notification.objects.exists()
    wants(campaign)
    tasks.tell_waiting()
    assert told(campaign.owner, *STEPS) == [("milestone_reached", 25)]


def test_an_owner_who_follows_gets_the_words_for_owners_alone(campaign: Campaign) -> None:
    wants(campaign)
    preferences.follow(user_id=campaign.owner, campaign_id=campaign.id, following=True, said=Said("api"))
    gives(campaign, "30.00")
    (row,) = Notification.objects.filter(recipient_id=campaign.owner, type="milestone_reached")
    assert row.data["is_recipient"] is True


def test_who_follows_sees_once_a_day_that_gifts_come_in_and_gets_no_mail_of_it(
    campaign: Campaign, at: Callable[[datetime], None]
) -> None:
    first = gives(campaign, "5.00")
    second = gives(campaign, "5.00")
    assert told(first.donor_id, "gift.followed") == []
    at(NOW + timedelta(days=1))
    third = gives(campaign, "5.00")
    gives(campaign, "5.00")
    for giver, times in ((first, 1), (second, 1), (third, 0)):
        assert len(told(giver.donor_id, "gift.followed")) == times
    assert told(campaign.owner, "gift.followed") == []
    row = Notification.objects.get(recipient_id=first.donor_id, type="gift.followed")
    assert (row.data["current_amount"], row.expires_at) == ("15.00", row.created_at + timedelta(days=1))
    assert list(row.deliveries.values_list("channel", flat=True)) == ["in_app"]


def test_the_last_days_are_told_two_days_before_once_per_deadline(
    campaign: Campaign, mailbox: Mailbox, at: Callable[[datetime], None]
) -> None:
    ends = NOW + timedelta(hours=50)
    wants(campaign, ends_at=ends)
    gift = gives(campaign, "20.00")
    describe(gift.donor_id, "ruth@example.org", "Ruth")
    assert tasks.tell_endings() == 0
    at(NOW + timedelta(hours=3))
    assert [tasks.tell_endings(), tasks.tell_endings()] == [1, 0]
    tasks.expand()
    work()
    (mail,) = [one for one in mailbox.to("ruth@example.org") if "ends on" in str(one["Subject"])]
    assert mail["Subject"] == "Clean water for Kibera ends on 3 December 2026"
    assert "£20.00" in plain(mail)
    row = Notification.objects.get(recipient_id=gift.donor_id, type="campaign_ending")
    assert (row.expires_at, row.data["amount_needed"]) == (ends, "80.00")
    wants(campaign, ends_at=ends + timedelta(days=3))
    assert tasks.tell_endings() == 0
    at(NOW + timedelta(days=4))
    assert tasks.tell_endings() == 1
    assert len(told(campaign.owner, "campaign_ending")) == 2


def test_a_mail_about_the_last_days_does_not_come_after_them(
    campaign: Campaign, mailbox: Mailbox, at: Callable[[datetime], None]
) -> None:
    wants(campaign, ends_at=NOW + timedelta(hours=40))
    tasks.tell_endings()
    at(NOW + timedelta(hours=41))
    describe(campaign.owner, "naomi@example.org")
    work()
    assert mailbox.to("naomi@example.org") == []
    assert Delivery.objects.get(channel="email").reason == "expired"


def test_a_campaign_that_takes_no_gifts_has_no_last_days(campaign: Campaign, at: Callable[[datetime], None]) -> None:
    wants(campaign, ends_at=None)
    assert tasks.tell_endings() == 0


def test_payments_tells_the_goal_and_the_deadline_and_a_goal_has_to_be_an_amount(payments: Caller) -> None:
    campaign = uuid.uuid4()
    body = {"title": "Wells", "owner_id": str(uuid.uuid4()), "currency": "JPY", "goal": "5000"}
    assert payments("PUT", f"/campaigns/{campaign}", body | {"ends_at": "2026-12-24T00:00:00Z"}).status_code == 200
    known = Known.objects.get(campaign_id=campaign)
    assert (known.goal, known.ends_at) == (5_000, datetime(2026, 12, 24, tzinfo=UTC))
    assert payments("PUT", f"/campaigns/{campaign}", body | {"goal": "5000.5"}).status_code == 422
    assert payments("PUT", f"/campaigns/{campaign}", body | {"goal": -1}).status_code == 422
    known.refresh_from_db()
    assert known.goal == 5_000


@given(
    st.integers(1, 10**9),
    st.lists(st.integers(1, 10**9), min_size=1, max_size=12),
)
def test_a_step_is_reached_when_so_many_hundredths_of_the_goal_are_there(goal: int, gifts: list[int]) -> None:
    raised = 0
    for gift in gifts:
        raised += gift
        step = campaigns.highest(raised, goal) or 0
        assert step * goal <= raised * 100
        above = [one for one in campaigns.STEPS if one > step]
        assert all(raised * 100 < one * goal for one in above)
    assert campaigns.highest(raised, 0) is None
