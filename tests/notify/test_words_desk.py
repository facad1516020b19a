"""The editors' desk: the way of a draft to everybody's mailbox, the editor's preview and saving, tests, and the frame."""

from __future__ import annotations

import json
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from bh_sdk.server.access.models import Staff
from bh_sdk.server.ops import clock
from notify_svc.delivery import outcomes
from notify_svc.delivery.models import Delivery, Notification
from notify_svc.wording import commands, layouts
from notify_svc.wording.errors import FrameChanged, TemplateInvalid
from notify_svc.wording.models import Layout, TemplateVersion
from tests.notify.conftest import Campaign, describe, hear, succeeded, work
from tests.notify.mailbox import Mailbox
from tests.notify.test_admin import address, at_desk, button
from tests.notify.test_words_life import accepted, handed_in, live, state, template, write

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}
YES = {"_form_submitted": "on"}


def door(version: TemplateVersion, name: str) -> str:
    return reverse(f"admin:notify_wording_templateversion_{name}", args=[version.pk])


def asked(version: TemplateVersion, **changes: Any) -> dict[str, Any]:
    words = {field: getattr(version, field) for field in commands.WORDS} | changes.pop("words", {})
    return {"words": words, "variables": version.variables, "revision": version.revision, "sample": "sample"} | changes


def post(client: Client, path: str, body: Any) -> Any:
    return client.post(path, json.dumps(body), content_type="application/json")


def press(client: Client, row: Any, name: str, **fields: Any) -> Any:
    return client.post(button(row, name), YES | fields, headers=HTMX)


def logged(row: Any) -> list[tuple[str, str]]:
    entries = LogEntry.objects.filter(object_id=str(row.pk)).order_by("action_time", "id")
    return [(entry.user.username, entry.change_message) for entry in entries]


def test_words_go_from_one_editor_through_another_to_everybody(campaign: Campaign, mailbox: Mailbox) -> None:
    of = template("gift.thank_you", "email")
    editor, colleague = at_desk("editor"), at_desk("admin")
    assert press(at_desk("support"), of, "draft").status_code == 403
    assert not of.versions.filter(state="draft").exists()
    assert press(editor, of, "draft", note="Warmer").status_code == 200
    version = of.versions.get(state="draft")
    answer = post(editor, door(version, "keep"), asked(version, words={"subject": "We thank you"}))
    assert (answer.status_code, answer.json()) == (200, {"revision": 2})
    press(editor, version, "hand_in")
    assert press(at_desk("support"), version, "publish").status_code == 403
    press(editor, version, "publish")
    assert state(version) == "review"
    colleague.get(button(version, "publish"), headers=HTMX)
    assert state(version) == "review"
    press(colleague, version, "publish")
    gift = succeeded(campaign)
    describe(gift.donor_id, "ruth@example.org")
    hear(gift)
    work()
    assert [mail["Subject"] for mail in mailbox.to("ruth@example.org")] == ["We thank you"]
    assert logged(version) == [
        ("editor", "Began a draft"),
        ("editor", "Saved the draft"),
        ("editor", "Handed in for review"),
        ("admin", "Published"),
    ]
    previous = of.versions.filter(state="retired").latest("number")
    press(colleague, previous, "restore")
    assert (state(previous), state(version)) == ("live", "retired")
    assert logged(previous) == [("admin", "Brought back")]


def test_beginning_twice_leads_to_the_draft_that_there_is() -> None:
    of = template()
    editor = at_desk("editor")
    first = press(editor, of, "draft")["HX-Redirect"]
    assert press(editor, of, "draft")["HX-Redirect"] == first
    assert of.versions.filter(state="draft").count() == 1
    assert editor.get(first).status_code == 200


