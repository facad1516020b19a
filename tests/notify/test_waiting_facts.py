"""Facts that wait for their campaign: each is told by itself, and one that cannot be told holds up no other."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest
import structlog
from django.db.models import F
from django.urls import reverse

from bh_sdk.server.ops import clock
from bh_sdk.server.ops.logs import failure
from notify_svc.audience import commands as audience
from notify_svc.delivery import rules, tasks
from notify_svc.delivery.models import Notification, WaitingFact
from notify_svc.wording.models import TemplateVersion
from tests.notify.conftest import Campaign, describe, failed, hear, refunded, succeeded, work
from tests.notify.mailbox import Mailbox, html
from tests.notify.test_admin import address, at_desk

pytestmark = pytest.mark.django_db


def known(campaign: Campaign) -> None:
    audience.describe_campaign(campaign_id=campaign.id, title=campaign.title, owner_id=campaign.owner, currency="GBP")


def unreadable() -> WaitingFact:
    """A fact that waits and cannot be told: its payload is not what its type says."""
    late = Campaign()
    hear(failed(late, reason="planted reason"))
    known(late)
    row = WaitingFact.objects.get(campaign_id=late.id)
    WaitingFact.objects.filter(event_id=row.event_id).update(payload=row.payload | {"amount": None})
    return row


def make_due() -> None:
    WaitingFact.objects.update(due_at=F("created_at"))


def test_a_fact_that_cannot_be_told_holds_up_no_other() -> None:
    broken = unreadable()
    late = Campaign()
    hear(gift := succeeded(late))
    known(late)
    assert tasks.tell_waiting() == 1
    assert set(Notification.objects.values_list("recipient_id", flat=True)) == {gift.donor_id, late.owner}
    (left,) = WaitingFact.objects.all()
    assert (left.event_id, left.tries, left.reason) == (broken.event_id, 1, "ValidationError")
    assert left.due_at > clock.now()


def test_a_fact_that_cannot_be_told_leaves_nothing_half_written() -> None:
    late = Campaign()
    hear(succeeded(late))
    known(late)
    # The thanks can be written; the message to the owner that follows it cannot.
    speaking = list(
        TemplateVersion.objects.filter(template__type="gift.received", state="live").values_list("id", flat=True)
    )
    TemplateVersion.objects.filter(id__in=speaking).update(state="retired")
    assert tasks.tell_waiting() == 0
    assert Notification.objects.count() == 0
    assert WaitingFact.objects.get().reason == "notification_type_unknown"
    TemplateVersion.objects.filter(id__in=speaking).update(state="live")
    assert tasks.tell_waiting() == 0
    make_due()
    assert tasks.tell_waiting() == 1
    assert (Notification.objects.count(), WaitingFact.objects.count()) == (2, 0)


def test_the_pauses_grow_and_end_and_staff_see_what_is_left() -> None:
    broken = unreadable()
    pauses: list[timedelta] = []
    for _ in range(rules.TELL_AT_MOST):
        make_due()
        before = clock.now()
        tasks.tell_waiting()
        pauses.append(WaitingFact.objects.get().due_at - before)
    assert all(one < later for one, later in itertools.pairwise(pauses))
    make_due()
    assert tasks.tell_waiting() == 0
    left = WaitingFact.objects.get(event_id=broken.event_id)
    assert left.tries == rules.TELL_AT_MOST
    desk = at_desk("support")
    assert "Facts not told" in desk.get(reverse("admin:index")).content.decode()
    listed = desk.get(reverse("admin:notify_delivery_waitingfact_changelist")).content.decode()
    assert str(broken.event_id) in listed
    page = desk.get(address(left)).content.decode()
    assert f"{rules.TELL_AT_MOST} of {rules.TELL_AT_MOST}" in page
    assert "ValidationError" in page
    assert str(broken.payload["donor_id"]) not in page


def test_a_campaign_described_anew_gives_its_facts_another_chance() -> None:
    broken = unreadable()
    WaitingFact.objects.update(tries=rules.TELL_AT_MOST, due_at=clock.now() + timedelta(days=1))
    WaitingFact.objects.update(payload=broken.payload)
    assert tasks.tell_waiting() == 0
    assert tasks.tell_waiting(campaign_id=str(broken.campaign_id)) == 1
    assert (Notification.objects.count(), WaitingFact.objects.count()) == (1, 0)


def test_the_log_says_which_fact_was_not_told_and_names_nobody() -> None:
    broken = unreadable()
    with structlog.testing.capture_logs() as lines:
        tasks.tell_waiting()
    (line,) = [line for line in lines if line["event"] == "fact_not_told"]
    assert (line["event_id"], line["type"], line["tries"]) == (str(broken.event_id), broken.type, 1)
    fields = str({name: value for name, value in line.items() if name != "exc_info"} | failure(line["exc_info"]))
    assert "planted" not in fields
    assert str(broken.payload["donor_id"]) not in fields


HIDDEN = ["\u2028", "\u2029", "\x85", "\x9b", "\u202e", "\u2066", "\n", "\x7f", "\x01"]


@pytest.mark.parametrize("hidden", HIDDEN, ids=ascii)
@pytest.mark.parametrize("early", [True, False], ids=["known", "waiting"])
def test_a_title_with_hidden_characters_is_told_without_them(mailbox: Mailbox, hidden: str, early: bool) -> None:
    late = Campaign(title=f"Clean{hidden} water")
    if early:
        known(late)
    gift = succeeded(late)
    describe(gift.donor_id, "ruth@example.org")
    hear(gift)
    hear(refunded(late, donor_id=gift.donor_id, payment_id=gift.payment_id))
    hear(failed(late))
    known(late)
    work()
    subjects = {str(mail["Subject"]) for mail in mailbox.to("ruth@example.org")}
    assert "Thank you for your gift to Clean water" in subjects
    assert not any(hidden in str(row.data) + row.title for row in Notification.objects.all())
    assert WaitingFact.objects.count() == 0


@pytest.mark.parametrize("hidden", HIDDEN, ids=ascii)
def test_a_name_with_hidden_characters_is_shown_without_them(campaign: Campaign, mailbox: Mailbox, hidden: str) -> None:
    gift = succeeded(campaign)
    describe(gift.donor_id, "ruth@example.org", f"Ruth{hidden} Boaz")
    describe(campaign.owner, "naomi@example.org")
    hear(gift)
    work()
    assert mailbox.to("naomi@example.org")[0]["Subject"] == "Ruth Boaz gave £25.00 to Clean water for Kibera"
    assert "Thank you, Ruth Boaz" in html(mailbox.to("ruth@example.org")[0])


def test_a_title_of_hidden_characters_alone_still_makes_a_sentence(mailbox: Mailbox) -> None:
    blank = Campaign(title="\u2028\u202e")
    known(blank)
    gift = succeeded(blank)
    describe(gift.donor_id, "ruth@example.org")
    hear(gift)
    work()
    (mail,) = mailbox.to("ruth@example.org")
    assert mail["Subject"] == "Thank you for your gift to a campaign"
