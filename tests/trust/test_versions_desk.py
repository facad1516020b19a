"""The desk of parameter sets: what an analyst sees and may press, and that every button takes a confirmed dialog."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from bh_sdk.server.access.models import Staff
from tests.trust.conftest import Caller
from tests.trust.evidence import a_good_campaign, fact
from tests.trust.test_admin import desk
from tests.trust.test_versions import MIRIAM, a_draft, a_shadow, state_of
from trust_svc.scoring import parameters
from trust_svc.scoring import tasks as scoring
from trust_svc.versions import commands, dry_runs, queries, tasks
from trust_svc.versions.models import Change, Version

pytestmark = pytest.mark.django_db


def page(version: int) -> str:
    return reverse("admin:trust_versions_version_change", args=(version,))


def button(name: str, *args: object) -> str:
    return reverse(f"admin:trust_versions_version_{name}", args=args)


def press(client: Client, name: str, *args: object, **said: Any) -> Any:
    body = {"_form_submitted": "on", "note": "Because it is better", **said}
    return client.post(button(name, *args), body, headers={"HX-Request": "true"})


def signed_in(*roles: str) -> tuple[Client, str]:
    staff = Staff.objects.create_user(f"staff-{uuid4().hex[:8]}", "demo-demo", sub=uuid4(), roles=list(roles))
    client = Client()
    client.force_login(staff)
    return client, str(staff.sub)


def buttons(client: Client, version: int) -> set[str]:
    text = client.get(page(version)).content.decode()
    names = [
        "approve",
        "decline",
        "propose",
        "try_out",
        "stop_trial",
        "shadow",
        "dry_run",
        "cancel_dry_run",
        "roll_back",
        "copy",
        "retire",
    ]
    return {name for name in names if button(name, version) in text}


def test_a_set_goes_its_way_by_buttons_and_two_people(monolith: Caller, moved_clock: Any) -> None:
    campaign = uuid4()
    facts = a_good_campaign(campaign, uuid4())
    decided = [
        fact("case.decided", uuid4(), 3, outcome="false"),
        fact("case.decided", campaign, 2, outcome="confirmed"),
    ]
    monolith.post("/trust/evidence", {"facts": [*facts, *decided]})
    moved_clock(2)
    scoring.rescore_due()
    (miriam, _), (aaron, _) = signed_in("analyst"), signed_in("analyst")
    answer = press(miriam, "paste", text='{"identity_cap": 60, "weights": [0.1, 0.3, 0.1, 0.4, 0.1]}')
    version = parameters.live_version() + 1
    assert answer.headers["HX-Redirect"] == page(version)
    assert buttons(miriam, version) == {"copy", "dry_run", "shadow", "retire"}
    press(miriam, "dry_run", version)
    assert buttons(miriam, version) == {"copy", "cancel_dry_run", "shadow", "retire"}
    tasks.carry_on()
    press(miriam, "shadow", version)
    assert buttons(miriam, version) == {"copy", "dry_run", "try_out", "propose", "retire"}
    text = miriam.get(page(version)).content.decode()
    for said in (
        "identity cap",
        "weight of verification",
        "Campaigns by score",
        "Who moves most",
        "By category",
        "health",
    ):
        assert said in text, said
    press(miriam, "propose", version)
    assert buttons(miriam, version) == {"copy", "dry_run", "decline"}
    assert "You proposed this promotion" in miriam.get(page(version)).content.decode()
    press(miriam, "approve", version)
    assert state_of(version) == "shadow"
    assert buttons(aaron, version) == {"copy", "dry_run", "approve", "decline"}
    press(aaron, "approve", version)
    assert state_of(version) == "live"
    assert buttons(aaron, version) == {"copy", "roll_back"}
    press(aaron, "roll_back", version)
    assert (state_of(version), state_of(version - 1)) == ("retired", "live")
    assert buttons(aaron, version) == {"copy"}


def test_an_experiment_is_begun_and_stopped_by_buttons(monolith: Caller) -> None:
    client, version = desk("analyst"), a_shadow()
    press(client, "try_out", version, share="20", days="28")
    assert state_of(version) == "trial"
    text = client.get(page(version)).content.decode()
    assert "The effect is read once" in text
    assert buttons(client, version) == {"copy", "dry_run", "stop_trial", "propose"}
    press(client, "stop_trial", version)
    assert state_of(version) == "shadow"
    assert "It was stopped before the agreed date" in client.get(page(version)).content.decode()


def test_what_is_wrong_with_a_text_is_said_on_the_page() -> None:
    client, before = desk("analyst"), Version.objects.count()
    address = press(client, "paste", text='{"identity_cup": 1}').headers["HX-Redirect"]
    assert "identity_cup" in client.get(address).content.decode()
    wrong = press(client, "copy", parameters.live_version(), changes="identity cap is 60")
    assert "is not of the form name = number" in wrong.content.decode()
    assert Version.objects.count() == before
    press(client, "copy", parameters.live_version(), changes="identity_cap = 60\n\nweights.0 = 0.2\nweights.1=0.08")
    assert queries.diff(parameters.live_version() + 1, parameters.live_version()).keys() == {
        "identity_cap",
        "weights.0",
        "weights.1",
    }


@pytest.mark.parametrize("role", ["support", "auditor", "finance", "editor"])
def test_other_desks_press_nothing(role: str) -> None:
    version, client = a_shadow(), desk(role)
    dry_runs.ask(version=version, by=MIRIAM)
    tasks.carry_on()
    commands.propose(version=version, note="Now", by=MIRIAM)
    other = a_draft(identity_cap=40.0)
    before, state = Change.objects.count(), state_of(version)
    for name in (
        "approve",
        "decline",
        "propose",
        "try_out",
        "stop_trial",
        "dry_run",
        "cancel_dry_run",
        "roll_back",
        "copy",
    ):
        assert press(client, name, version, share="20", days="28", changes="identity_cap = 1").status_code == 403, name
    for name in ("shadow", "retire"):
        assert press(client, name, other).status_code == 403, name
    assert press(client, "paste", text="{}").status_code == 403
    assert (Change.objects.count(), state_of(version), state_of(other)) == (before, state, "draft")
    assert (client.get(page(version)).status_code == 200) is (role == "auditor")


def test_a_get_changes_nothing() -> None:
    client, version = desk("analyst"), a_draft()
    before = Change.objects.count()
    for name in ("shadow", "dry_run", "retire", "copy"):
        assert client.get(button(name, version), headers={"HX-Request": "true"}).status_code == 200
    assert (Change.objects.count(), state_of(version)) == (before, "draft")
    assert queries.running_dry_runs() == 0


def test_the_list_says_where_each_set_stands() -> None:
    a_draft()
    shadow = a_shadow(identity_cap=50.0)
    dry_runs.ask(version=shadow, by=MIRIAM)
    text = desk("analyst").get(reverse("admin:trust_versions_version_changelist")).content.decode()
    for said in ("Live", "Draft", "Shadow", "Retired", "in 1 numbers"):
        assert said in text


def a_decided_campaign(monolith: Caller, *, bad: bool, days: float) -> None:
    campaign, owner = uuid4(), uuid4()
    facts = [fact("campaign.created", campaign, 200, owner_id=str(owner), category="health")]
    if bad:
        facts += [fact("payment.disputed", campaign, 30, payment_id=f"{campaign}", stage="opened")]
    else:
        facts += [fact("campaign.update_posted", campaign, each) for each in (180, 160, 140, 120, 100, 80, 60, 40)]
        facts += [fact("verification.granted", campaign, 100, item="identity")]
    facts += [fact("case.decided", campaign, days, outcome="confirmed" if bad else "false")]
    monolith.post("/trust/evidence", {"facts": facts})


def test_a_calibration_runs_in_the_worker_and_ends_in_a_draft_with_its_report(monolith: Caller) -> None:
    client, live = desk("analyst"), parameters.live_version()
    for at in range(60):
        a_decided_campaign(monolith, bad=at % 3 == 0, days=1 + at / 10)
    press(client, "calibrate", live)
    assert "Waiting" in client.get(page(live)).content.decode()
    assert parameters.live_version() == live
    tasks.calibrate()
    made = Version.objects.get(origin="calibrated")
    assert (state_of(made.pk), made.made_from, made.calibration["cases"]["all"]) == ("draft", live, 60)
    assert f"Version {made.pk}" in client.get(page(live)).content.decode()
    assert "What the calibration found" in client.get(page(made.pk)).content.decode()


def test_a_calibration_with_too_few_cases_says_so(monolith: Caller) -> None:
    client, live = desk("analyst"), parameters.live_version()
    before = Version.objects.count()
    a_decided_campaign(monolith, bad=True, days=3)
    press(client, "calibrate", live)
    tasks.calibrate()
    assert "labelled cases" in client.get(page(live)).content.decode()
    assert Version.objects.count() == before