@pytest.mark.parametrize("channel", ["email", "in_app"])
def test_every_page_of_a_version_opens_wherever_it_stands(channel: str) -> None:
    of = template(channel=channel)
    version = write(of, by=str(uuid.uuid4()))
    editor = at_desk("editor")
    for step in (None, commands.hand_in, commands.publish):
        if step:
            step(version_id=version.id, by="x")
        page = editor.get(address(version)).content.decode()
        assert f"version {version.number}" in page
        assert editor.get(door(version, "write")).status_code == (302 if step else 200)
    old = of.versions.filter(state="retired").latest("number")
    assert "Bring back" in editor.get(address(old)).content.decode()
    assert editor.get(f"{address(version)}?against={old.number}").status_code == 200
    assert editor.get(address(of)).status_code == 200


def test_what_breaks_for_callers_is_shown_with_their_names_and_has_to_be_confirmed() -> None:
    of = template(channel="email")
    accepted()
    more = [*live(of).variables, {"name": "photo_url", "kind": "url", "sample": "https://example.org/a.jpg"}]
    version = handed_in(of, variables=more, html="<p>{{ photo_url }}</p>")
    editor = at_desk("editor")
    dialog = editor.get(button(version, "publish"), headers=HTMX).content.decode()
    assert "photo_url" in dialog
    assert "test (1)" in dialog
    press(editor, version, "publish")
    assert state(version) == "review"
    press(editor, version, "publish", told="on")
    assert state(version) == "live"
    assert logged(version) == [("editor", "Published; confirmed: photo_url")]


# -- the editor --------------------------------------------------------------------------------------------------------


def test_the_preview_is_what_would_be_sent_and_writes_nothing() -> None:
    of = template("gift.thank_you", "email")
    version = write(of)
    editor = at_desk("editor")
    before = TemplateVersion.objects.values().get(id=version.id)
    shown = post(editor, door(version, "look"), asked(version, words={"subject": "Hello {{ recipient_name }}"})).json()
    assert shown["subject"] == "Hello Ruth"
    assert {each["level"] for each in shown["findings"]} == {"note"}
    assert "£25.00" in shown["html"]
    assert "style=" in shown["html"]
    assert TemplateVersion.objects.values().get(id=version.id) == before
    bare = post(editor, door(version, "look"), asked(version, sample="bare")).json()
    assert "You covered the fees" in shown["html"]
    assert "You covered the fees" not in bare["html"]
    awkward = post(editor, door(version, "look"), asked(version, sample="awkward")).json()
    assert "¥1,234,567" in awkward["html"]
    assert "&lt;3" in awkward["html"]
    assert "<3" in awkward["subject"]


@pytest.mark.parametrize(
    ("words", "field", "message"),
    [
        ({"html": "<p>{{ amonut }}</p>"}, "html", "amonut is not declared"),
        ({"html": "<script>x</script>"}, "html", "<script> is not allowed in a mail"),
        ({"html": "<a href='javascript:x'>x</a>"}, "html", "a link must lead to a page or a mail address: a href"),
        ({"text": "{{ amount | monye }}"}, "text", "monye"),
        ({"subject": ""}, "subject", "is empty"),
        ({"mjml": "<mjml><mj-body><mj-include path='/etc/passwd'/></mj-body></mjml>"}, "mjml", "mj-include"),
    ],
)
def test_what_cannot_be_used_is_named_with_its_field_and_not_saved(words: Any, field: str, message: str) -> None:
    version = write(template("gift.thank_you", "email"))
    editor = at_desk("editor")
    for name, status in (("look", 200), ("keep", 422)):
        answer = post(editor, door(version, name), asked(version, words=words))
        assert answer.status_code == status
        (found, *_) = [each for each in answer.json()["findings"] if each["level"] == "error"]
        assert (found["field"], message in found["message"]) == (field, True)
        assert not answer.json().get("html")
    version.refresh_from_db()
    assert version.revision == 1


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"words": 1, "variables": []}', b'{"words": {}, "variables": {}}']
)
def test_the_editor_takes_only_what_it_sends(body: bytes) -> None:
    version = write(template())
    for name in ("look", "keep"):
        answer = at_desk("editor").post(door(version, name), body, content_type="application/json")
        assert answer.status_code in (200, 422)
        assert answer.json()["findings"][0]["level"] == "error"
        assert at_desk("editor").get(door(version, name)).status_code == 405
    version.refresh_from_db()
    assert version.revision == 1


