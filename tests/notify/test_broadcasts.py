"""One message to many: written, counted, approved by somebody else, told page by page, held and stopped."""

from __future__ import annotations

import uuid
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.db import IntegrityError, transaction
from prometheus_client import generate_latest as exposed

from bh_sdk.server.ops import clock
from notify_svc.broadcasts import commands, errors, estimating, queries, rules
from notify_svc.broadcasts.models import Broadcast, Step
from notify_svc.delivery import claims, composing, mailings, progress, tasks
from notify_svc.delivery import rules as delivery
from notify_svc.delivery.channels.base import Outcome
from notify_svc.delivery.claims import Result
from notify_svc.delivery.errors import ExpiryInvalid, MailingOver
from notify_svc.delivery.models import Delivery, Mailing, Notification
from notify_svc.digests import tasks as digests
from notify_svc.preferences import commands as preferences
from notify_svc.preferences.commands import Consent, Said
from notify_svc.tracking import commands as tracking
from notify_svc.wording import commands as editing
from notify_svc.wording.errors import DataInvalid
from notify_svc.wording.models import TemplateVersion
from tests.notify.conftest import Campaign, describe, work
from tests.notify.mailbox import Mailbox
from tests.notify.test_accepting import gifts, told

pytestmark = pytest.mark.django_db

WORDS = {"headline": "A year of clean water", "message": "Twelve wells.\n\nThank you."}
WRITER, SECOND = str(uuid.uuid4()), str(uuid.uuid4())


@pytest.fixture
def moved_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Move the service's clock by so many seconds: `moved_clock(2)`."""
    file, total = tmp_path / "clock", 0.0
    monkeypatch.setenv("BH_CLOCK_FILE", str(file))

    def move(seconds: float) -> None:
        nonlocal total
        total += seconds
        part = file.with_suffix(".part")
        part.write_text(str(total))
        part.replace(file)

    return move


def draft(
    campaign: Campaign | None = None, *, ids: list[UUID] | None = None, by: str = WRITER, **timing: Any
) -> Broadcast:
    row = commands.compose(title="The year", type="broadcast.news", by=by)
    commands.write(broadcast_id=row.id, data=WORDS, by=by)
    if ids is not None:
        commands.address(broadcast_id=row.id, audience="listed", ids=ids, by=by)
    elif campaign is not None:
        commands.address(broadcast_id=row.id, audience="donors", campaign_id=campaign.id, by=by)
    if timing:
        commands.plan(broadcast_id=row.id, by=by, **timing)
    row.refresh_from_db()
    return row


def asked(*args: Any, **rest: Any) -> Broadcast:
    return commands.ask(broadcast_id=draft(*args, **rest).id, by=WRITER)


def approved(*args: Any, **rest: Any) -> Broadcast:
    row = asked(*args, **rest)
    return commands.approve(broadcast_id=row.id, revision=row.revision, by=SECOND)


def readers(campaign: Campaign, count: int) -> list[UUID]:
    people = gifts(campaign, count)
    for one in people:
        describe(one, f"{one}@example.org")
    return people


def test_a_broadcast_reaches_everybody_once_in_the_words_that_were_approved(
    campaign: Campaign, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailings, "PAGE", 2)
    people = readers(campaign, 5)
    row = approved(campaign)
    assert (row.estimate["people"], row.estimate["reached"], row.estimate["channels"]) == (
        5,
        5,
        {"email": 5, "in_app": 5},
    )
    assert told() == []
    assert tasks.expand() == 5
    assert tasks.expand() == 0
    work()
    assert told() == people
    assert sorted(str(mail["Subject"]) for mail in mailbox.mails) == [WORDS["headline"]] * 5
    assert all("List-Unsubscribe" in mail for mail in mailbox.mails)
    assert queries.stage(row) == "sent"


# --- who decides ------------------------------------------------------------------------------------------------------


def test_whoever_had_a_hand_in_it_does_not_approve_it_and_nothing_is_written(campaign: Campaign) -> None:
    readers(campaign, 1)
    row = draft(campaign)
    commands.plan(broadcast_id=row.id, per_minute=60, by=SECOND)
    row = commands.ask(broadcast_id=row.id, by=WRITER)
    for one in (WRITER, SECOND):
        with pytest.raises(errors.SecondPersonNeeded):
            commands.approve(broadcast_id=row.id, revision=row.revision, by=one)
    assert not Mailing.objects.exists()
    assert not Step.objects.filter(kind="approved").exists()


