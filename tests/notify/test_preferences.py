"""What people want to hear: said through the app, a page or one click, obeyed and never forgotten."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, time
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from bh_sdk.server.events.models import RecordedEvent
from notify_svc.audience import commands as audience
from notify_svc.preferences import commands, links, queries, rules
from notify_svc.preferences.commands import Consent, Hours, Said
from notify_svc.preferences.hours import Quiet
from notify_svc.preferences.models import Change, Choice, Follow, Person
from notify_svc.preferences.queries import Ask
from notify_svc.preferences.rules import Digest, Later, Never, Now, Wishes, decide
from tests.notify.conftest import Caller, Campaign, describe, hear, person, refunded, service, succeeded

NIGHT = datetime(2026, 6, 10, 23, tzinfo=UTC)
PEACE = Quiet(time(22), time(8))
API = Said("api")


def choose(who: Caller, *choices: tuple[str, str, str], **rest: Any) -> Any:
    rows = [{"category": category, "channel": channel, "frequency": often} for category, channel, often in choices]
    return who("POST", "/preferences", {"choices": rows, **rest})


def chosen(answer: Any, category: str, channel: str) -> str:
    (row,) = [row for row in answer["choices"] if (row["category"], row["channel"]) == (category, channel)]
    return str(row["frequency"])


# --- rules ------------------------------------------------------------------------------------------------------------


def test_who_said_nothing_gets_everything_at_once() -> None:
    for category in rules.CATEGORIES:
        for channel in rules.CHANNELS:
            assert decide(Wishes(), category=category, channel=channel, now=NIGHT) == Now()


def test_a_no_is_heard_even_when_it_is_urgent_and_only_for_what_it_was_said_of() -> None:
    wishes = Wishes(choices={("subscription", "email"): "never"})
    assert decide(wishes, category="subscription", channel="email", now=NIGHT, urgent=True) == Never("preference")
    assert decide(wishes, category="subscription", channel="push", now=NIGHT) == Now()
    assert decide(wishes, category="social", channel="email", now=NIGHT) == Now()


def test_what_is_required_comes_whatever_a_row_says() -> None:
    wishes = Wishes(choices={(one, "email"): "never" for one in rules.CATEGORIES}, consent=False)
    for category in rules.REQUIRED:
        assert decide(wishes, category=category, channel="email", now=NIGHT) == Now()


def test_quiet_hours_hold_what_rings_and_mails_only_when_asked() -> None:
    wishes = Wishes(quiet=PEACE, zone="Europe/London")
    morning = Later(datetime(2026, 6, 11, 7, tzinfo=UTC))
    for category in ("transactional", "subscription", "social"):
        assert decide(wishes, category=category, channel="push", now=NIGHT) == morning
        assert decide(wishes, category=category, channel="sms", now=NIGHT) == morning
        assert decide(wishes, category=category, channel="email", now=NIGHT) == Now()
        assert decide(wishes, category=category, channel="in_app", now=NIGHT) == Now()
    wishes = Wishes(quiet=PEACE, quiet_email=True, zone="Europe/London")
    assert decide(wishes, category="subscription", channel="email", now=NIGHT) == morning


def test_urgent_messages_and_those_for_safety_pass_quiet_hours() -> None:
    wishes = Wishes(quiet=PEACE, choices={("social", "email"): "daily"})
    assert decide(wishes, category="security", channel="sms", now=NIGHT) == Now()
    assert decide(wishes, category="social", channel="push", now=NIGHT, urgent=True) == Now()
    assert decide(wishes, category="social", channel="email", now=NIGHT, urgent=True) == Now()


@pytest.mark.parametrize(
    ("often", "when"),
    [
        ("hourly", datetime(2026, 6, 11, 0, tzinfo=UTC)),
        ("daily", datetime(2026, 6, 11, 8, tzinfo=UTC)),
        ("weekly", datetime(2026, 6, 15, 8, tzinfo=UTC)),
    ],
)
def test_mails_are_gathered_until_a_time_of_where_they_live(often: rules.Frequency, when: datetime) -> None:
    wishes = Wishes(choices={("social", "email"): often}, zone="Europe/London")
    assert decide(wishes, category="social", channel="email", now=NIGHT) == Digest(often, when)
    assert decide(wishes, category="social", channel="email", now=NIGHT, digest=True) == Now()


def test_consent_taken_back_stops_news_outside_the_app() -> None:
    wishes = Wishes(consent=False)
    assert decide(wishes, category="social", channel="email", now=NIGHT) == Never("consent_withdrawn")
    assert decide(wishes, category="social", channel="in_app", now=NIGHT) == Now()


def test_who_left_a_campaign_hears_no_news_of_it_but_of_others() -> None:
    left, other = uuid.uuid4(), uuid.uuid4()
    wishes = Wishes(left=frozenset({left}))
    for channel in rules.CHANNELS:
        told = decide(wishes, category="subscription", channel=channel, now=NIGHT, campaign_id=left)
        assert told == Never("unfollowed")
    assert decide(wishes, category="subscription", channel="email", now=NIGHT, campaign_id=other) == Now()
    assert decide(wishes, category="transactional", channel="email", now=NIGHT, campaign_id=left) == Now()


# --- the API ----------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_person_sees_and_changes_a_part_of_their_preferences() -> None:
    who = person()
    before = who("GET", "/preferences").json()
    assert (len(before["choices"]), before["updated_at"], before["timezone"]) == (16, None, "UTC")
    assert before["quiet_hours"] == {"enabled": False, "start": None, "end": None, "email": False}
    quiet = {"enabled": True, "start": "21:30", "end": "07:00", "email": True}
    choose(who, ("subscription", "email", "daily"), quiet_hours=quiet, timezone="Africa/Nairobi")
    after = choose(who, ("social", "push", "never")).json()
    assert chosen(after, "subscription", "email") == "daily"
    assert chosen(after, "social", "push") == "never"
    assert chosen(after, "social", "email") == "instant"
    assert (after["quiet_hours"], after["timezone"]) == (quiet, "Africa/Nairobi")
    assert who("GET", "/preferences").json() == after
    off = who("POST", "/preferences", {"quiet_hours": {"enabled": False}, "timezone": ""}).json()
    assert (off["quiet_hours"]["enabled"], off["timezone"]) == (False, "UTC")
    assert chosen(off, "subscription", "email") == "daily"


@pytest.mark.django_db
def test_the_zone_is_the_platforms_until_the_person_says_another() -> None:
    who = person()
    describe(who.sub, "a@b.example", timezone="Europe/Paris")
    assert who("GET", "/preferences").json()["timezone"] == "Europe/Paris"
    assert who("POST", "/preferences", {"timezone": "Asia/Tokyo"}).json()["timezone"] == "Asia/Tokyo"
    describe(who.sub, "a@b.example", timezone="Europe/Rome")
    assert who("GET", "/preferences").json()["timezone"] == "Asia/Tokyo"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("body", "code", "pointer"),
    [
        ({"choices": [{"category": "marketing", "channel": "email", "frequency": "daily"}]}, "invalid", "#/choices/0"),
        ({"choices": [{"category": "social", "channel": "fax", "frequency": "daily"}]}, "invalid", "#/choices/0"),
        ({"choices": [{"category": "social", "channel": "push", "frequency": "daily"}]}, "invalid", "#/choices/0"),
        ({"choices": [{"category": "security", "channel": "email", "frequency": "never"}]}, "category_required", None),
        ({"timezone": "Mars/Olympus"}, "invalid", "#/timezone"),
        ({"quiet_hours": {"enabled": True, "start": "25:00"}}, "invalid", "#/quiet_hours"),
        ({"consent": {"granted": True}}, "invalid", "#/consent"),
        ({"digest": "daily"}, "invalid", "#/digest"),
    ],
)
def test_what_cannot_be_chosen_is_refused_and_nothing_is_written(
    body: dict[str, Any], code: str, pointer: str | None
) -> None:
    good = [{"category": "social", "channel": "email", "frequency": "never"}]
    response = person()("POST", "/preferences", {**body, "choices": body.get("choices", []) + good})
    assert (response.status_code, response.json()["code"]) == (422, code)
    assert response["Content-Type"].startswith("application/problem+json")
    if pointer:
        assert response.json()["errors"][0]["pointer"].startswith(pointer)
    assert (Person.objects.count(), Choice.objects.count(), Change.objects.count()) == (0, 0, 0)


@pytest.mark.django_db
def test_every_change_is_kept_with_its_way_and_a_repeat_leaves_nothing() -> None:
    who = person()
    for _ in range(2):
        choose(who, ("social", "email", "weekly"), consent={"granted": True, "version": "2026-11"})
    commands.unsubscribe(user_id=who.sub, category="social")
    assert list(Change.objects.order_by("id").values_list("source", "what", "before", "after")) == [
        ("api", "social by email", "instant", "weekly"),
        ("api", "consent", "", "given, version 2026-11"),
        ("one_click", "social by email", "weekly", "never"),
    ]
    assert who("GET", "/preferences").json()["consent"]["version"] == "2026-11"
    (fact,) = RecordedEvent.objects.filter(type="notifications.recipient.unsubscribed.v1")
    assert fact.payload["recipient_id"] == str(who.sub)


@pytest.mark.django_db
def test_history_cannot_be_altered_and_staff_have_to_say_why() -> None:
    commands.change(user_id=uuid.uuid4(), said=API, choices={("social", "email"): "daily"})
    with pytest.raises(IntegrityError), transaction.atomic():
        Change.objects.update(after="never")
    with pytest.raises(IntegrityError), transaction.atomic():
        commands.change(user_id=uuid.uuid4(), said=Said("staff", by="x"), choices={("social", "email"): "daily"})


@pytest.mark.django_db
def test_only_a_person_has_preferences_and_only_their_own(monolith: Caller, guest: Caller) -> None:
    one, other = person(), person()
    choose(one, ("social", "email", "never"))
    assert other("GET", "/preferences").json()["updated_at"] is None
    for method, path in [
        ("GET", "/preferences"),
        ("POST", "/preferences"),
        ("GET", "/follows"),
        ("PUT", f"/follows/{uuid.uuid4()}"),
        ("DELETE", f"/follows/{uuid.uuid4()}"),
    ]:
        body: dict[str, Any] | None = {} if method == "POST" else None
        assert guest(method, path, body).status_code == 401
        assert monolith(method, path, body).status_code == 403
        assert service("trust")(method, path, body).status_code == 403
    assert Person.objects.count() == 1


# --- following --------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_who_gave_follows_until_they_leave_and_a_new_gift_does_not_bring_them_back(campaign: Campaign) -> None:
    giver, fan, left = person(), person(), person()
    for who in (giver, left):
        hear(succeeded(campaign, donor_id=who.sub))
    hear(succeeded(campaign, guest=True))
    assert fan("PUT", f"/follows/{campaign.id}").json()["because"] == "choice"
    assert left("DELETE", f"/follows/{campaign.id}").json()["following"] is False
    hear(succeeded(campaign, donor_id=left.sub))
    assert set(queries.followers(campaign.id)) == {giver.sub, fan.sub}
    (entry,) = giver("GET", "/follows").json()["results"]
    assert entry == {
        "campaign_id": str(campaign.id),
        "title": campaign.title,
        "following": True,
        "because": "gift",
    }


@pytest.mark.django_db
def test_a_gift_taken_back_is_no_following_but_a_choice_stays(campaign: Campaign) -> None:
    giver, fan = person(), person()
    for who in (giver, fan):
        gift = succeeded(campaign, donor_id=who.sub)
        hear(gift)
        hear(refunded(campaign, donor_id=who.sub, payment_id=gift.payment_id, full=True))
    fan("PUT", f"/follows/{campaign.id}")
    assert queries.followers(campaign.id) == [fan.sub]


@pytest.mark.django_db
def test_a_campaign_nobody_knows_cannot_be_followed() -> None:
    response = person()("PUT", f"/follows/{uuid.uuid4()}")
    assert (response.status_code, response.json()["code"]) == (404, "campaign_unknown")
    assert (Follow.objects.count(), Change.objects.count()) == (0, 0)


@pytest.mark.django_db
def test_following_twice_leaves_one_row_of_history(campaign: Campaign) -> None:
    who = person()
    for method in ("PUT", "PUT", "DELETE", "DELETE"):
        assert who(method, f"/follows/{campaign.id}").status_code == 200
    assert list(Change.objects.order_by("id").values_list("before", "after")) == [
        ("", "followed"),
        ("followed", "left"),
    ]


# --- for thousands ----------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_wishes_of_many_are_read_at_once(django_assert_num_queries: Any) -> None:
    people = [uuid.uuid4() for _ in range(200)]
    with django_assert_num_queries(1):
        assert queries.verdicts([Ask(one, "social", "email") for one in people], NIGHT) == [Now()] * 200
    for one in people[:3]:
        commands.change(user_id=one, said=API, choices={("social", "email"): "never"}, hours=Hours(PEACE))
    with django_assert_num_queries(2):
        told = queries.verdicts([Ask(one, "social", "email") for one in people], NIGHT)
    assert told == [Never("preference")] * 3 + [Now()] * 197


@pytest.mark.django_db
def test_leaving_a_campaign_is_heard_of_without_any_other_wish(campaign: Campaign) -> None:
    who = uuid.uuid4()
    commands.follow(user_id=who, campaign_id=campaign.id, following=False, said=API)
    ask = Ask(who, "subscription", "email", campaign_id=campaign.id)
    assert queries.verdicts([ask], NIGHT) == [Never("unfollowed")]


@pytest.mark.django_db
def test_who_is_forgotten_leaves_nothing(campaign: Campaign) -> None:
    who, other = uuid.uuid4(), uuid.uuid4()
    for one in (who, other):
        commands.change(user_id=one, said=API, choices={("social", "email"): "daily"}, consent=Consent(True, "1"))
        commands.follow(user_id=one, campaign_id=campaign.id, following=True, said=API)
    assert commands.forget(user_id=who) == 6
    assert [*Person.objects.values_list("user_id", flat=True)] == [other]
    assert not queries.history(who)
    assert len(queries.history(other)) == 3


# --- the links in mails -----------------------------------------------------------------------------------------------


def path_of(url: str) -> str:
    return "/" + url.split("/api/v1/notifications/")[1]


def browse(path: str, form: dict[str, str] | None = None, *, accept_language: str = "") -> Any:
    """As a browser without a session, or a mail program."""
    client = Client(enforce_csrf_checks=True, headers={"Accept-Language": accept_language})
    address = f"/api/v1/notifications{path}"
    return client.get(address) if form is None else client.post(address, form)


@pytest.mark.django_db
def test_opening_the_link_unsubscribes_nobody_and_the_button_does_once() -> None:
    who = uuid.uuid4()
    path = path_of(links.links(who, "subscription").unsubscribe_url)
    for _ in range(3):
        page = browse(path)
        assert (page.status_code, b"<button>Unsubscribe</button>" in page.content) == (200, True)
    assert Client().head(f"/api/v1/notifications{path}").status_code == 200
    assert Person.objects.count() == 0
    for _ in range(2):
        done = browse(path, {"List-Unsubscribe": "One-Click"})
        assert (done.status_code, b"You are unsubscribed" in done.content) == (200, True)
        assert not done.cookies
    assert list(Choice.objects.values_list("person", "category", "channel", "frequency")) == [
        (who, "subscription", "email", "never")
    ]
    assert list(Change.objects.values_list("source", flat=True)) == ["one_click"]


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=b", "text/plain"])
def test_a_mail_program_may_post_in_any_form(kind: str) -> None:
    who = uuid.uuid4()
    body = b"List-Unsubscribe=One-Click"
    if kind.startswith("multipart"):
        body = b'--b\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--b--\r\n'
    address = f"/api/v1/notifications{path_of(links.links(who, 'social').unsubscribe_url)}"
    assert Client(enforce_csrf_checks=True).post(address, body, content_type=kind).status_code == 200
    assert Choice.objects.get().category == "social"


@pytest.mark.django_db
def test_whatever_we_did_not_make_is_answered_alike() -> None:
    who = uuid.uuid4()
    token = links.links(who, "social").unsubscribe_url.rsplit("/", 1)[1]
    page = links.preferences_url(who).rsplit("/", 1)[1]
    bent = token[:-1] + ("A" if token[-1] != "A" else "B")
    answers = {
        browse(path, form).content
        for form in (None, {"x": "y"})
        for path in (
            f"/unsubscribe/{bent}",
            f"/unsubscribe/{page}",
            f"/unsubscribe/{token}A",
            f"/unsubscribe/{token[:20]}",
            "/unsubscribe/%C3%A9",
            f"/unsubscribe/{uuid.uuid4()}",
            f"/preferences/{token}",
            f"/preferences/{bent}",
        )
    }
    assert len(answers) == 1
    assert browse(f"/unsubscribe/{bent}").status_code == 404
    assert Person.objects.count() == 0


@pytest.mark.parametrize(
    ("accepts", "language", "direction"),
    [
        ("ar-EG, en;q=0.5", "ar", "rtl"),
        ("de, fr-CA;q=0.8", "fr", "ltr"),
        ("de", "en", "ltr"),
        (";;q=\x7f", "en", "ltr"),
    ],
)
@pytest.mark.django_db
def test_a_broken_link_says_so_in_the_language_of_the_browser(accepts: str, language: str, direction: str) -> None:
    page = browse("/preferences/broken", accept_language=accepts)
    assert page.status_code == 404
    assert f'<html lang="{language}" dir="{direction}">' in page.content.decode()


def test_a_link_says_who_and_what_by_its_key_alone(settings: Any) -> None:
    who = uuid.uuid4()
    token = links.links(who, "social").unsubscribe_url.rsplit("/", 1)[1]
    assert links.open_unsubscribe(token) == links.Opened(who, "social")
    assert links.open_page(token) is None
    old, settings.BH_LINK_KEY = settings.BH_LINK_KEY, b"k" * 32
    assert links.open_unsubscribe(token) is None
    settings.BH_LINK_KEYS_PAST = [old]
    assert links.open_unsubscribe(token) == links.Opened(who, "social")


def test_nobody_can_leave_what_is_required() -> None:
    for category in rules.REQUIRED:
        assert links.links(uuid.uuid4(), category).unsubscribe_url == ""


@pytest.mark.django_db
def test_the_page_works_without_a_script_and_saves_what_was_chosen() -> None:
    who = uuid.uuid4()
    path = path_of(links.preferences_url(who))
    shown = browse(path)
    assert b"<script" not in shown.content
    policy = shown["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "form-action 'self'" in policy
    form = {
        "subscription.email": "weekly",
        "social.push": "never",
        "quiet": "on",
        "start": "23:00",
        "end": "06:30",
        "timezone": "America/Lima",
    }
    saved = browse(path, form)
    assert (saved.status_code, b"Saved." in saved.content) == (200, True)
    wishes, _ = queries.of(who)
    assert wishes == Wishes(
        choices={("subscription", "email"): "weekly", ("social", "push"): "never"},
        quiet=Quiet(time(23), time(6, 30)),
        zone="America/Lima",
    )
    assert set(Change.objects.values_list("source", flat=True)) == {"page"}


@pytest.mark.django_db
def test_stopping_all_news_keeps_receipts_and_the_feed() -> None:
    who = uuid.uuid4()
    browse(path_of(links.preferences_url(who)), {"stop": "all", "social.email": "instant"})
    asks = [Ask(who, category, channel) for category in rules.CATEGORIES for channel in rules.CHANNELS]
    told = dict(zip([(one.category, one.channel) for one in asks], queries.verdicts(asks, NIGHT), strict=True))
    stopped = {key for key, verdict in told.items() if verdict == Never("preference")}
    assert stopped == {(category, channel) for category in rules.OPTIONAL for channel in ("email", "push", "sms")}


@pytest.mark.django_db
@pytest.mark.parametrize(
    "form",
    [
        {"social.email": "sometimes"},
        {"social.push": "daily"},
        {"timezone": "Mars/Olympus"},
        {"quiet": "on", "start": "x", "end": "06:00"},
        {"quiet": "on", "start": "22:00"},
    ],
)
def test_a_form_with_something_impossible_saves_nothing_and_says_so(form: dict[str, str]) -> None:
    answer = browse(path_of(links.preferences_url(uuid.uuid4())), {"subscription.email": "daily", **form})
    assert (answer.status_code, b"Nothing was saved" in answer.content) == (422, True)
    assert (Person.objects.count(), Change.objects.count()) == (0, 0)


@pytest.mark.django_db
def test_the_page_speaks_the_readers_language_from_the_right_if_need_be() -> None:
    who = uuid.uuid4()
    describe(who, "a@b.example", name="Ruth", locale="ar")
    page = browse(path_of(links.preferences_url(who))).content.decode()
    assert '<html lang="ar" dir="rtl">' in page
    assert "ساعات الهدوء" in page
    audience.describe_contact(user_id=who, email="a@b.example", locale="pt-BR")
    page = browse(path_of(links.preferences_url(who))).content.decode()
    assert '<html lang="en" dir="ltr">' in page
    # A mail is forwarded: the page names nobody.
    assert "Ruth" not in page
    assert "b.example" not in page


def test_every_language_has_every_word() -> None:
    from notify_svc.preferences.words import LANGUAGES

    for said in LANGUAGES.values():
        assert set(said.categories) == set(rules.OPTIONAL)
        assert set(said.channels) == set(rules.CHANNELS)
        assert set(said.frequencies) == set(rules.FREQUENCIES)
        assert "{category}" in said.out_ask
        assert "{category}" in said.out_done