@pytest.mark.parametrize("who", ["support", "finance", "analyst"])
def test_only_who_may_write_gets_into_the_editor(who: str) -> None:
    version = write(template())
    client = at_desk(who)
    assert client.get(door(version, "write")).status_code == 403
    for name in ("look", "keep"):
        assert post(client, door(version, name), asked(version)).status_code == 403
    assert post(Client(), door(version, "keep"), asked(version)).status_code == 302


def test_saving_over_a_colleague_is_refused_with_the_name() -> None:
    version = write(template())
    post(at_desk("admin"), door(version, "keep"), asked(version, words={"text": "Hers"}))
    answer = post(at_desk("editor"), door(version, "keep"), asked(version, words={"text": "Mine"}))
    assert (answer.status_code, answer.json()) == (409, {"refused": "admin saved this draft meanwhile"})
    version.refresh_from_db()
    assert version.text == "Hers"


def test_a_real_notification_is_shown_with_its_words_hidden_unless_a_policy_opens_it() -> None:
    accepted()
    row = Notification.objects.get()
    of = template(channel="email")
    version = write(of)
    masked = post(at_desk("editor"), door(version, "look"), asked(version, sample=str(row.id))).json()
    assert "The well" not in masked["subject"]
    assert "•••" in masked["subject"]
    opened = post(at_desk("admin"), door(version, "look"), asked(version, sample=str(row.id))).json()
    assert "The well" in opened["subject"]
    assert logged(of) == [("admin", f"Looked with notification {row.id}")]
    other = write(template("gift.thank_you", "email"))
    refused = post(at_desk("admin"), door(other, "look"), asked(other, sample=str(row.id))).json()
    assert "not there" in refused["findings"][0]["message"]


# -- tests and outcomes ------------------------------------------------------------------------------------------------


def test_a_test_goes_to_ones_own_address_and_counts_nowhere(mailbox: Mailbox) -> None:
    version = write(template("gift.thank_you", "email"), subject="New words")
    editor = at_desk("editor")
    press(editor, version, "try_out")
    assert mailbox.raw == []
    Staff.objects.filter(username="editor").update(email="edith@demo.test", name="Edith")
    assert "edith@demo.test" in editor.get(button(version, "try_out"), headers=HTMX).content.decode()
    press(editor, version, "try_out", email="somebody@example.org")
    (mail,) = mailbox.to("edith@demo.test")
    assert mail["Subject"] == "[Test] New words"
    assert len(mailbox.raw) == 1
    assert not Delivery.objects.exists()
    assert press(at_desk("support"), version, "try_out").status_code == 403


def test_each_version_knows_how_it_fared() -> None:
    version = live(template(channel="email"))
    ids = [accepted().id for _ in range(4)]
    now = clock.now() + timedelta(seconds=1)
    Delivery.objects.filter(id__in=ids[:3]).update(handed_over_at=now)
    Delivery.objects.filter(id=ids[0]).update(delivered_at=now, complained_at=now)
    Delivery.objects.filter(id=ids[1]).update(bounced_at=now)
    Notification.objects.filter(deliveries=ids[3]).update(test=True)
    found = outcomes.fared([version.id])[version.id]
    assert (found.all, found.sent, found.delivered, found.bounced, found.complained, found.failed) == (3, 3, 1, 1, 1, 0)
    assert (
        "3 sent, 1 delivered, 1 bounced, 1 complained"
        in at_desk("editor").get(address(version.template)).content.decode()
    )


# -- the frame ---------------------------------------------------------------------------------------------------------


def frame(**changes: Any) -> dict[str, Any]:
    current = Layout.objects.get(state="live")
    return {"html": current.html, "text": current.text, "blocks": dict(current.blocks)} | changes