def test_the_database_takes_no_approval_by_a_writer(campaign: Campaign) -> None:
    row = approved(ids=[uuid.uuid4()])
    other = asked(ids=[uuid.uuid4()])
    for by in (WRITER, ""):
        with pytest.raises(IntegrityError), transaction.atomic():
            Broadcast.objects.filter(id=other.id).update(
                status="approved", approved_by=by, approved_at=clock.now(), mailing=None
            )
    helper = str(uuid.uuid4())
    Step.objects.create(broadcast=other, kind="written", by=helper, at=clock.now())
    mailing = Mailing.objects.create(
        dedupe="x",
        audience="listed",
        order={},
        status="open",
        expected=0,
        due_at=clock.now(),
        accepted_by="x",
        created_at=clock.now(),
    )
    for by in (helper, WRITER):
        with pytest.raises(IntegrityError), transaction.atomic():
            Broadcast.objects.filter(id=other.id).update(
                status="approved", approved_by=by, approved_at=clock.now(), mailing=mailing
            )
    with pytest.raises(IntegrityError), transaction.atomic():
        Broadcast.objects.filter(id=row.id).update(title="Another")


def test_the_database_keeps_what_was_asked_for_and_every_step(campaign: Campaign) -> None:
    row = asked(ids=[uuid.uuid4()])
    changes: list[dict[str, Any]] = [
        {"data": {}},
        {"per_minute": 5},
        {"audience": "donors"},
        {"versions": []},
        {"type": "campaign_update"},
    ]
    for change in changes:
        with pytest.raises(IntegrityError), transaction.atomic():
            Broadcast.objects.filter(id=row.id).update(**change)
    with pytest.raises(IntegrityError), transaction.atomic():
        Step.objects.all().delete()
    with pytest.raises(IntegrityError), transaction.atomic():
        Step.objects.update(note="x")
    with pytest.raises(IntegrityError), transaction.atomic():
        Broadcast.objects.create(
            title="x", type="x", category="x", status="asked", created_by="x", created_at=clock.now()
        )


@pytest.mark.parametrize("before", rules.STATES)
@pytest.mark.parametrize("after", rules.STATES)
def test_the_table_of_moves_is_the_databases_too(before: str, after: str) -> None:
    source = import_module("notify_svc.broadcasts.migrations.0002_guards").GUARD
    assert (f"'{before}>{after}'" in source) == ((before, after) in rules.MOVES)
    for step in rules.STEPS:
        assert (f"'{step}'" in source.partition("s.kind IN")[2]) == (step in rules.WRITING)


def test_mailings_go_forward_only_as_the_table_says() -> None:
    source = import_module("notify_svc.delivery.migrations.0008_mailings_of_broadcasts").FORWARD_ONLY
    for before in delivery.MAILING_STATES:
        for after in delivery.MAILING_STATES:
            assert (f"'{before}>{after}'" in source) == ((before, after) in delivery.MAILING_MOVES)


def test_what_was_changed_meanwhile_is_not_approved(campaign: Campaign) -> None:
    row = asked(ids=[uuid.uuid4()])
    seen = row.revision
    commands.send_back(broadcast_id=row.id, note="Shorter", by=SECOND)
    commands.write(broadcast_id=row.id, data=WORDS | {"message": "Twelve wells."}, by=WRITER)
    commands.ask(broadcast_id=row.id, by=WRITER)
    with pytest.raises(errors.BroadcastChanged):
        commands.approve(broadcast_id=row.id, revision=seen, by=SECOND)
    assert not Mailing.objects.exists()


def test_an_approval_is_given_once(campaign: Campaign) -> None:
    row = approved(ids=[uuid.uuid4()])
    with pytest.raises(errors.BroadcastDecided):
        commands.approve(broadcast_id=row.id, revision=row.revision, by=SECOND)
    assert Mailing.objects.count() == 1
    for refused in (commands.send_back, commands.drop):
        with pytest.raises(errors.BroadcastDecided):
            refused(broadcast_id=row.id, note="Too late", by=SECOND)


