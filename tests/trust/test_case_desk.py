"""The review desk in the admin: who sees what, what its buttons do, and what it never shows."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from bh_sdk.server.access.models import Staff
from bh_sdk.server.ops import clock
from tests.trust.conftest import Caller, person
from tests.trust.test_cases import WORDS, a_campaign, a_case, last_line, report
from trust_svc.cases import commands
from trust_svc.cases.models import Case
from trust_svc.holds.models import Hold
from trust_svc.reports.models import Report

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


def somebody(*roles: str, sub: UUID | None = None) -> tuple[Client, UUID]:
    staff = Staff.objects.create_user(
        f"staff-{uuid4().hex[:8]}", "demo-demo", sub=sub or uuid4(), roles=list(roles or ("analyst",))
    )
    client = Client()
    client.force_login(staff)
    return client, staff.sub


@pytest.fixture
def case(monolith: Caller) -> Case:
    campaign = a_campaign(monolith)
    report(campaign)
    report(campaign, "spam")
    return a_case(campaign)


def page(case: Case) -> str:
    return reverse("admin:trust_cases_case_change", args=(case.id,))


def press(client: Client, case: Case, button: str, **fields: Any) -> Any:
    path = reverse(f"admin:trust_cases_case_{button}", args=(case.id,))
    return client.post(path, {"_form_submitted": "on", "version": case.version} | fields, headers=HTMX)


def seen(case: Case) -> str:
    return ",".join(str(each) for each in Report.objects.filter(entity_id=case.entity_id).values_list("id", flat=True))


def test_the_desk_counts_its_heaps_and_the_most_harmful_comes_first(monolith: Caller, case: Case) -> None:
    worse = a_campaign(monolith)
    for _ in range(4):
        report(worse)
    a_case(worse)
    client, me = somebody()
    commands.claim(case_id=case.id, by=me)
    listed = client.get(reverse("admin:trust_cases_case_changelist")).content.decode()
    assert listed.index(str(Case.objects.get(entity_id=worse).id)) < listed.index(str(case.id))
    mine = client.get(reverse("admin:trust_cases_case_changelist"), {"heap": "mine"}).content.decode()
    assert str(case.id) in mine
    assert str(Case.objects.get(entity_id=worse).id) not in mine
    for heap in ("unassigned", "overdue", "snoozed", "closed"):
        answer = client.get(reverse("admin:trust_cases_case_changelist"), {"heap": heap})
        assert (answer.status_code, str(case.id) in answer.content.decode()) == (200, False), heap


def test_only_who_may_open_reports_reads_them_and_that_is_logged(case: Case) -> None:
    analyst, _ = somebody()
    for _ in range(2):
        assert WORDS in analyst.get(page(case)).content.decode()
    support, _ = somebody("support")
    shown = support.get(page(case)).content.decode()
    assert WORDS not in shown
    assert "What was written is sealed" in shown
    for filed in Report.objects.all():
        for text in (shown, analyst.get(page(case)).content.decode()):
            assert str(filed.reporter_id) not in text
    assert [entry.user.roles for entry in LogEntry.objects.filter(object_id=str(case.id))] == [["analyst"]]


def test_whoever_is_reported_reads_nothing_and_has_no_buttons(monolith: Caller) -> None:
    owner, me = somebody()
    campaign = a_campaign(monolith, me)
    report(campaign)
    case = a_case(campaign)
    refused = owner.get(page(case))
    assert (refused.status_code, WORDS in refused.content.decode()) == (403, False)
    assert "you have a part in it yourself" in refused.content.decode()
    assert str(case.id) not in owner.get(reverse("admin:trust_cases_case_changelist")).content.decode()
    for button in ("claim", "decide_it", "note", "snooze", "assign"):
        assert press(owner, case, button).status_code == 404, button
    assert last_line(Case.objects.get()) == "opened"


def test_other_desks_see_and_press_nothing(case: Case) -> None:
    for role in ("finance", "editor"):
        client, _ = somebody(role)
        assert client.get(page(case)).status_code == 403
        assert client.get(reverse("admin:trust_cases_case_changelist")).status_code == 403
    for role in ("support", "auditor"):
        client, _ = somebody(role)
        assert client.get(page(case)).status_code == 200
        for button in ("claim", "release", "decide_it", "note", "snooze", "assign"):
            assert press(client, case, button).status_code == 403, (role, button)
    assert last_line(Case.objects.get()) == "opened"


def test_a_case_is_worked_through_its_buttons(case: Case) -> None:
    client, me = somebody()
    assert press(client, case, "claim").status_code == 200
    case.refresh_from_db()
    assert case.assignee == me
    assert press(client, case, "note", note="Asked the village").status_code == 200
    assert press(client, case, "snooze", days="3").status_code == 200
    case.refresh_from_db()
    assert case.snoozed_until is not None
    assert abs(case.snoozed_until - clock.now() - timedelta(days=3)) < timedelta(minutes=1)
    _, colleague = somebody()
    assert press(client, case, "assign", to=str(colleague), note="Yours").status_code == 200
    case.refresh_from_db()
    assert case.assignee == colleague
    assert [line.what for line in case.log.all()] == ["assigned", "snoozed", "note", "claimed", "opened"]
    assert press(client, case, "decide_it").status_code == 403


def test_the_dialog_judges_all_reports_with_exceptions(case: Case) -> None:
    client, me = somebody()
    fraud, spam = Report.objects.get(kind="fraud"), Report.objects.get(kind="spam")
    path = reverse("admin:trust_cases_case_decide_it", args=(case.id,))
    asked = client.get(path, headers=HTMX).content.decode()
    assert (str(fraud.id) in asked, "the score is capped at once" in asked) == (True, True)
    said = {"outcome": "false", "verdict": "dismissed", "exceptions": [str(fraud.id)], "note": "Nobody knows of it."}
    refused = press(client, case, "decide_it", seen=seen(case), **said)
    assert "was not false" in refused.content.decode()
    assert Case.objects.get().state == "open"
    done = press(client, case, "decide_it", seen=seen(case), **(said | {"outcome": "confirmed"}))
    assert (done.status_code, done.headers["HX-Redirect"]) == (200, page(case))
    case.refresh_from_db()
    assert (case.outcome, case.decided_by) == ("confirmed", str(me))
    assert dict(Report.objects.values_list("id", "state")) == {fraud.id: "upheld", spam.id: "dismissed"}
    assert Hold.objects.get().entity_id == case.entity_id
    assert "The desk" in client.get(page(case)).content.decode()


def test_the_dialog_names_reports_by_their_number_on_the_page_and_by_first_words_for_who_may_read_them(
    monolith: Caller,
) -> None:
    campaign = a_campaign(monolith)
    for kind in ("fraud", "spam", "fraud"):
        report(campaign, kind)
    case = a_case(campaign)
    client, _ = somebody()
    shown = client.get(page(case)).content.decode()
    reader, me = somebody()
    form = reader.get(reverse("admin:trust_cases_case_decide_it", args=(case.id,)), headers=HTMX).context["form"]
    names = dict(form.fields["exceptions"].choices)
    for number, filed in enumerate(Report.objects.order_by("created_at", "id"), start=1):
        said = f"{number}. {filed.kind.capitalize()}"
        assert said in shown
        assert names[str(filed.id)].startswith(f"{said}, ")
        assert WORDS[:30] in names[str(filed.id)]
    assert len(set(names.values())) == 3
    assert [entry.object_id for entry in LogEntry.objects.filter(user__sub=me)] == [str(case.id)]


def test_a_report_that_came_in_meanwhile_is_not_judged_unseen(case: Case) -> None:
    client, _ = somebody()
    on_the_page = seen(case)
    report(case.entity_id)
    said = {"outcome": "confirmed", "verdict": "upheld", "note": "Nobody knows of it.", "seen": on_the_page}
    answer = press(client, case, "decide_it", **said)
    assert ("HX-Redirect" in answer.headers, "look at the case again" in answer.content.decode()) == (False, True)
    assert said["note"] in answer.content.decode()
    assert (Case.objects.get().state, set(Report.objects.values_list("state", flat=True))) == ("open", {"open"})
    assert press(client, case, "decide_it", **(said | {"seen": "no-uuid"})).status_code == 200
    assert Case.objects.get().state == "open"


def test_an_old_page_changes_nothing(case: Case) -> None:
    client, me = somebody()
    commands.claim(case_id=case.id, by=me)
    commands.release(case_id=case.id, by=me)
    press(client, case, "claim")
    assert "look at it again" in client.get(page(case)).content.decode()
    assert Case.objects.get().assignee is None


@pytest.mark.parametrize("who", ["owner", "oneself"])
def test_nobody_reports_themselves(monolith: Caller, who: str) -> None:
    owner = person()
    campaign = a_campaign(monolith, owner.id)
    entity = {"owner": ("campaign", campaign), "oneself": ("user", owner.id)}[who]
    body = {"entity_type": entity[0], "entity_id": str(entity[1]), "kind": "other", "description": WORDS}
    answer = owner.post("/trust/report", body)
    assert (answer.status_code, answer.json()["code"]) == (403, "own_report")
    assert Report.objects.count() == 0


def test_somebody_who_reports_too_much_has_to_wait(monolith: Caller, settings: Any) -> None:
    settings.BH_LIMIT_FACTOR = 1
    eager = person()
    campaigns = [a_campaign(monolith) for _ in range(6)]
    for campaign in campaigns[:5]:
        report(campaign, by=eager)
    body = {"entity_type": "campaign", "entity_id": str(campaigns[5]), "kind": "other", "description": WORDS}
    refused = eager.post("/trust/report", body)
    assert (refused.status_code, refused.json()["code"], "Retry-After" in refused.headers) == (
        429,
        "rate_limited",
        True,
    )
    assert Report.objects.count() == 5
    # The same thing again was counted already, and somebody else is not held up.
    assert eager.post("/trust/report", body | {"entity_id": str(campaigns[0])}).status_code == 409
    report(campaigns[5])