def test_a_new_frame_takes_every_live_mail_along_and_mails_under_way_keep_theirs() -> None:
    under_way = accepted()
    mails = TemplateVersion.objects.filter(state="live", template__channel="email").count()
    old = Layout.objects.get(state="live")
    editor, colleague = at_desk("editor"), at_desk("admin")
    given = {
        "html": old.html.replace("#f4f1ea", "#ffffff"),
        "text": old.text,
        "revision": old.revision,
        "note": "White",
    }
    given |= {f"block_{name}": source for name, source in old.blocks.items()}
    assert press(at_desk("support"), old, "draft", **given).status_code == 403
    press(editor, old, "draft", **given)
    new = Layout.objects.get(state="draft")
    press(editor, new, "hand_in")
    press(editor, new, "publish")
    new.refresh_from_db()
    assert new.state == "review"
    press(colleague, new, "publish")
    assert TemplateVersion.objects.filter(state="live", layout=new).count() == mails
    assert not TemplateVersion.objects.filter(state="live", layout=old).exists()
    under_way.refresh_from_db()
    assert under_way.version.layout_id == old.id
    assert accepted().version.layout_id == new.id
    press(colleague, old, "restore")
    assert accepted().version.layout_id == old.id
    assert editor.get(address(new)).status_code == 200


def test_a_frame_that_a_mail_does_not_fit_into_is_not_published_and_nothing_changes() -> None:
    written = frame()
    needs = commands.draft(
        template_id=template(channel="email").id,
        words={"subject": "x", "html": '{% block "button", label: "Go", link: site_url %}'},
        variables=live(template(channel="email")).variables,
        by="anna",
    )
    commands.hand_in(version_id=needs.id, by="anna")
    commands.publish(version_id=needs.id, by="ben")
    del written["blocks"]["button"]
    draft = layouts.draft(**written, by="anna")
    layouts.move(layout_id=draft.id, to="review", by="anna")
    with pytest.raises(TemplateInvalid, match="button"):
        layouts.publish(layout_id=draft.id, by="ben")
    draft.refresh_from_db()
    assert draft.state == "review"
    assert Layout.objects.get(state="live").number == draft.number - 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"html": "<p>no words</p>"},
        {"html": "{{ content }}{{ campaign_title }}"},
        {"text": "nothing"},
        {"html": "{{ content }}<script>x</script>"},
        {"html": "{{ content }}"},
        {"blocks": {"button": "{% block 'button' %}"}},
        {"blocks": {"Bad name": "x"}},
    ],
)
def test_a_frame_that_cannot_hold_mails_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(TemplateInvalid):
        layouts.draft(**frame(**wrong), by="anna")
    assert Layout.objects.filter(state="draft").count() == 0


def test_words_handed_in_before_the_frame_changed_are_looked_at_again() -> None:
    of = template(channel="email")
    version = handed_in(of)
    draft = layouts.draft(**frame(), by="anna")
    layouts.move(layout_id=draft.id, to="review", by="anna")
    layouts.publish(layout_id=draft.id, by="ben")
    with pytest.raises(FrameChanged):
        commands.publish(version_id=version.id, by="carla")
    commands.send_back(version_id=version.id, by="carla")
    commands.hand_in(version_id=version.id, by="anna")
    commands.publish(version_id=version.id, by="carla")
    assert live(of).layout_id == draft.id


def test_the_author_of_words_about_money_is_told_who_publishes_and_offered_no_button() -> None:
    of = template("gift.thank_you", "email")
    editor, colleague = at_desk("editor"), at_desk("admin")
    press(editor, of, "draft")
    version = of.versions.get(state="draft")
    press(editor, version, "hand_in")
    own, other = (client.get(address(version)).content.decode() for client in (editor, colleague))
    assert "another editor reads and publishes them" in own
    assert button(version, "publish") not in own
    assert "asks you to read these words and publish them" in other
    assert button(version, "publish") in other