@pytest.mark.parametrize("status", ["asked", "approved", "dropped"])
def test_only_a_draft_is_changed(campaign: Campaign, status: str) -> None:
    row = draft(ids=[uuid.uuid4()]) if status == "dropped" else asked(ids=[uuid.uuid4()])
    if status == "dropped":
        commands.drop(broadcast_id=row.id, by=WRITER)
    elif status == "approved":
        commands.approve(broadcast_id=row.id, revision=row.revision, by=SECOND)
    before = Step.objects.count()
    for change in (
        lambda: commands.write(broadcast_id=row.id, data=WORDS, by=WRITER),
        lambda: commands.address(broadcast_id=row.id, audience="consented", by=WRITER),
        lambda: commands.plan(broadcast_id=row.id, by=WRITER),
        lambda: commands.ask(broadcast_id=row.id, by=WRITER),
    ):
        with pytest.raises(errors.BroadcastFixed):
            change()
    assert Step.objects.count() == before


def test_what_is_not_finished_or_reaches_nobody_is_not_asked_for(campaign: Campaign) -> None:
    row = commands.compose(title="The year", type="broadcast.news", by=WRITER)
    with pytest.raises(errors.BroadcastUnfinished) as refusal:
        commands.ask(broadcast_id=row.id, by=WRITER)
    assert refusal.value.facts["missing"] == ["words", "audience"]
    with pytest.raises(DataInvalid):
        commands.write(broadcast_id=row.id, data={"headline": "Only that"}, by=WRITER)
    nobody = draft(campaign)
    with pytest.raises(errors.NobodyToTell):
        commands.ask(broadcast_id=nobody.id, by=WRITER)
    assert set(Broadcast.objects.values_list("status", flat=True)) == {"draft"}


def test_types_that_facts_bring_about_and_digests_are_not_for_broadcasts() -> None:
    offered = dict(queries.offered())
    assert {"broadcast.news", "broadcast.notice", "campaign_update"} <= offered.keys()
    for type in ("gift.thank_you", "receipt.issued", "digest.social"):
        assert type not in offered
        with pytest.raises(errors.TypeNotBroadcast):
            commands.compose(title="x", type=type, by=WRITER)


def test_an_approval_after_its_time_is_refused(campaign: Campaign, moved_clock: Any) -> None:
    row = asked(ids=[uuid.uuid4()], expires_at=clock.now() + timedelta(hours=1))
    moved_clock(7_200)
    with pytest.raises(ExpiryInvalid):
        commands.approve(broadcast_id=row.id, revision=row.revision, by=SECOND)
    assert not Mailing.objects.exists()


# --- whom it reaches --------------------------------------------------------------------------------------------------


def test_an_estimate_says_how_many_are_reached_and_why_the_others_are_not(campaign: Campaign) -> None:
    people = readers(campaign, 8)
    said = Said("api")
    preferences.change(user_id=people[0], said=said, consent=Consent(False, "1"))
    preferences.change(user_id=people[1], said=said, choices={("subscription", "email"): "never"})
    preferences.change(user_id=people[2], said=said, choices={("subscription", "email"): "daily"})
    tracking.suppress(email=f"{people[3]}@example.org", note="Asked on the phone", by="support")
    bare = gifts(campaign, 1)
    found = queries.counted(draft(campaign))
    assert (found.people, found.reached, found.about) == (9, 9, False)
    assert found.channels == {"email": 5, "in_app": 9}
    assert found.left_out == {"email": {"consent_withdrawn": 1, "preference": 1, "suppressed": 1, "no_address": 1}}
    assert found.later == {"digest": 1}
    assert bare[0] not in people


def test_a_large_audience_is_estimated_from_a_part_of_it(campaign: Campaign, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimating, "PAGE", 5)
    monkeypatch.setattr(estimating, "LOOKED_AT", 10)
    readers(campaign, 40)
    found = queries.counted(draft(campaign))
    assert (found.people, found.reached, found.channels["email"], found.about) == (40, 40, 40, True)


def test_what_the_estimate_counts_is_what_sending_does(campaign: Campaign, mailbox: Mailbox) -> None:
    people = readers(campaign, 4)
    gifts(campaign, 1)
    preferences.change(user_id=people[0], said=Said("api"), choices={("subscription", "email"): "never"})
    tracking.suppress(email=f"{people[1]}@example.org", note="Asked on the phone", by="support")
    row = approved(campaign)
    tasks.expand()
    work()
    assert len(mailbox.raw) == row.estimate["channels"]["email"] == 2
    assert row.mailing is not None
    mail, feed = progress.of_id(row.mailing.id)
    assert (mail.channel, mail.sent, mail.skipped, mail.queued, mail.failed, mail.waiting) == ("email", 2, 2, 0, 0, 1)
    assert (feed.channel, feed.sent, feed.skipped) == ("in_app", 5, 0)


