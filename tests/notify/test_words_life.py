"""The life of an edition: who may let it speak, what breaks for callers, and what the database itself refuses."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from bh_sdk.errors import SecondPersonNeeded
from notify_svc.delivery import commands as delivery
from notify_svc.delivery.models import Delivery
from notify_svc.delivery.orders import Order
from notify_svc.preferences import links as preferences
from notify_svc.wording import commands, queries, rules
from notify_svc.wording.errors import BreakingChange, DraftChanged, DraftOpen, VersionNotOpen, VersionNotPublishable
from notify_svc.wording.models import Layout, Template, TemplateVersion
from notify_svc.wording.rules import Variable
from tests.notify.conftest import describe, work
from tests.notify.mailbox import Mailbox

pytestmark = pytest.mark.django_db

# One type about money, one that people follow.
MONEY, NEWS = "gift.thank_you", "campaign_update"


def template(kind: str = NEWS, channel: str = "in_app") -> Template:
    return Template.objects.get(type=kind, channel=channel, locale="en")


def live(of: Template) -> TemplateVersion:
    return of.versions.get(state="live")


def words(of: Template, **changes: str) -> dict[str, str]:
    return {field: getattr(live(of), field) for field in commands.WORDS} | changes


def write(of: Template, *, by: str = "anna", variables: Any = None, **changes: str) -> TemplateVersion:
    declared = live(of).variables if variables is None else variables
    return commands.draft(template_id=of.id, words=words(of, **changes), variables=declared, by=by)


def handed_in(of: Template, **changes: Any) -> TemplateVersion:
    version = write(of, **changes)
    commands.hand_in(version_id=version.id, by=version.created_by)
    return version


def state(version: TemplateVersion) -> str:
    return TemplateVersion.objects.get(id=version.id).state


def without(of: Template, name: str) -> list[dict[str, Any]]:
    return [one for one in live(of).variables if one["name"] != name]


@pytest.mark.parametrize("kind", [MONEY, NEWS])
def test_words_about_money_take_two_people_and_news_take_one(kind: str) -> None:
    version = handed_in(template(kind), by="anna")
    if kind == NEWS:
        commands.publish(version_id=version.id, by="anna")
        assert state(version) == "live"
        return
    with pytest.raises(SecondPersonNeeded):
        commands.publish(version_id=version.id, by="anna")
    assert state(version) == "review"
    commands.publish(version_id=version.id, by="ben")
    assert state(version) == "live"


def test_who_edited_last_is_no_second_person_either() -> None:
    of = template(MONEY)
    version = write(of, by="anna")
    commands.edit(version_id=version.id, revision=1, words=words(of), variables=live(of).variables, by="ben")
    commands.hand_in(version_id=version.id, by="ben")
    for writer in ("anna", "ben"):
        with pytest.raises(SecondPersonNeeded):
            commands.publish(version_id=version.id, by=writer)
    assert commands.publish(version_id=version.id, by="carla").published_by == "carla"


@pytest.mark.parametrize("by", ["anna", "ben", ""])
def test_the_database_refuses_a_publisher_who_wrote_it(by: str) -> None:
    of = template(MONEY)
    version = write(of, by="anna")
    commands.edit(version_id=version.id, revision=1, words=words(of), variables=live(of).variables, by="ben")
    commands.hand_in(version_id=version.id, by="ben")
    of.versions.filter(state="live").update(state="retired")
    with pytest.raises(IntegrityError), transaction.atomic():
        TemplateVersion.objects.filter(id=version.id).update(state="live", published_by=by)
    assert state(version) == "review"


def test_the_database_knows_the_same_moves_as_the_rules() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT prosrc FROM pg_proc WHERE proname = 'notify_words_stay'")
        (source,) = cursor.fetchone()
    for before in rules.STATES:
        for after in set(rules.STATES) - {before}:
            assert (f"'{before}>{after}'" in source) == ((before, after) in rules.STATE_MOVES)


def test_words_change_only_while_they_are_a_draft() -> None:
    version = write(template())
    TemplateVersion.objects.filter(id=version.id).update(text="a draft may be changed")
    commands.hand_in(version_id=version.id, by="anna")
    changes: list[dict[str, Any]] = [{"text": "x"}, {"variables": []}, {"note": "x"}, {"state": "draft", "text": "x"}]
    for change in [*changes, {"state": "retired"}, {"number": 9}, {"created_by": "x"}]:
        with pytest.raises(IntegrityError), transaction.atomic():
            TemplateVersion.objects.filter(id=version.id).update(**change)
    for rows in (TemplateVersion.objects.filter(id=version.id), Layout.objects.filter(number=1)):
        with pytest.raises(IntegrityError), transaction.atomic():
            rows.delete()
    with pytest.raises(IntegrityError), transaction.atomic():
        Layout.objects.update(html="x")
    assert state(version) == "review"


def test_nobody_saves_over_what_somebody_else_wrote_meanwhile() -> None:
    of = template()
    version = write(of, by="anna")
    variables = live(of).variables
    commands.edit(version_id=version.id, revision=1, words=words(of, text="Ben's"), variables=variables, by="ben")
    with pytest.raises(DraftChanged) as refusal:
        commands.edit(version_id=version.id, revision=1, words=words(of, text="Anna's"), variables=variables, by="anna")
    assert refusal.value.facts == {"by": "ben", "revision": 2}
    version.refresh_from_db()
    assert (version.text, version.revision) == ("Ben's", 2)


def test_there_is_one_open_edition_at_a_time() -> None:
    of = template()
    first = write(of)
    with pytest.raises(DraftOpen) as refusal:
        write(of)
    assert refusal.value.facts == {"version_id": str(first.id)}
    commands.drop(version_id=first.id, by="anna")
    assert write(of).number == first.number + 1


def test_what_was_sent_back_is_a_draft_and_what_was_dropped_never_speaks() -> None:
    of = template()
    version = handed_in(of)
    with pytest.raises(VersionNotOpen):
        commands.edit(version_id=version.id, revision=1, words=words(of), variables=[], by="anna")
    commands.send_back(version_id=version.id, by="ben")
    assert state(version) == "draft"
    with pytest.raises(VersionNotPublishable):
        commands.publish(version_id=version.id, by="ben")
    commands.drop(version_id=version.id, by="anna")
    for command in (commands.publish, commands.restore):
        with pytest.raises(VersionNotPublishable):
            command(version_id=version.id, by="ben")
    for step in (commands.hand_in, commands.send_back, commands.drop):
        with pytest.raises(VersionNotOpen):
            step(version_id=version.id, by="ben")
    assert state(version) == "dropped"


def test_what_callers_send_and_must_send_is_confirmed_by_name_before_it_breaks() -> None:
    of = template(channel="email")
    other = template(channel="in_app")
    # No more templates of this type speak.
    TemplateVersion.objects.filter(template__type=NEWS).exclude(template__in=(of, other)).update(state="retired")
    more = [*live(of).variables, Variable("photo_url", "url", "https://example.org/a.jpg").as_json()]
    version = handed_in(of, variables=more, html="<p>{{ photo_url }}</p>")
    with pytest.raises(BreakingChange) as refusal:
        commands.publish(version_id=version.id, by="ben")
    assert refusal.value.facts == {"required": ["photo_url"], "removed": [], "changed": []}
    with pytest.raises(BreakingChange):
        commands.publish(version_id=version.id, by="ben", accepting={"something_else"})
    assert state(version) == "review"
    commands.publish(version_id=version.id, by="ben", accepting={"photo_url"})
    # As long as one template of the type still declares a variable, sending it breaks nothing.
    gone = handed_in(other, variables=without(other, "update_content"), text="{{ update_title }}")
    commands.publish(version_id=gone.id, by="ben")
    last = handed_in(of, variables=without(of, "update_content"), html="<p>x</p>", preheader="", text="x")
    with pytest.raises(BreakingChange) as refusal:
        commands.publish(version_id=last.id, by="ben")
    assert refusal.value.facts["removed"] == ["update_content"]


def test_rolling_back_asks_the_same_question() -> None:
    of = template()
    before = live(of)
    more = [*before.variables, Variable("extra", "line", "x").as_json()]
    version = handed_in(of, variables=more)
    commands.publish(version_id=version.id, by="ben", accepting={"extra"})
    with pytest.raises(BreakingChange) as refusal:
        commands.restore(version_id=before.id, by="carla")
    assert refusal.value.facts["removed"] == ["extra"]
    back = commands.restore(version_id=before.id, by="carla", accepting={"extra"})
    assert (back.restored_by, back.published_by, state(version)) == ("carla", "seed", "retired")


def test_bringing_back_what_two_people_agreed_to_takes_one() -> None:
    of = template(MONEY)
    first = handed_in(of, by="anna")
    commands.publish(version_id=first.id, by="ben")
    second = handed_in(of, by="ben")
    commands.publish(version_id=second.id, by="anna")
    commands.restore(version_id=first.id, by="anna")
    first.refresh_from_db()
    assert (first.state, first.published_by, first.restored_by) == ("live", "ben", "anna")


UPDATE = {
    "campaign_title": "Clean water",
    "campaign_id": str(uuid.uuid4()),
    "update_title": "The well",
    "update_id": str(uuid.uuid4()),
    "update_content": "Water.",
}


GIFT = {
    "campaign_title": "Clean water",
    "campaign_id": str(uuid.uuid4()),
    "payment_id": str(uuid.uuid4()),
    "amount": "25.00",
    "charged": "25.00",
    "currency": "GBP",
}


def accepted(kind: str = NEWS, data: dict[str, Any] = UPDATE) -> Delivery:
    order = Order(recipient_id=uuid.uuid4(), type=kind, data=data, dedupe=str(uuid.uuid4()), channels=("email",))
    (done,) = delivery.accept([order], by="test")
    return Delivery.objects.get(notification_id=done.notification_id)


def test_new_words_are_used_at_once_and_what_is_under_way_keeps_its_own() -> None:
    of = template(channel="email")
    before = live(of)
    early = accepted()
    version = handed_in(of, subject="New: {{ update_title }}")
    commands.publish(version_id=version.id, by="ben")
    assert accepted().version_id == version.id
    early.refresh_from_db()
    assert early.version_id == before.id
    assert queries.version(before.id).source.subject == before.subject


def test_a_mail_that_waited_for_its_address_takes_no_words_that_its_data_cannot_fill() -> None:
    of = template(channel="email")
    before = live(of)
    waiting = accepted()
    more = [*before.variables, Variable("photo_url", "url", "https://example.org/a.jpg").as_json()]
    version = handed_in(of, variables=more, html="<p>{{ photo_url }}</p>")
    commands.publish(version_id=version.id, by="ben", accepting={"photo_url"})
    describe(waiting.recipient_id, "ruth@example.org")
    assert delivery.wake(recipient_id=waiting.recipient_id) == 1
    waiting.refresh_from_db()
    assert (waiting.status, waiting.version_id) == ("queued", before.id)


def test_each_reader_gets_their_own_way_out_of_news_and_none_out_of_a_thank_you(mailbox: Mailbox) -> None:
    waiting = accepted()
    describe(waiting.recipient_id, "ruth@example.org")
    delivery.wake(recipient_id=waiting.recipient_id)
    work()
    (mail,) = mailbox.to("ruth@example.org")
    own = preferences.links(waiting.recipient_id, "subscription")
    for part in ("plain", "html"):
        body = mail.get_body((part,))
        assert body is not None
        assert own.unsubscribe_url in body.get_content().replace("&amp;", "&")
    gift = accepted(kind=MONEY, data=GIFT)
    describe(gift.recipient_id, "ada@example.org")
    delivery.wake(recipient_id=gift.recipient_id)
    work()
    (thanks,) = mailbox.to("ada@example.org")
    body = thanks.get_body(("html",))
    assert body is not None
    assert "unsubscribe" not in body.get_content()


def test_the_database_marks_words_about_money_for_two_people_whoever_writes_the_row() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT prosrc FROM pg_proc WHERE proname = 'notify_words_two_people'")
        (source,) = cursor.fetchone()
    for category in rules.CATEGORIES:
        assert (f"'{category}'" in source) == (category in rules.TWO_PEOPLE)
    row = live(template(MONEY))
    row.id, row.number, row.state, row.created_by, row.two_people = uuid.uuid4(), 99, "draft", "anna", False
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save(force_insert=True)
    assert not TemplateVersion.objects.filter(number=99).exists()
