"""News gathered for people: together, at their time, once, and never what they have read or no longer want."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.db import IntegrityError, connections, transaction

from bh_sdk.server.ops import clock
from notify_svc.delivery import commands as delivery
from notify_svc.delivery import tasks as waking
from notify_svc.delivery.models import Delivery, Notification
from notify_svc.delivery.orders import Order
from notify_svc.digests import commands, gathering, rules, tasks
from notify_svc.digests.models import Item, Window
from notify_svc.digests.rules import Told
from notify_svc.feed import commands as feed
from notify_svc.preferences import commands as preferences
from notify_svc.preferences.commands import Hours, Said
from notify_svc.preferences.hours import Quiet
from tests.notify.conftest import Campaign, describe, work
from tests.notify.mailbox import Mailbox, html, plain

API = Said("api")
Move = Callable[[datetime], None]


@pytest.fixture
def clock_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Move:
    """Set the clock of the service to a moment."""
    file = tmp_path / "clock"

    def move(to: datetime) -> None:
        file.write_text(str((to - datetime.now(UTC)).total_seconds()))

    monkeypatch.setenv("BH_CLOCK_FILE", str(file))
    return move


TUESDAY = datetime(2026, 12, 1, 14, 20, tzinfo=UTC)


def wish(person: UUID, frequency: Any, **rest: Any) -> None:
    preferences.change(user_id=person, said=API, choices={("subscription", "email"): frequency}, **rest)


def reader(frequency: Any = "daily", *, timezone: str = "Europe/London", **rest: Any) -> UUID:
    person = uuid.uuid4()
    describe(person, f"{person}@example.org", name="Ruth", timezone=timezone)
    wish(person, frequency, **rest)
    return person


def update(
    person: UUID, title: str, *, campaign: UUID | None = None, campaign_title: str = "Water", **rest: Any
) -> UUID:
    data = {
        "campaign_title": campaign_title,
        "campaign_id": str(campaign or uuid.uuid4()),
        "update_title": title,
        "update_id": str(uuid.uuid4()),
        "update_content": "It rained & all is <well>.",
    }
    order = Order(recipient_id=person, type="campaign_update", data=data, dedupe=f"test:{uuid.uuid4()}", **rest)
    (accepted,) = delivery.accept([order], by="test")
    return accepted.notification_id


def states(notification_id: UUID) -> dict[str, tuple[str, str]]:
    rows = Delivery.objects.filter(notification=notification_id).values_list("channel", "status", "reason")
    return {channel: (status, reason) for channel, status, reason in rows}


@pytest.mark.django_db
def test_news_of_a_day_comes_as_one_mail_at_nine_where_they_live(mailbox: Mailbox, clock_at: Move) -> None:
    clock_at(TUESDAY)
    person = reader(timezone="America/New_York")
    first, _ = update(person, "A well"), update(person, "A pump", campaign_title="Roof")
    assert states(first) == {"email": ("canceled", "digested"), "in_app": ("queued", "")}
    work()
    assert mailbox.mails == []
    window = Window.objects.get()
    assert window.closes_at == datetime(2026, 12, 2, 14, tzinfo=UTC)
    clock_at(window.closes_at - timedelta(minutes=1))
    assert tasks.close() == 0
    clock_at(window.closes_at + timedelta(seconds=1))
    assert (tasks.close(), tasks.close()) == (1, 0)
    work()
    (mail,) = mailbox.mails
    assert str(mail["Subject"]) == "Your day in campaigns: 2 updates"
    assert "Water: A well" in plain(mail)
    assert "It rained & all is <well>." in plain(mail)
    assert "It rained &amp; all is &lt;well&gt;." in html(mail)
    words = plain(mail)
    assert words.index("Water: A well: http") < words.index("\r\nRoof\r\n") < words.index("Roof: A pump: http")
    window.refresh_from_db()
    assert window.outcome == "sent"
    assert window.notification_id is not None
    # The digest itself is no news: it is not in the feed.
    assert states(window.notification_id) == {"email": ("sent", "")}
    assert Notification.objects.get(id=window.notification_id).shown_at is None


@pytest.mark.django_db
def test_a_digest_can_be_left_with_one_click_like_every_mail_of_news(mailbox: Mailbox, clock_at: Move) -> None:
    clock_at(TUESDAY)
    update(reader("hourly"), "A well")
    update(reader("instant"), "A pump")
    clock_at(TUESDAY + timedelta(hours=1))
    tasks.close()
    work()
    assert len(mailbox.mails) == 2
    for mail in mailbox.mails:
        assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        link = str(mail["List-Unsubscribe"])[1:-1]
        assert link in plain(mail)
        assert "/api/v1/notifications/unsubscribe/" in link
        assert "/notifications/preferences/" in html(mail)


@pytest.mark.django_db
def test_what_was_read_in_the_app_is_left_out_and_an_empty_digest_is_not_sent(mailbox: Mailbox, clock_at: Move) -> None:
    clock_at(TUESDAY)
    person, other = reader(), reader()
    read, _ = update(person, "A well"), update(person, "A pump")
    archived = update(other, "A roof")
    clock_at(TUESDAY + timedelta(minutes=1))
    feed.read(notification_id=read, user_id=person)
    Notification.objects.filter(id=archived).update(archived_at=clock.now())
    clock_at(TUESDAY + timedelta(days=1))
    assert tasks.close() == 2
    work()
    (mail,) = mailbox.mails
    assert "1 update" in str(mail["Subject"])
    assert "A well" not in plain(mail)
    assert sorted(Window.objects.values_list("outcome", flat=True)) == ["empty", "sent"]
    assert set(Item.objects.values_list("left_out", flat=True)) == {"", "read"}


@pytest.mark.django_db
def test_urgent_news_is_not_gathered_and_neither_are_receipts(mailbox: Mailbox, clock_at: Move) -> None:
    clock_at(TUESDAY)
    person = reader("weekly")
    update(person, "The well has burst", priority="urgent")
    work()
    assert len(mailbox.mails) == 1
    assert Window.objects.count() == 0


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("frequency", "closes"),
    [
        ("hourly", datetime(2026, 12, 1, 14, 30, tzinfo=UTC)),
        ("daily", datetime(2026, 12, 2, 3, 30, tzinfo=UTC)),
        ("weekly", datetime(2026, 12, 7, 3, 30, tzinfo=UTC)),
    ],
)
def test_each_rhythm_has_its_time_also_where_the_clock_is_half_an_hour_off(
    frequency: str, closes: datetime, clock_at: Move
) -> None:
    clock_at(TUESDAY)
    update(reader(frequency, timezone="Asia/Kolkata"), "A well")
    assert Window.objects.get().closes_at == closes


@pytest.mark.django_db
def test_a_digest_waits_for_the_end_of_quiet_hours_when_mails_do(clock_at: Move) -> None:
    clock_at(TUESDAY)
    update(reader(hours=Hours(Quiet(time(22), time(10, 30)), email=True)), "A well")
    assert Window.objects.get().closes_at == datetime(2026, 12, 2, 10, 30, tzinfo=UTC)


@pytest.mark.django_db
def test_who_wants_it_at_once_after_all_gets_what_was_gathered_at_once(mailbox: Mailbox, clock_at: Move) -> None:
    clock_at(TUESDAY)
    person = reader("weekly")
    update(person, "A well")
    wish(person, "instant")
    assert tasks.review(str(person)) == 1
    assert tasks.close() == 1
    update(person, "A pump")
    work()
    assert sorted(str(mail["Subject"]) for mail in mailbox.mails) == [
        "Water: A pump",
        "Your week in campaigns: 1 update",
    ]


@pytest.mark.django_db
@pytest.mark.parametrize("heard", [True, False])
def test_who_wants_nothing_after_all_gets_nothing_also_when_no_bell_was_heard(
    mailbox: Mailbox, clock_at: Move, heard: bool
) -> None:
    clock_at(TUESDAY)
    person = reader()
    update(person, "A well")
    preferences.unsubscribe(user_id=person, category="subscription")
    if heard:
        assert tasks.review() == 1
    else:
        clock_at(TUESDAY + timedelta(days=1))
        assert tasks.close() == 1
    clock_at(TUESDAY + timedelta(days=1))
    tasks.close()
    work()
    assert mailbox.mails == []
    assert Window.objects.get().outcome == "dropped"
    assert Item.objects.get().left_out == "preference"


@pytest.mark.django_db
def test_another_rhythm_or_zone_moves_the_open_window_but_what_is_due_stays_due(clock_at: Move) -> None:
    clock_at(TUESDAY)
    person = reader("weekly")
    update(person, "A well")
    wish(person, "daily", timezone="Asia/Tokyo")
    commands.review(user_id=person)
    assert Window.objects.get().closes_at == datetime(2026, 12, 2, 0, tzinfo=UTC)
    clock_at(datetime(2026, 12, 2, 0, 30, tzinfo=UTC))
    update(person, "A pump")
    wish(person, "weekly")
    assert commands.review(user_id=person) == 0
    window = Window.objects.get()
    assert (window.closes_at, window.items.count()) == (datetime(2026, 12, 2, 0, tzinfo=UTC), 2)


@pytest.mark.django_db
def test_news_of_a_campaign_that_was_left_is_left_out(mailbox: Mailbox, clock_at: Move, campaign: Campaign) -> None:
    clock_at(TUESDAY)
    person = reader()
    update(person, "A well", campaign=campaign.id)
    update(person, "A pump")
    preferences.follow(user_id=person, campaign_id=campaign.id, following=False, said=API)
    clock_at(TUESDAY + timedelta(days=1))
    tasks.close()
    work()
    (mail,) = mailbox.mails
    assert "A pump" in plain(mail)
    assert "A well" not in plain(mail)


@pytest.mark.django_db
def test_who_wants_none_in_the_app_gets_a_digest_all_the_same(mailbox: Mailbox, clock_at: Move) -> None:
    clock_at(TUESDAY)
    person = reader()
    preferences.change(user_id=person, said=API, choices={("subscription", "in_app"): "never"})
    told = update(person, "A well")
    assert Notification.objects.get(id=told).shown_at is None
    assert set(states(told)) == {"email"}
    clock_at(TUESDAY + timedelta(days=1))
    tasks.close()
    work()
    (mail,) = mailbox.mails
    assert "Water: A well" in plain(mail)


# --- obeyed when accepted and when sent -------------------------------------------------------------------------------


@pytest.mark.django_db
def test_who_wants_no_mail_gets_no_delivery_of_it(mailbox: Mailbox) -> None:
    person = reader("never")
    assert set(states(update(person, "A well"))) == {"in_app"}
    work()
    assert mailbox.mails == []


@pytest.mark.django_db
def test_a_mail_that_waits_is_held_by_a_no_said_meanwhile(mailbox: Mailbox) -> None:
    person = uuid.uuid4()
    describe(person, "ruth@example.org")
    told = update(person, "A well")
    wish(person, "never")
    work()
    assert mailbox.mails == []
    assert states(told)["email"] == ("canceled", "preference")


@pytest.mark.django_db
def test_a_mail_that_waits_goes_into_a_digest_when_that_was_said_meanwhile(mailbox: Mailbox, clock_at: Move) -> None:
    clock_at(TUESDAY)
    person = uuid.uuid4()
    told = update(person, "A well")
    assert states(told)["email"] == ("waiting", "")
    wish(person, "daily")
    describe(person, "ruth@example.org")
    waking.wake(str(person))
    work()
    assert states(told)["email"] == ("canceled", "digested")
    assert Item.objects.get().notification_id == told
    clock_at(TUESDAY + timedelta(days=1))
    tasks.close()
    work()
    assert len(mailbox.mails) == 1


@pytest.mark.django_db
def test_a_mail_in_quiet_hours_waits_for_the_morning_and_loses_no_try(mailbox: Mailbox, clock_at: Move) -> None:
    night = datetime(2026, 12, 1, 23, tzinfo=UTC)
    clock_at(night)
    person = uuid.uuid4()
    describe(person, "ruth@example.org", timezone="Europe/London")
    before = update(person, "A well")
    preferences.change(user_id=person, said=API, hours=Hours(Quiet(time(22), time(8)), email=True))
    after = update(person, "A pump")
    work()
    assert mailbox.mails == []
    rows = Delivery.objects.filter(channel="email").values_list("notification", "status", "due_at", "tries")
    morning = datetime(2026, 12, 2, 8, tzinfo=UTC)
    assert set(rows) == {(before, "retrying", morning, 0), (after, "queued", morning, 0)}
    clock_at(morning + timedelta(seconds=1))
    work()
    assert len(mailbox.mails) == 2


@pytest.mark.django_db
def test_what_is_scheduled_is_asked_about_when_its_time_comes(mailbox: Mailbox, clock_at: Move) -> None:
    clock_at(TUESDAY)
    person = reader()
    told = update(person, "A well", schedule_at=TUESDAY + timedelta(days=3))
    assert states(told)["email"] == ("queued", "")
    assert Window.objects.count() == 0
    clock_at(TUESDAY + timedelta(days=3, minutes=1))
    work()
    assert states(told)["email"] == ("canceled", "digested")
    assert Window.objects.get().closes_at == datetime(2026, 12, 5, 9, tzinfo=UTC)


# --- whatever happens -------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_gathering_twice_keeps_one_item_even_after_the_window_was_closed(clock_at: Move) -> None:
    clock_at(TUESDAY)
    person = reader()
    told = update(person, "A well")
    version = Delivery.objects.get(notification=told, channel="email").version_id
    again = gathering.Gathered(person, "subscription", "email", told, version, "daily", TUESDAY + timedelta(days=1))
    gathering.gather([again, again])
    assert Item.objects.count() == 1
    clock_at(TUESDAY + timedelta(days=1))
    tasks.close()
    gathering.gather([again])
    assert Item.objects.count() == 1


@pytest.mark.django_db
def test_a_worker_that_died_after_gathering_sends_nothing_by_itself(mailbox: Mailbox, clock_at: Move) -> None:
    clock_at(TUESDAY)
    person = uuid.uuid4()
    describe(person, "ruth@example.org")
    told = update(person, "A well")
    mail = Delivery.objects.get(notification=told, channel="email")
    # It had gathered the mail, and the claim ran out before that was written down; then the wish changed back.
    again = gathering.Gathered(person, "subscription", "email", told, mail.version_id, "daily", TUESDAY)
    gathering.gather([again])
    Delivery.objects.filter(id=mail.id).update(tries=1)
    work()
    assert mailbox.mails == []
    assert states(told)["email"] == ("canceled", "digested")


@pytest.mark.django_db
def test_a_crash_while_closing_loses_and_doubles_nothing(mailbox: Mailbox, clock_at: Move) -> None:
    clock_at(TUESDAY)
    update(reader(), "A well")
    clock_at(TUESDAY + timedelta(days=1))
    window = Window.objects.get()

    with pytest.raises(ZeroDivisionError), transaction.atomic():
        assert commands.close(window_id=window.id) / 0
    assert Window.objects.get().closed_at is None
    assert Notification.objects.filter(type="digest.subscription").count() == 0
    assert (tasks.close(), commands.close(window_id=window.id)) == (1, False)
    work()
    assert len(mailbox.mails) == 1


@pytest.mark.django_db(transaction=True)
def test_many_at_once_open_one_window_and_close_it_once(clock_at: Move) -> None:
    clock_at(TUESDAY)
    people = [reader() for _ in range(3)]
    start = threading.Barrier(4)

    def run(work_of: Callable[[], object]) -> threading.Thread:
        def go() -> None:
            try:
                start.wait()
                work_of()
            finally:
                connections.close_all()

        thread = threading.Thread(target=go)
        thread.start()
        return thread

    def tell() -> None:
        for n in range(6):
            for person in people if n % 2 else reversed(people):
                update(person, f"Update {n}")

    threads = [run(tell) for _ in range(4)]
    for thread in threads:
        thread.join()
    assert Window.objects.count() == 3
    assert Item.objects.count() == 72
    clock_at(TUESDAY + timedelta(days=1))
    start = threading.Barrier(3)
    threads = [run(tasks.close) for _ in range(3)]
    for thread in threads:
        thread.join()
    assert Notification.objects.filter(type="digest.subscription").count() == 3
    assert set(Window.objects.values_list("outcome", flat=True)) == {"sent"}


@pytest.mark.django_db
def test_the_database_keeps_one_window_open() -> None:
    now = clock.now()
    one = {"user_id": uuid.uuid4(), "category": "social", "channel": "email", "frequency": "daily"}
    Window.objects.create(**one, opened_at=now, closes_at=now)
    with pytest.raises(IntegrityError), transaction.atomic():
        Window.objects.create(**one, opened_at=now, closes_at=now)
    Window.objects.update(closed_at=now, outcome="empty")
    Window.objects.create(**one, opened_at=now, closes_at=now)


@pytest.mark.django_db
def test_who_is_forgotten_has_no_window(clock_at: Move) -> None:
    clock_at(TUESDAY)
    person = reader()
    update(person, "A well")
    assert commands.forget(user_id=person) == 1
    assert Item.objects.count() == 0


def test_a_digest_is_bounded_and_grouped_and_counts_what_it_leaves_out() -> None:
    told = [Told(group=f"Campaign {n % 5}", title=f"Update {n}", body="x" * 500) for n in range(100)]
    shown = rules.arranged(told)
    assert [group["title"] for group in shown["groups"]] == [f"Campaign {n}" for n in range(5)]
    entries = [entry for group in shown["groups"] for entry in group["entries"]]
    assert len(entries) == rules.MOST_SHOWN
    assert shown["more"] == 60
    assert max(len(entry["body"]) for entry in entries) == 200
    many = rules.arranged(Told(group="One", title=str(n)) for n in range(30))
    assert (len(many["groups"][0]["entries"]), many["more"]) == (12, 18)