def test_a_list_names_each_once_whatever_it_is_written_like() -> None:
    one, two = uuid.uuid4(), uuid.uuid4()
    text = f'\ufeff{one}\r\n"{two}"; {str(one).upper()},nobody {"0" * 36}'
    assert rules.listed(text) == ([one, two], ["nobody", "0" * 36])


def test_who_consented_who_is_listed_and_who_reads_a_language(campaign: Campaign) -> None:
    french, english, unknown = sorted(uuid.uuid4() for _ in range(3))
    describe(french, "a@example.org", locale="fr-CA")
    describe(english, "b@example.org", locale="en")
    for one, consent in ((french, True), (english, True), (unknown, False)):
        preferences.change(user_id=one, said=Said("api"), consent=Consent(consent, "1"))

    def pages(**rest: Any) -> list[UUID]:
        row = draft()
        row = commands.address(broadcast_id=row.id, by=WRITER, **rest)
        return [one for page in queries.audience(row).pages(2) for one in page]

    assert pages(audience="consented") == sorted([french, english])
    assert pages(audience="consented", languages=["fr"]) == [french]
    assert pages(audience="listed", ids=[unknown, english, english]) == sorted([english, unknown])
    assert pages(audience="listed", ids=[unknown, french], languages=["en"]) == [unknown]


@pytest.mark.parametrize(
    "wrong",
    [
        {"audience": "donors"},
        {"audience": "followers", "campaign_id": uuid.uuid4()},
        {"audience": "listed"},
        {"audience": "listed", "ids": []},
    ],
)
def test_an_audience_that_is_none_is_refused(wrong: dict[str, Any]) -> None:
    row = draft()
    with pytest.raises(errors.AudienceInvalid):
        commands.address(broadcast_id=row.id, by=WRITER, **wrong)
    row.refresh_from_db()
    assert row.audience == ""


def test_words_that_are_published_after_the_approval_are_not_used(campaign: Campaign, mailbox: Mailbox) -> None:
    readers(campaign, 1)
    row = approved(campaign)
    live = TemplateVersion.objects.get(
        template__type="broadcast.news", template__channel="email", template__locale="en", state="live"
    )
    new = editing.begin(template_id=live.template_id, by=WRITER)
    words = {name: getattr(live, name) for name in editing.WORDS} | {"subject": "Something else"}
    editing.edit(version_id=new.id, revision=new.revision, words=words, variables=live.variables, by=WRITER)
    editing.hand_in(version_id=new.id, by=WRITER)
    editing.publish(version_id=new.id, by=SECOND)
    tasks.expand()
    work()
    assert [str(mail["Subject"]) for mail in mailbox.mails] == [WORDS["headline"]]
    assert row.versions


# --- under way --------------------------------------------------------------------------------------------------------


def test_what_is_paused_is_held_and_goes_on_where_it_was(
    campaign: Campaign, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailings, "PAGE", 2)
    people = readers(campaign, 5)
    row = approved(campaign)
    mailings.expand(pages=2)
    commands.pause(broadcast_id=row.id, by=SECOND)
    assert (queries.stage(row), tasks.expand()) == ("paused", 0)
    work()
    assert mailbox.raw == []
    held = Delivery.objects.filter(channel="email")
    assert set(held.values_list("status", "reason", "tries")) == {("retrying", "paused", 0)}
    with pytest.raises(MailingOver):
        commands.pause(broadcast_id=row.id, by=SECOND)
    commands.resume(broadcast_id=row.id, by=SECOND)
    assert tasks.expand() == 1
    work()
    assert len(mailbox.raw) == 5
    assert told() == people
    with pytest.raises(MailingOver):
        commands.resume(broadcast_id=row.id, by=SECOND)


