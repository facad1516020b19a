"""Nobody sees another's gifts or notifications, and no token opens a door that is not its own."""

from __future__ import annotations

from uuid import UUID, uuid4

import httpx
import pytest

from bh_sdk.clients import Feed, Notify, Payments
from bh_sdk.errors import Forbidden, NotFound, Refused, Unauthenticated
from tests.e2e.scene import AT_MOST, a_campaign, a_guest, as_user, feed_of, give, pay, service_auth, user_auth
from tests.stack import House, until


@pytest.fixture(scope="module")
def given(house: House) -> tuple[UUID, UUID, UUID]:
    """Somebody's gift and notification: (user, payment, notification)."""
    campaign, isaac = a_campaign(house), uuid4()
    gift = give(house, campaign, "21.00", isaac)
    pay(house, gift, isaac)
    with feed_of(house, isaac) as feed:
        item = until(lambda: next(iter(feed.feed(isaac).results), None), "the notification", seconds=AT_MOST)
    return isaac, gift.payment_id, item.id


def test_a_user_sees_only_the_own_gifts(house: House, given: tuple[UUID, UUID, UUID]) -> None:
    isaac, payment, _ = given
    with as_user(house, isaac) as own:
        assert own.payment(payment).payment_id == payment
        intent = str(own.payment(payment).payment_intent_id)
    with as_user(house, uuid4()) as other:
        for look in (
            lambda: other.payment(payment),
            lambda: other.history_page(isaac),
            lambda: other.confirm(payment_intent_id=intent),
            lambda: other.confirm(payment_intent_id=intent, client_secret=f"{intent}_secret_guessed"),
        ):
            with pytest.raises(NotFound):
                look()
    with pytest.raises(NotFound):
        house.doors.guest.payment(payment)
    with pytest.raises(Refused):
        house.doors.guest.history_page(isaac)


def test_a_user_sees_only_the_own_notifications(house: House, given: tuple[UUID, UUID, UUID]) -> None:
    isaac, _, notification = given
    with feed_of(house, uuid4()) as other:
        with pytest.raises(NotFound):
            other.feed(isaac)
        with pytest.raises(NotFound):
            other.mark_read(notification)
        assert other.read_all().marked == 0
    with feed_of(house, isaac) as own:
        assert own.feed(isaac).unread_count == 1
    with Notify(house.url("notify"), timeout=30) as nobody, pytest.raises(Unauthenticated):
        nobody.feed(isaac)


def test_what_is_missing_looks_like_what_is_anothers(house: House, given: tuple[UUID, UUID, UUID]) -> None:
    _, payment, _ = given
    headers = {"Authorization": f"Bearer {user_auth(house, uuid4()).token()}"}
    url = f"{house.url('payments')}/api/v1/payments"
    with httpx.Client(headers=headers, timeout=30, trust_env=False) as client:
        theirs, nobodys = client.get(f"{url}/{payment}"), client.get(f"{url}/{uuid4()}")
    assert theirs.status_code == nobodys.status_code == 404
    without_id = [{k: v for k, v in answer.json().items() if k != "request_id"} for answer in (theirs, nobodys)]
    assert without_id[0] == without_id[1]


def test_a_token_opens_only_the_service_it_was_issued_for(house: House) -> None:
    """Notify's token for payments opens the feed there and nothing else; notify's own door's token opens nothing."""
    campaign, ruth = a_campaign(house), a_guest()
    gift = give(house, campaign, "9.00", ruth)
    with Payments(house.url("payments"), auth=service_auth(house, "notify", "payments"), timeout=30) as notify:
        assert notify.events.page(limit=1).results
        for touch in (
            lambda: notify.payment(gift.payment_id),
            lambda: notify.history_page(uuid4()),
            lambda: notify.create_intent(campaign_id=campaign.id, amount="1.00", currency="GBP"),
            lambda: notify.confirm(payment_intent_id=str(gift.payment_intent_id), client_secret=gift.client_secret),
            lambda: notify.describe_campaign(
                campaign.id, title="Taken over", owner_id=uuid4(), currency="GBP", goal="1.00", status="CANCELLED"
            ),
        ):
            with pytest.raises((Forbidden, NotFound)):
                touch()
    for caller, audience in (("notify", "trust"), ("monolith", "notify")):
        token = service_auth(house, caller, audience).token()
        answer = httpx.get(
            f"{house.url('payments')}/api/v1/events", headers={"Authorization": f"Bearer {token}"}, trust_env=False
        )
        assert answer.status_code == 401, audience
    assert (
        house.value("payments", "SELECT title FROM payments_donations_campaign WHERE id = %s", campaign.id)
        == campaign.title
    )
    assert house.value("payments", "SELECT status FROM payments_donations_payment WHERE id = %s", gift.payment_id) == (
        "requires_payment_method"
    )


def test_a_user_is_no_service_and_the_reverse(house: House) -> None:
    someone = uuid4()
    with Feed(house.url("payments"), auth=user_auth(house, someone), timeout=30) as feed, pytest.raises(Forbidden):
        feed.page()
    with Notify(house.url("notify"), auth=user_auth(house, someone), timeout=30) as client:
        with pytest.raises(Forbidden):
            client.send(recipient_ids=[someone], type="campaign_update", data={})
        with pytest.raises(Forbidden):
            client.describe_contact(someone, email="taken@demo.test")
    assert house.rows("notify", "SELECT 1 FROM notify_audience_contact WHERE user_id = %s", someone) == []
