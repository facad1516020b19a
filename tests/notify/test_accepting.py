"""Accepting for many, following what was sent, taking it back, and what never leaves the house."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from bh_sdk.events import DonationSucceeded
from bh_sdk.server.ops import clock
from notify_svc.audience.commands import note_gift
from notify_svc.delivery import mailings, recall, tasks
from notify_svc.delivery.models import Delivery, Mailing, Notification
from notify_svc.preferences.commands import Said, follow
from notify_svc.wording.models import Template
from tests.notify.conftest import Caller, Campaign, describe, person, service, succeeded, work
from tests.notify.mailbox import Mailbox
from tests.notify.test_api import ask, code
from tests.notify.test_sending import UPDATE, make_due

pytestmark = pytest.mark.django_db

SIMULATOR = "simulator.blessed-horizon.example"


def gifts(campaign: Campaign, count: int, **rest: Any) -> list[UUID]:
    """So many people give to a campaign; returns them."""
    given: list[DonationSucceeded] = [succeeded(campaign, **rest) for _ in range(count)]
    for gift in given:
        note_gift(gift)
    return sorted(gift.donor_id for gift in given)


def to(kind: str, campaign: Campaign, **rest: Any) -> dict[str, Any]:
    audience = {"kind": kind, "campaign_id": str(campaign.id)}
    return {"audience": audience, "type": "campaign_update", "data": UPDATE, **rest}


def told() -> list[UUID]:
    return sorted(Notification.objects.values_list("recipient_id", flat=True))


def test_an_audience_is_answered_at_once_and_told_page_by_page(
    monolith: Caller, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailings, "PAGE", 3)
    donors = gifts(campaign, 7)
    gifts(campaign, 1, guest=True)
    gifts(Campaign(), 1)
    again = succeeded(campaign, donor_id=donors[0])
    note_gift(again)
    response = monolith.send(to("donors", campaign, channels=["in_app"]))
    assert response.status_code == 202
    body = response.json()
    assert (body["results"], body["mailing"]["expected"], body["mailing"]["status"]) == ([], 7, "open")
    assert Notification.objects.count() == 0
    assert tasks.expand() == 7
    assert told() == donors
    seen = monolith("GET", f"/mailings/{body['mailing']['mailing_id']}").json()
    assert (seen["status"], seen["reached"], seen["finished_at"] is None) == ("done", 7, False)
    assert tasks.expand() == 0
    assert len(told()) == 7


def test_followers_are_those_who_gave_or_asked_without_those_who_left(
    monolith: Caller, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailings, "PAGE", 2)
    donors = gifts(campaign, 4)
    said, fans = Said("api", "test"), sorted(uuid.uuid4() for _ in range(3))
    for fan in fans:
        follow(user_id=fan, campaign_id=campaign.id, following=True, said=said)
    for leaver in (donors[1], fans[2]):
        follow(user_id=leaver, campaign_id=campaign.id, following=False, said=said)
    monolith.send(to("followers", campaign, channels=["in_app"]))
    tasks.expand()
    assert told() == sorted({*donors, *fans} - {donors[1], fans[2]})


def test_a_repeated_call_finds_the_same_mailing_and_tells_nobody_again(monolith: Caller, campaign: Campaign) -> None:
    gifts(campaign, 2)
    key = uuid.uuid4()
    first, second = (monolith.send(to("donors", campaign), key).json() for _ in range(2))
    tasks.expand()
    assert first == second
    fact = [monolith.send(to("donors", campaign, fact="update:1")).json()["mailing"] for _ in range(2)]
    assert fact[0]["mailing_id"] == fact[1]["mailing_id"] != first["mailing"]["mailing_id"]
    assert Mailing.objects.count() == 2


def test_a_mailing_that_cannot_be_told_holds_up_no_other_and_is_tried_again(
    monolith: Caller, campaign: Campaign
) -> None:
    gifts(campaign, 2)
    monolith.send(to("donors", campaign, channels=["in_app"]))
    broken = Mailing.objects.get()
    broken.order["type"] = "nothing"
    broken.save()
    monolith.send(to("donors", campaign, channels=["in_app"]))
    assert tasks.expand() == 2
    broken.refresh_from_db()
    assert (broken.status, broken.reached, broken.tries, broken.due_at > clock.now()) == ("open", 0, 1, True)


def test_a_canceled_mailing_tells_nobody_else_and_takes_back_what_has_not_left(
    monolith: Caller, campaign: Campaign, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailings, "PAGE", 2)
    for donor in gifts(campaign, 5):
        describe(donor, f"{donor}@example.org")
    mailing_id = monolith.send(to("donors", campaign)).json()["mailing"]["mailing_id"]
    mailings.expand(pages=2)
    assert monolith("POST", f"/mailings/{mailing_id}/cancel").json()["status"] == "canceling"
    assert tasks.expand() == 4
    work()
    assert monolith("POST", f"/mailings/{mailing_id}/cancel").json()["status"] == "canceled"
    assert mailbox.raw == []
    assert len(told()) == 4
    assert set(Delivery.objects.values_list("status", flat=True)) == {"canceled"}


def test_the_sender_follows_a_notification_through_its_channels(monolith: Caller, mailbox: Mailbox) -> None:
    reader = uuid.uuid4()
    describe(reader, "ruth@example.org")
    (result,) = monolith.send(ask(reader)).json()["results"]
    before = monolith("GET", f"/sent/{result['notification_id']}").json()
    assert [(one["channel"], one["status"]) for one in before["deliveries"]] == [
        ("email", "queued"),
        ("in_app", "queued"),
    ]
    work()
    after = monolith("GET", f"/sent/{result['notification_id']}").json()
    assert [(one["channel"], one["status"]) for one in after["deliveries"]] == [("email", "sent"), ("in_app", "sent")]
    assert after["recipient_id"] == str(reader)
    assert "ruth" not in str(after)


def test_only_who_sent_it_sees_it_and_takes_it_back(monolith: Caller, campaign: Campaign) -> None:
    (result,) = monolith.send(ask(uuid.uuid4(), channels=["email"])).json()["results"]
    mailing = monolith.send(to("donors", campaign)).json()["mailing"]["mailing_id"]
    editor, sent = person("editor"), result["notification_id"]
    for call in (("GET", f"/sent/{sent}"), ("POST", f"/sent/{sent}/cancel")):
        assert code(editor(*call)) == (404, "notification_not_found")
    for call in (("GET", f"/mailings/{mailing}"), ("POST", f"/mailings/{mailing}/cancel")):
        assert code(editor(*call)) == (404, "mailing_not_found")
    for caller, status in (
        (person("donor"), 403),
        (person("support"), 403),
        (service("payments"), 403),
        (Caller(), 401),
    ):
        for call in (
            ("GET", f"/sent/{sent}"),
            ("POST", f"/sent/{sent}/cancel"),
            ("GET", f"/mailings/{mailing}"),
            ("POST", f"/mailings/{mailing}/cancel"),
        ):
            assert caller(*call).status_code == status
    assert Notification.objects.get().canceled_at is None
    assert Mailing.objects.get().status == "open"


def test_what_is_taken_back_does_not_leave_and_is_not_shown(monolith: Caller, mailbox: Mailbox) -> None:
    reader = person()
    describe(reader.sub, "ruth@example.org")
    at = (clock.now() + timedelta(hours=2)).isoformat()
    (result,) = monolith.send(ask(reader.sub, schedule_at=at)).json()["results"]
    canceled = [monolith("POST", f"/sent/{result['notification_id']}/cancel").json() for _ in range(2)]
    assert canceled[0] == canceled[1]
    assert {one["status"] for one in canceled[0]["deliveries"]} == {"canceled"}
    Delivery.objects.update(due_at=clock.now())
    work()
    assert mailbox.raw == []
    assert Notification.objects.get().shown_at is None


def test_what_has_left_stays_as_it_is_and_what_may_have_left_is_not_called_canceled(
    monolith: Caller, mailbox: Mailbox
) -> None:
    gone, maybe = uuid.uuid4(), uuid.uuid4()
    ids = []
    for one in (gone, maybe):
        describe(one, f"{one}@example.org")
        (result,) = monolith.send(ask(one, channels=["email"])).json()["results"]
        ids.append(UUID(result["notification_id"]))
    work()
    Delivery.objects.filter(recipient_id=maybe).update(status="sent")
    assert recall.take_back(ids) == 2
    assert set(Delivery.objects.values_list("status", flat=True)) == {"sent"}


def test_a_mail_of_unknown_fate_is_given_up_when_it_is_taken_back(monolith: Caller, mailbox: Mailbox) -> None:
    reader = uuid.uuid4()
    describe(reader, "ruth@example.org")
    mailbox.vanish = True
    (result,) = monolith.send(ask(reader, channels=["email"])).json()["results"]
    work()
    assert Delivery.objects.get().status == "unknown"
    monolith("POST", f"/sent/{result['notification_id']}/cancel")
    assert Delivery.objects.values_list("status", "reason").get() == ("failed", "fate_unknown")


def test_what_has_expired_is_not_sent(monolith: Caller, mailbox: Mailbox) -> None:
    reader = uuid.uuid4()
    describe(reader, "ruth@example.org")
    monolith.send(ask(reader, expires_at=(clock.now() + timedelta(hours=1)).isoformat(), channels=["email"]))
    Notification.objects.update(expires_at=clock.now())
    work()
    assert mailbox.raw == []
    assert Delivery.objects.values_list("status", "reason").get() == ("canceled", "expired")


@pytest.mark.parametrize(
    "change",
    [
        {"recipient_ids": None},
        {"audience": {"kind": "donors", "campaign_id": str(uuid.uuid4())}},
        {"audience": {"kind": "everybody", "campaign_id": str(uuid.uuid4())}, "recipient_ids": None},
        {"type": None},
        {"template_id": str(uuid.uuid4())},
        {"template_id": str(uuid.uuid4()), "type": None},
        {"expires_at": "2020-01-01T00:00:00Z"},
        {"fact": "a b"},
        {"fact": "x" * 81},
        {"test": "yes"},
    ],
)
def test_a_call_that_contradicts_itself_is_refused_and_writes_nothing(monolith: Caller, change: dict[str, Any]) -> None:
    body = {name: value for name, value in (ask(uuid.uuid4()) | change).items() if value is not None}
    assert monolith.send(body).status_code == 422
    assert not Notification.objects.exists()
    assert not Mailing.objects.exists()


def test_a_call_to_an_audience_is_checked_like_any_other(monolith: Caller, campaign: Campaign) -> None:
    assert code(monolith.send(to("donors", campaign) | {"data": {}})) == (422, "notification_data_invalid")
    assert code(monolith.send(to("donors", campaign) | {"type": "nothing"}))[0] == 422
    assert not Mailing.objects.exists()


def test_a_fact_is_told_once_however_many_calls_tell_it(monolith: Caller) -> None:
    reader = uuid.uuid4()
    first, second = (monolith.send(ask(reader, fact="receipt:7")).json()["results"] for _ in range(2))
    assert first == second
    assert Notification.objects.count() == 1
    assert person("editor").send(ask(reader, fact="receipt:7")).json()["results"] != first


def test_a_template_stands_for_its_type_and_channel(monolith: Caller) -> None:
    template = Template.objects.get(type="campaign_update", channel="in_app", locale="en")
    body = ask(uuid.uuid4(), template_id=str(template.id))
    del body["type"]
    (result,) = monolith.send(body).json()["results"]
    assert result["channels"] == ["in_app"]
    assert Notification.objects.get().type == "campaign_update"


# --- what never leaves the house --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "states"),
    [
        ("delivered", ("delivered", True, False, False)),
        ("Complaint", ("delivered", True, False, True)),
        ("permanent-failure", ("bounced", False, True, False)),
        ("temporary-failure", ("retrying", False, False, False)),
        ("anything", ("delivered", True, False, False)),
    ],
)
def test_a_reserved_address_stands_for_what_becomes_of_a_mail(
    monolith: Caller, mailbox: Mailbox, address: str, states: tuple[str, bool, bool, bool]
) -> None:
    reader = uuid.uuid4()
    describe(reader, f"{address}@{SIMULATOR}")
    monolith.send(ask(reader, channels=["email"]))
    work()
    row = Delivery.objects.get()
    seen = (row.status, row.delivered_at is not None, row.bounced_at is not None, row.complained_at is not None)
    assert (mailbox.raw, seen, row.provider) == ([], states, "simulator")


def test_a_test_runs_through_its_states_without_an_address_a_mail_or_a_feed(monolith: Caller, mailbox: Mailbox) -> None:
    reader = person()
    (result,) = monolith.send(ask(reader.sub, test=True)).json()["results"]
    work()
    seen = monolith("GET", f"/sent/{result['notification_id']}").json()
    assert (seen["test"], {one["status"] for one in seen["deliveries"]}) == (True, {"delivered", "sent"})
    assert mailbox.raw == []
    assert reader("GET", f"/user/{reader.sub}").json()["results"] == []


def test_a_test_to_a_real_address_stays_in_the_house(monolith: Caller, mailbox: Mailbox) -> None:
    reader = uuid.uuid4()
    describe(reader, "ruth@example.org")
    monolith.send(ask(reader, test=True, channels=["email"]))
    work()
    assert mailbox.raw == []
    assert Delivery.objects.get().status == "delivered"


def test_a_temporary_failure_is_tried_for_hours_and_given_up(monolith: Caller) -> None:
    reader = uuid.uuid4()
    describe(reader, f"temporary-failure@{SIMULATOR}")
    monolith.send(ask(reader, channels=["email"]))
    for _ in range(9):
        make_due(Delivery.objects.get().id)
        work()
    assert Delivery.objects.values_list("status", "reason").get() == ("failed", "simulated")