def test_nothing_leaves_after_a_stop_even_before_it_is_taken_back(
    campaign: Campaign, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailings, "PAGE", 2)
    readers(campaign, 5)
    row = approved(campaign)
    mailings.expand(pages=2)
    commands.stop(broadcast_id=row.id, note="Wrong date", by=SECOND)
    assert queries.stage(row) == "stopping"
    work()
    assert mailbox.raw == []
    tasks.expand()
    work()
    assert (queries.stage(row), len(told()), mailbox.raw) == ("stopped", 4, [])
    assert set(Delivery.objects.filter(channel="email").values_list("status", flat=True)) == {"canceled"}
    commands.stop(broadcast_id=row.id, note="Again", by=SECOND)
    assert Step.objects.filter(kind="stopped").count() == 1


def test_what_a_worker_has_in_its_hands_when_it_is_stopped_is_finished(campaign: Campaign, mailbox: Mailbox) -> None:
    readers(campaign, 3)
    row = approved(campaign)
    tasks.expand()
    token, claimed = claims.claim("email", limit=2)
    letters = composing.compose(claimed).letters
    commands.stop(broadcast_id=row.id, note="Wrong date", by=SECOND)
    now = clock.now()
    claims.settle(token, [Result(one.delivery_id, now, now, Outcome("accepted"), provider="smtp") for one in letters])
    tasks.expand()
    work()
    states = sorted(Delivery.objects.filter(channel="email").values_list("status", flat=True))
    assert (states, mailbox.raw) == (["canceled", "sent", "sent"], [])


def test_a_slow_broadcast_tells_no_more_than_so_many_in_any_minute(campaign: Campaign, moved_clock: Any) -> None:
    gifts(campaign, 40)
    approved(campaign, per_minute=12)
    moments: list[float] = []
    for second in range(0, 150, 5):
        moments += [float(second)] * tasks.expand()
        moved_clock(5)
    busiest = max(sum(start <= at < start + 60 for at in moments) for start in range(0, 150, 5))
    assert (len(moments), busiest) == (30, 12)


def test_a_start_in_the_future_is_waited_for(campaign: Campaign, moved_clock: Any) -> None:
    readers(campaign, 1)
    row = approved(campaign, start_at=clock.now() + timedelta(hours=1))
    assert (queries.stage(row), tasks.expand()) == ("scheduled", 0)
    moved_clock(3_601)
    assert (tasks.expand(), queries.stage(row)) == (1, "sent")


def test_what_was_not_told_in_time_is_not_told(
    campaign: Campaign, mailbox: Mailbox, moved_clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailings, "PAGE", 2)
    readers(campaign, 3)
    row = approved(campaign, expires_at=clock.now() + timedelta(hours=1))
    mailings.expand(pages=1)
    moved_clock(3_601)
    assert tasks.expand() == 0
    work()
    assert (queries.stage(row), len(told()), mailbox.raw) == ("expired", 2, [])


def test_a_test_goes_to_oneself_alone_and_counts_nowhere(mailbox: Mailbox) -> None:
    row = draft()
    commands.try_out(broadcast_id=row.id, locale="en", email="editor@demo.test", name="Edith")
    (mail,) = mailbox.to("editor@demo.test")
    assert (str(mail["Subject"]), len(mailbox.raw)) == (f"[Test] {WORDS['headline']}", 1)
    assert not Notification.objects.exists()
    unwritten = commands.compose(title="x", type="broadcast.news", by=WRITER)
    with pytest.raises(errors.BroadcastUnfinished):
        commands.try_out(broadcast_id=unwritten.id, locale="en", email="editor@demo.test", name="Edith")


def test_its_numbers_are_for_the_metrics(campaign: Campaign) -> None:
    readers(campaign, 2)
    approved(campaign)
    asked(campaign)
    page = exposed().decode()
    assert 'bh_notify_broadcasts{stage="asked"} 1.0' in page
    assert 'bh_notify_broadcasts{stage="sending"} 1.0' in page
    assert "bh_notify_broadcast_people_to_tell 2.0" in page


def test_a_digest_holds_nothing_of_a_broadcast_that_was_stopped(
    campaign: Campaign, mailbox: Mailbox, moved_clock: Any
) -> None:
    (reader,) = readers(campaign, 1)
    preferences.change(user_id=reader, said=Said("api"), choices={("subscription", "email"): "daily"})
    row = approved(campaign)
    tasks.expand()
    work()
    commands.stop(broadcast_id=row.id, note="Wrong date", by=SECOND)
    tasks.expand()
    moved_clock(2 * 86_400)
    digests.close()
    work()
    assert mailbox.raw == []
