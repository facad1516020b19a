"""How long what is kept stays, and one person's data: all of it taken along, and all of it gone."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, time, timedelta
from time import monotonic
from typing import Any
from uuid import UUID

import pytest
import redis
import structlog
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse

from bh_sdk.server.events.models import RecordedEvent
from bh_sdk.server.ops import clock
from bh_sdk.server.ops.settings import setting
from bh_sdk.wire.gdpr import PersonalData
from notify_svc.audience import queries as people
from notify_svc.audience.models import Contact, Erased, Gift, Raised
from notify_svc.delivery.models import Delivery, Notification
from notify_svc.devices import commands as devices
from notify_svc.devices.errors import PersonErased
from notify_svc.digests.models import Window
from notify_svc.feed import commands as feed
from notify_svc.preferences import commands as preferences
from notify_svc.preferences.commands import Consent, Hours, Said
from notify_svc.preferences.hours import Quiet
from notify_svc.retention import rules, tasks
from notify_svc.retention.models import Removal, Request, Round
from notify_svc.tracking import commands as tracking
from notify_svc.tracking import queries as held
from notify_svc.tracking.models import PendingEvent, ProviderEvent, Suppression
from tests.notify.conftest import Caller, Campaign, describe, hear, person, refunded, service, succeeded, work
from tests.notify.mailbox import Mailbox
from tests.notify.test_admin import at_desk
from tests.notify.test_digests import Move, clock_at  # noqa: F401 - a fixture
from tests.notify.test_sending import accept

pytestmark = pytest.mark.django_db

# What would give somebody away, wherever it stands.
NAME, LOCAL, PHONE, WORD = "Zebedee Quillfeather", "zebedee.quillfeather", "+447700900123", "xyzzyword"
EMAIL = f"{LOCAL}@example.org"
# Who was erased stays known by the id, in the log of facts and in the two lists that say so.
MAY_HOLD_THE_ID = {"event", "outbox", "feed", "notify_audience_erased", "notify_retention_request"}


def tables() -> list[str]:
    return [name for name in connection.introspection.table_names() if not name.startswith(("spatial", "django_migr"))]


def holding(text: str) -> set[str]:
    """The tables in which this stands somewhere, also as bytes."""
    found = set()
    with connection.cursor() as cursor:
        for name in tables():
            cursor.execute(
                f'SELECT EXISTS (SELECT FROM "{name}" AS row WHERE row::text ILIKE %s OR row::text ILIKE %s)',
                [f"%{text}%", f"%{text.encode().hex()}%"],
            )
            if cursor.fetchone()[0]:
                found.add(name)
    return found


def in_redis(text: str) -> list[str]:
    """The keys of Redis that hold this, or are named by it."""
    client = redis.Redis.from_url(setting("REDIS_URL"), decode_responses=True)
    return [key for key in client.scan_iter() if text in key or text in str(_dump(client, key))]


def _dump(client: Any, key: str) -> Any:
    read = {"string": client.get, "hash": client.hgetall, "stream": client.xrange, "set": client.smembers}
    if (kind := client.type(key)) == "list":
        return client.lrange(key, 0, -1)
    return client.zrange(key, 0, -1) if kind == "zset" else read[kind](key)


def known_person(campaign: Campaign) -> UUID:
    """Somebody of whom something stands in every room."""
    donor = uuid.uuid4()
    describe(donor, EMAIL, name=NAME, phone=PHONE, timezone="Europe/London")
    gift = succeeded(campaign, donor_id=donor)
    hear(gift)
    work()
    preferences.change(
        user_id=donor,
        said=Said("staff", by="somebody", reason=f"asked by {WORD}"),
        choices={("subscription", "email"): "daily"},
        hours=Hours(Quiet(time(22), time(8))),
        consent=Consent(granted=True, version="v1"),
    )
    preferences.follow(user_id=donor, campaign_id=campaign.id, following=True, said=Said("api"))
    monolith = service("monolith")
    body = {"recipient_ids": [str(donor)], "type": "campaign_update", "data": _news(campaign)}
    assert monolith.send(body).status_code == 202
    later = (clock.now() + timedelta(days=2)).isoformat()
    scheduled = {
        "recipient_ids": [str(donor)],
        "type": "gift.thank_you",
        "data": _thanks(campaign),
        "schedule_at": later,
    }
    assert monolith.send(scheduled).status_code == 202
    work()
    mail = Delivery.objects.get(notification__dedupe=f"gift.thank_you:{gift.payment_id}", channel="email")
    said("delivered", mail)
    tracking.suppress(email=EMAIL, note=f"{NAME} wrote to us", by="somebody")
    feed.issue_ticket(user_id=donor)
    devices.subscribe(user_id=donor, token=f"{WORD}-of-a-phone-that-is-long-enough")
    return donor


def _thanks(campaign: Campaign) -> dict[str, Any]:
    return {
        "campaign_id": str(campaign.id),
        "campaign_title": WORD,
        "payment_id": str(uuid.uuid4()),
        "amount": "25.00",
        "charged": "25.00",
        "currency": "GBP",
        "covers_fees": False,
    }


def said(kind: str, delivery: Delivery, *, lasting: bool = False) -> ProviderEvent:
    """What a provider says about a delivery to the person, taken in."""
    from notify_svc.audience import queries as audience

    row = ProviderEvent.objects.create(
        provider="ses",
        event_id=str(uuid.uuid4()),
        channel="email",
        kind=kind,
        lasting=lasting,
        delivery_id=delivery.id,
        address_hash=audience.hashes_of(EMAIL)[0],
        at=clock.now(),
        received_at=clock.now(),
    )
    PendingEvent.objects.create(event=row, due_at=clock.now())
    tracking.work()
    return row


def export(user_id: UUID, caller: Caller | None = None) -> PersonalData:
    answer = (caller or service("monolith"))("GET", f"/gdpr/export/{user_id}")
    assert answer.status_code == 200, answer.content
    assert answer["Cache-Control"] == "no-store"
    return PersonalData.model_validate_json(b"".join(answer.streaming_content))


def erase(user_id: UUID, caller: Caller | None = None) -> Any:
    return (caller or service("monolith"))("POST", "/gdpr/erase", {"user_id": str(user_id)})


NOTHING: dict[str, Any] = {
    "profile": None,
    "devices": [],
    "gifts": [],
    "digests": [],
    "suppressions": [],
    "events": [],
    "notifications": [],
    "mentions": [],
}
SAID_NOTHING: dict[str, Any] = {
    "choices": [],
    "quiet_hours": "none",
    "timezone": "",
    "consent": None,
    "follows": [],
    "history": [],
    "updated_at": None,
}


def test_an_export_holds_everything_with_the_words_as_they_were_sent(campaign: Campaign, mailbox: Mailbox) -> None:
    donor = known_person(campaign)
    found = export(donor)
    assert found.profile is not None
    assert (found.profile.email, found.profile.phone, found.profile.name) == (EMAIL, PHONE, NAME)
    assert [(one.category, one.channel, one.frequency) for one in found.preferences.choices] == [
        ("subscription", "email", "daily")
    ]
    assert found.preferences.consent is not None
    assert found.preferences.consent.version == "v1"
    assert {one.source for one in found.preferences.history} == {"staff", "api"}
    assert [one.campaign_id for one in found.preferences.follows] == [campaign.id]
    assert [one.campaign_id for one in found.gifts] == [campaign.id]
    assert [one.address for one in found.devices] == [f"{WORD}-of-a-phone-that-is-long-enough"]
    assert len(found.digests) == 1
    assert len(found.digests[0].notification_ids) == 1
    assert [one.note for one in found.suppressions] == [f"{NAME} wrote to us"]
    assert [one.kind for one in found.events] == ["delivered"]
    thanks = next(one for one in found.notifications if one.type == "gift.thank_you" and one.schedule_at is None)
    mail = next(one for one in thanks.deliveries if one.channel == "email")
    assert mail.status == "delivered"
    assert NAME in (mail.text or "")
    assert "25.00" in (mail.text or "")
    assert [one.outcome for one in mail.attempts] == ["accepted"]
    assert [(one.type, one.named) for one in found.mentions] == [("gift.received", NAME)]


def test_taking_data_along_is_written_down(campaign: Campaign) -> None:
    somebody = person()
    export(somebody.sub, somebody)
    row = Request.objects.get()
    assert (row.kind, row.person_id, row.by) == ("export", somebody.sub, str(somebody.sub))
    with pytest.raises(IntegrityError), transaction.atomic():
        Request.objects.all().delete()


def test_after_an_erasure_nothing_personal_is_found_anywhere(campaign: Campaign, mailbox: Mailbox) -> None:
    redis.Redis.from_url(setting("REDIS_URL")).flushdb()
    donor = known_person(campaign)
    planted = {text: holding(text) for text in (NAME, WORD, EMAIL, PHONE, str(donor))}
    assert "notify_delivery_notification" in planted[NAME]
    assert "notify_tracking_suppression" in planted[NAME]
    assert "notify_delivery_notification" in planted[WORD]
    assert "notify_preferences_change" in planted[WORD]
    assert "notify_audience_gift" in planted[str(donor)]
    with structlog.testing.capture_logs() as lines:
        answer = erase(donor)
        tasks.erase()
    assert (answer.status_code, answer.json()["status"]) == (200, "erased")
    for text in (NAME, "Quillfeather", LOCAL, EMAIL, PHONE, WORD):
        assert holding(text) == set(), text
        assert text not in str(lines)
        assert in_redis(text) == []
    assert holding(str(donor)) <= MAY_HOLD_THE_ID
    assert not Contact.objects.filter(user_id=donor).exists()


def test_after_an_erasure_an_export_is_empty(campaign: Campaign, mailbox: Mailbox) -> None:
    donor = known_person(campaign)
    erase(donor)
    found = export(donor).model_dump(mode="json")
    assert found.pop("preferences") == SAID_NOTHING
    assert found == {"person_id": str(donor)} | NOTHING


def test_the_others_who_were_told_of_a_person_keep_their_news_without_the_name(
    campaign: Campaign, mailbox: Mailbox
) -> None:
    donor = known_person(campaign)
    entry = Notification.objects.get(type="gift.received")
    assert NAME in entry.title + entry.body
    erase(donor)
    entry.refresh_from_db()
    assert entry.data["donor_name"] == "A donor"
    assert "A donor" in entry.title + entry.body
    assert entry.shown_at is not None
    assert entry.deleted_at is None
    assert entry.recipient_id == campaign.owner


def test_the_figures_stay_and_the_address_stays_suppressed(campaign: Campaign, mailbox: Mailbox) -> None:
    donor = known_person(campaign)
    before = sorted(Delivery.objects.exclude(status="queued").values_list("channel", "status", "version_id"))
    open_ones = Delivery.objects.filter(status="queued").count()
    erase(donor)
    after = sorted(
        Delivery.objects.exclude(status="canceled", reason="canceled").values_list("channel", "status", "version_id")
    )
    assert after == before
    assert open_ones > 0
    assert Delivery.objects.filter(status="queued").count() == 0
    from notify_svc.audience import queries as audience

    hashes = audience.hashes_of(EMAIL)
    assert held.suppressed(hashes, "email") == {hashes[0]}
    assert Suppression.objects.get().note == "erased"


def test_what_was_queued_is_not_sent_and_what_a_worker_holds_goes_nowhere(
    campaign: Campaign,
    mailbox: Mailbox,
    clock_at: Move,  # noqa: F811
) -> None:
    from notify_svc.delivery import claims

    donor = uuid.uuid4()
    accept(donor)
    describe(donor, EMAIL, name=NAME)
    work()
    sent = len(mailbox.mails)
    accept(donor)
    token, claimed = claims.claim("email", limit=10)
    assert len(claimed) == 1
    erase(donor)
    from notify_svc.delivery.composing import compose

    composed = compose(claimed)
    assert composed.letters == []
    claims.settle(token, composed.results)
    clock_at(clock.now() + timedelta(days=3))
    work()
    assert len(mailbox.mails) == sent
    assert not Delivery.objects.filter(status__in=("queued", "waiting", "retrying", "sending", "unknown")).exists()


def test_late_words_and_facts_do_not_bring_anybody_back(campaign: Campaign, mailbox: Mailbox, payments: Caller) -> None:
    donor = known_person(campaign)
    gift = Gift.objects.get(donor_id=donor)
    mail = Delivery.objects.filter(channel="email", status="delivered").get()
    erase(donor)
    counts = (Notification.objects.count(), Delivery.objects.count())
    raised = list(Raised.objects.values_list("campaign_id", "amount"))
    said("bounced", mail, lasting=True)
    said("unsubscribed", mail)
    hear(refunded(campaign, donor_id=donor, payment_id=gift.payment_id))
    hear(succeeded(campaign, donor_id=donor, payment_id=gift.payment_id))
    assert list(Raised.objects.values_list("campaign_id", "amount")) == [(campaign.id, raised[0][1] - 1_000)]
    assert people.supporters(campaign.id) == []
    preferences.unsubscribe(user_id=donor, category="social")
    with pytest.raises(PersonErased):
        devices.subscribe(user_id=donor, token="a token of a phone that was asleep")
    answer = payments("PUT", f"/contacts/{donor}", {"email": EMAIL, "name": NAME})
    assert (answer.status_code, answer.json()["has_email"]) == (200, False)
    sent = service("monolith").send({"recipient_ids": [str(donor)], "type": "campaign_update", "data": _news(campaign)})
    assert sent.json()["results"][0]["channels"] == []
    work()
    mail.refresh_from_db()
    assert mail.status == "bounced"
    assert (Notification.objects.count(), Delivery.objects.count()) == counts
    assert not Gift.objects.filter(donor_id=donor).exists()
    found = export(donor).model_dump(mode="json")
    assert found.pop("preferences") == SAID_NOTHING
    assert found == {"person_id": str(donor)} | NOTHING
    assert holding(NAME) == set()
    assert holding(LOCAL) == set()


def _news(campaign: Campaign) -> dict[str, str]:
    return {
        "campaign_title": WORD,
        "campaign_id": str(campaign.id),
        "update_title": WORD,
        "update_id": str(uuid.uuid4()),
        "update_content": WORD,
    }


@pytest.mark.django_db(transaction=True)
def test_an_erased_person_s_feed_is_empty_at_once(campaign: Campaign) -> None:
    reader = person()
    service("monolith").send({"recipient_ids": [str(reader.sub)], "type": "campaign_update", "data": _news(campaign)})
    assert len(reader("GET", f"/user/{reader.sub}").json()["results"]) == 1
    erase(reader.sub)
    deadline = monotonic() + 20
    while (found := reader("GET", f"/user/{reader.sub}").json())["results"] and monotonic() < deadline:
        pass
    assert (found["results"], found["unread_count"]) == ([], 0)


def test_erasing_again_changes_nothing_and_tells_it_once(campaign: Campaign) -> None:
    donor = uuid.uuid4()
    describe(donor, EMAIL)
    first, second = erase(donor).json(), erase(donor).json()
    assert first == second
    assert Request.objects.filter(kind="erase", person_id=donor).count() == 1
    facts = RecordedEvent.objects.filter(type="notifications.recipient.erased.v1")
    assert [row.payload for row in facts] == [{"recipient_id": str(donor)}]


def test_an_erasure_that_was_cut_short_is_finished_by_the_next_round(
    campaign: Campaign, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    donor = known_person(campaign)
    monkeypatch.setattr(rules, "PORTION", 1)
    monkeypatch.setattr(rules, "PORTIONS", 1)
    assert erase(donor).json()["status"] == "under_way"
    assert not Contact.objects.filter(user_id=donor).exists()
    for _ in range(20):
        tasks.erase()
    assert Erased.objects.get(person_id=donor).finished_at is not None
    assert holding(WORD) == set()


def test_what_a_worker_wrote_in_the_middle_is_found_by_the_next_round(campaign: Campaign) -> None:
    donor = uuid.uuid4()
    erase(donor)
    # The worker had looked before the erasure, and commits after it.
    Contact.objects.create(user_id=donor, locale="en", timezone="UTC", updated_at=clock.now(), email=EMAIL)
    tasks.erase()
    assert not Contact.objects.filter(user_id=donor).exists()


MAY_EXPORT = {"monolith": 200, "admin": 200, "donor": 404, "payments": 403, "support": 404, "editor": 404, "guest": 401}
MAY_ERASE = {"monolith": 200, "admin": 200, "donor": 403, "payments": 403, "support": 403, "editor": 403, "guest": 401}


def caller(who: str) -> Caller:
    if who == "guest":
        return Caller()
    return service(who) if who in ("monolith", "payments") else person(who)


@pytest.mark.parametrize("who", MAY_EXPORT)
def test_another_persons_data_is_taken_along_only_by_the_platform_and_admins(who: str) -> None:
    stranger = uuid.uuid4()
    assert caller(who)("GET", f"/gdpr/export/{stranger}").status_code == MAY_EXPORT[who]
    assert Request.objects.count() == (1 if MAY_EXPORT[who] == 200 else 0)


@pytest.mark.parametrize("who", MAY_ERASE)
def test_only_the_platform_and_admins_erase(who: str) -> None:
    stranger = uuid.uuid4()
    describe(stranger, EMAIL)
    assert erase(stranger, caller(who)).status_code == MAY_ERASE[who]
    assert Contact.objects.filter(user_id=stranger).exists() == (MAY_ERASE[who] != 200)


def test_ones_own_data_is_taken_along_by_oneself(campaign: Campaign) -> None:
    somebody = person()
    describe(somebody.sub, EMAIL, name=NAME)
    found = export(somebody.sub, somebody)
    assert found.profile is not None
    assert found.profile.email == EMAIL


# -- what is too old ------------------------------------------------------------------------------------------------------


def old(clock_to: Move, days: float) -> None:
    clock_to(datetime.now(UTC) + timedelta(days=days))


def words_kept(type: str) -> bool:
    row = Notification.objects.filter(type=type).latest("created_at")
    assert (row.pruned_at is None) == bool(row.data)
    return bool(row.data)


def test_news_loses_its_words_long_before_a_receipt(
    campaign: Campaign,
    mailbox: Mailbox,
    clock_at: Move,  # noqa: F811
) -> None:
    donor = uuid.uuid4()
    describe(donor, EMAIL, name=NAME)
    hear(succeeded(campaign, donor_id=donor))
    service("monolith").send({"recipient_ids": [str(donor)], "type": "campaign_update", "data": _news(campaign)})
    work()
    tasks.prune()
    assert words_kept("campaign_update")
    assert words_kept("gift.thank_you")
    old(clock_at, 91)
    tasks.prune()
    assert not words_kept("campaign_update")
    assert words_kept("gift.thank_you")
    old(clock_at, 731)
    tasks.prune()
    assert not words_kept("gift.thank_you")
    assert holding(WORD) == set()
    assert Delivery.objects.filter(channel="email", status="sent").count() == 2


def test_an_entry_whose_words_are_gone_leaves_the_feed(
    campaign: Campaign,
    mailbox: Mailbox,
    clock_at: Move,  # noqa: F811
) -> None:
    reader = person()
    describe(reader.sub, EMAIL)
    service("monolith").send({"recipient_ids": [str(reader.sub)], "type": "campaign_update", "data": _news(campaign)})
    work()
    assert len(reader("GET", f"/user/{reader.sub}").json()["results"]) == 1
    old(clock_at, 91)
    tasks.prune()
    assert reader("GET", f"/user/{reader.sub}").json() | {"next": None} == {
        "results": [],
        "unread_count": 0,
        "unseen_count": 0,
        "next": None,
    }


def test_what_has_not_left_yet_keeps_its_words(
    campaign: Campaign,
    clock_at: Move,  # noqa: F811
) -> None:
    far = (clock.now() + timedelta(days=200)).isoformat()
    body = {
        "recipient_ids": [str(uuid.uuid4())],
        "type": "campaign_update",
        "data": _news(campaign),
        "schedule_at": far,
    }
    assert service("monolith").send(body).status_code == 202
    old(clock_at, 150)
    tasks.prune()
    assert words_kept("campaign_update")


def test_what_providers_said_goes_but_a_suppression_stays_in_force(
    campaign: Campaign,
    mailbox: Mailbox,
    clock_at: Move,  # noqa: F811
) -> None:
    donor = uuid.uuid4()
    accept(donor)
    describe(donor, EMAIL)
    work()
    mail = Delivery.objects.get(channel="email")
    said("delivered", mail)
    bounced = said("bounced", mail, lasting=True)
    suppression = Suppression.objects.get()
    old(clock_at, 179)
    tasks.prune()
    assert ProviderEvent.objects.count() == 2
    old(clock_at, 181)
    tasks.prune()
    assert list(ProviderEvent.objects.values_list("id", "address_hash")) == [(bounced.id, "")]
    assert Suppression.objects.get() == suppression
    assert suppression.released_at is None


def test_what_a_provider_said_cannot_be_changed_or_removed_otherwise(campaign: Campaign, mailbox: Mailbox) -> None:
    donor = uuid.uuid4()
    accept(donor)
    describe(donor, EMAIL)
    work()
    said("bounced", Delivery.objects.get(channel="email"), lasting=True)
    events, holds = ProviderEvent.objects.all(), Suppression.objects.all()
    for change in (
        lambda: events.update(kind="delivered"),
        lambda: events.update(address_hash="another"),
        lambda: events.update(address_hash="", code="x"),
        lambda: events.filter(pending=None).delete(),
        lambda: holds.update(address_hash=""),
        lambda: holds.update(note="something else"),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            change()


def test_digests_go_with_the_news_they_were_made_of(
    campaign: Campaign,
    mailbox: Mailbox,
    clock_at: Move,  # noqa: F811
) -> None:
    from notify_svc.digests import tasks as digests

    known_person(campaign)
    old(clock_at, 2)
    digests.close()
    assert Window.objects.exclude(closed_at=None).count() == 1
    old(clock_at, 93)
    tasks.prune()
    assert Window.objects.count() == 0


def test_an_address_nobody_wrote_to_for_three_years_goes_and_another_stays(
    campaign: Campaign,
    mailbox: Mailbox,
    clock_at: Move,  # noqa: F811
) -> None:
    quiet, busy, new = uuid.uuid4(), uuid.uuid4(), uuid.uuid4()
    for one in (quiet, busy):
        describe(one, f"{one}@example.org")
    old(clock_at, 800)
    accept(busy)
    describe(new, f"{new}@example.org")
    old(clock_at, 1_096)
    tasks.prune()
    assert set(Contact.objects.values_list("user_id", flat=True)) == {busy, new}


def test_a_round_goes_by_portions_and_the_next_one_goes_on(
    campaign: Campaign,
    clock_at: Move,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for _ in range(5):
        service("monolith").send(
            {"recipient_ids": [str(uuid.uuid4())], "type": "campaign_update", "data": _news(campaign)}
        )
    monkeypatch.setattr(rules, "PORTION", 2)
    monkeypatch.setattr(rules, "PORTIONS", 1)
    Delivery.objects.filter(channel="email").update(status="canceled")
    Delivery.objects.filter(channel="in_app").update(status="canceled")
    old(clock_at, 91)
    left = []
    for _ in range(4):
        tasks.prune()
        left.append(Notification.objects.filter(pruned_at=None).count())
    assert left == [3, 1, 0, 0]
    assert Removal.objects.get(what="words.subscription").removed == 5
    assert Round.objects.get(what="words.subscription").behind is False


def test_every_category_has_its_period() -> None:
    from notify_svc.preferences.rules import CATEGORIES

    named = {period.what.removeprefix(rules.WORDS) for period in rules.PERIODS if period.what.startswith(rules.WORDS)}
    assert named == set(CATEGORIES)
    days = {period.what: period.days for period in rules.PERIODS}
    assert days["words.transactional"] > days["words.social"]


def test_the_page_says_how_long_what_is_kept_and_what_was_removed(campaign: Campaign) -> None:
    Removal.objects.create(what="events", day=clock.now().date(), removed=1_234)
    page = at_desk("support").get(reverse("admin:notify_retention_removal_changelist")).content.decode()
    for period in rules.PERIODS:
        assert period.title in page
    assert "1,234" in page
    assert "730 days" in page


def test_an_admin_erases_a_person_at_the_desk_with_a_reason() -> None:
    somebody = uuid.uuid4()
    describe(somebody, EMAIL)
    address = reverse("admin:notify_retention_request_erase")
    form = {"_form_submitted": "on", "person_id": str(somebody), "reason": "Ticket 4711"}
    assert at_desk("support").post(address, form).status_code == 403
    assert Contact.objects.filter(user_id=somebody).exists()
    assert at_desk("admin").post(address, form).status_code == 200
    row = Request.objects.get(kind="erase")
    assert (row.person_id, row.reason) == (somebody, "Ticket 4711")
    assert not Contact.objects.filter(user_id=somebody).exists()


def test_pages_of_what_was_pruned_say_so(
    campaign: Campaign,
    mailbox: Mailbox,
    clock_at: Move,  # noqa: F811
) -> None:
    donor = uuid.uuid4()
    describe(donor, EMAIL, name=NAME)
    hear(succeeded(campaign, donor_id=donor))
    work()
    old(clock_at, 731)
    tasks.prune()
    desk: Client = at_desk("support")
    for delivery in Delivery.objects.filter(notification__type="gift.thank_you"):
        page = desk.get(reverse("admin:notify_delivery_delivery_change", args=[delivery.pk]))
        assert page.status_code == 200
        assert "words were removed" in page.content.decode()
    notification = Notification.objects.get(type="gift.thank_you")
    page = desk.get(reverse("admin:notify_delivery_notification_change", args=[notification.pk]))
    assert page.status_code == 200
    assert "words were removed" in page.content.decode()


def test_metrics_say_how_the_pruning_stands() -> None:
    tasks.prune()
    page = Client().get("/metrics").content.decode()
    assert 'bh_notify_prune_age_seconds{what="words.social"}' in page
    assert 'bh_notify_prune_behind{what="contacts"} 0.0' in page
    assert "bh_notify_erasing 0.0" in page
