"""The desk of overrides: the right person gets it right on the first try, and everybody else gets nothing."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from django.test import Client
from django.urls import reverse

from bh_sdk.server.access.models import Staff
from tests.trust.conftest import Caller
from tests.trust.evidence import a_good_campaign
from trust_svc.overrides.models import Override
from trust_svc.scoring import commands as scoring
from trust_svc.scoring.models import Score

pytestmark = pytest.mark.django_db
WHY = "The beneficiary called and sent the delivery notes."
SAID = {"reason": "missing_evidence", "note": WHY, "days": "30"}


def at_desk(*roles: str, sub: UUID | None = None) -> tuple[Client, UUID]:
    sub = sub or uuid4()
    staff = Staff.objects.create_user(f"staff-{uuid4().hex[:8]}", "demo-demo", sub=sub, roles=list(roles))
    client = Client()
    client.force_login(staff)
    return client, sub


@pytest.fixture
def score(monolith: Caller) -> Score:
    campaign, owner = uuid4(), uuid4()
    body = {"title": "A well in Tamale", "owner_id": str(owner), "currency": "GBP", "category": "water"}
    monolith.put(f"/trust/campaigns/{campaign}", body)
    monolith.post("/trust/evidence", {"facts": a_good_campaign(campaign, owner)})
    return scoring.rescore(kind="campaign", entity_id=campaign)


def press(client: Client, name: str, pk: Any, **fields: str) -> Any:
    path = reverse(f"admin:{name}", args=(pk,))
    return client.post(path, {"_form_submitted": "on", **fields}, headers={"HX-Request": "true"})


def dialog(client: Client, name: str, pk: Any) -> str:
    path = reverse(f"admin:{name}", args=(pk,))
    return client.get(path, headers={"HX-Request": "true"}).content.decode()


def page_of(client: Client, row: Override | Score) -> str:
    return client.get(
        reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=(row.id,))
    ).content.decode()


def ask_far(client: Client, score: Score) -> Override:
    press(client, "trust_scoring_score_set_score", score.id, value=str(score.score - 30), **SAID)
    return Override.objects.get(state="waiting")


def test_an_analyst_sets_a_tier_on_the_page_of_the_score(score: Score) -> None:
    client, sub = at_desk("analyst")
    asked = dialog(client, "trust_scoring_score_set_tier", score.id)
    assert f"{score.score:.1f}" in asked
    assert "over a cap" in asked
    assert "Replace" not in asked
    press(client, "trust_scoring_score_set_tier", score.id, tier="RISING", reason="other", note=WHY[:20], days="30")
    assert not Override.objects.exists()
    press(client, "trust_scoring_score_set_tier", score.id, tier="RISING", **SAID)
    row = Override.objects.get()
    score.refresh_from_db()
    assert (row.state, row.requested_by, score.tier) == ("waiting" if row.second_person else "active", sub, score.tier)
    text = page_of(client, score)
    assert "Set by hand until" in text or "waits for a second person" in text


@pytest.mark.parametrize(
    ("name", "fields", "what"),
    [
        ("set_score", {"value": "60"}, ("score", 60.0, None)),
        ("set_factor", {"factor": "history", "share": "90"}, ("factor", 0.9, "history")),
    ],
)
def test_a_score_and_a_factor_are_set_there_too(score: Score, name: str, fields: dict[str, str], what: Any) -> None:
    client, _ = at_desk("analyst")
    press(client, f"trust_scoring_score_{name}", score.id, **fields, **SAID)
    row = Override.objects.get()
    assert (row.what, row.value, row.factor) == what


def test_replacing_the_one_in_force_has_to_be_ticked(score: Score) -> None:
    client, _ = at_desk("analyst")
    press(client, "trust_scoring_score_set_score", score.id, value=str(score.score - 5), **SAID)
    assert "Replace the one in force" in dialog(client, "trust_scoring_score_set_score", score.id)
    press(client, "trust_scoring_score_set_score", score.id, value=str(score.score - 6), **SAID)
    assert Override.objects.count() == 1
    press(client, "trust_scoring_score_set_score", score.id, value=str(score.score - 6), replace="on", **SAID)
    assert set(Override.objects.values_list("state", flat=True)) == {"ended", "active"}


def test_the_page_says_who_acts_next_and_only_they_can(score: Score) -> None:
    asker, _ = at_desk("analyst")
    other, other_sub = at_desk("analyst")
    row = ask_far(asker, score)
    assert "another analyst or an admin" in page_of(asker, row)
    assert "did not ask for it" in page_of(other, row)
    assert press(asker, "trust_overrides_override_approve", row.id, note="").status_code == 403
    assert Override.objects.get().state == "waiting"
    assert press(other, "trust_overrides_override_approve", row.id, note="").status_code == 200
    row.refresh_from_db()
    assert (row.state, row.approved_by) == ("active", other_sub)
    assert "then ends by itself" in page_of(other, row)
    press(asker, "trust_overrides_override_revoke", row.id, note="It was another campaign.")
    row.refresh_from_db()
    assert (row.state, row.ended_because) == ("ended", "revoked")
    assert "It was another campaign." in page_of(asker, row)


def test_an_admin_may_be_the_second_person_and_the_asker_may_withdraw(score: Score) -> None:
    asker, _ = at_desk("analyst")
    admin, _ = at_desk("admin")
    row = ask_far(asker, score)
    assert press(admin, "trust_overrides_override_withdraw", row.id, note="").status_code == 403
    press(admin, "trust_overrides_override_reject", row.id, note="The notes are forged.")
    row.refresh_from_db()
    assert row.state == "rejected"
    second = ask_far(asker, score)
    press(asker, "trust_overrides_override_withdraw", second.id, note="")
    second.refresh_from_db()
    assert second.state == "withdrawn"


def test_agreeing_in_bulk_leaves_out_what_one_asked_for_oneself(score: Score) -> None:
    asker, _ = at_desk("analyst")
    row = ask_far(asker, score)
    path = reverse("admin:trust_overrides_override_changelist")
    chosen = {"action": "approve_chosen", "_selected_action": [str(row.id)]}
    asker.post(path, chosen)
    assert Override.objects.get().state == "waiting"
    at_desk("admin")[0].post(path, chosen)
    assert Override.objects.get().state == "active"


@pytest.mark.parametrize("role", ["support", "auditor", "finance", "editor"])
def test_nobody_else_sets_agrees_or_revokes(score: Score, role: str) -> None:
    client, _ = at_desk(role)
    row = ask_far(at_desk("analyst")[0], score)
    assert press(client, "trust_scoring_score_set_tier", score.id, tier="RISING", **SAID).status_code == 403
    for verb in ("approve", "reject", "revoke", "withdraw"):
        assert press(client, f"trust_overrides_override_{verb}", row.id, note="Because I say so.").status_code == 403
    assert Override.objects.get().state == "waiting"
    seen = client.get(reverse("admin:trust_overrides_override_changelist")).status_code
    assert seen == (200 if role in ("support", "auditor") else 403)


def test_nobody_sets_a_score_of_their_own(score: Score) -> None:
    owner, _ = at_desk("analyst", sub=score.owner_id)
    assert press(owner, "trust_scoring_score_set_tier", score.id, tier="STAR", **SAID).status_code == 403
    assert not Override.objects.exists()


def test_what_waits_stands_on_the_first_page_and_is_found(score: Score) -> None:
    client, _ = at_desk("analyst")
    row = ask_far(client, score)
    assert "Overrides to agree to" in client.get("/admin/").content.decode()
    path = reverse("admin:trust_overrides_override_changelist")
    for term in ("tamale", str(row.id), str(score.entity_id)):
        assert str(score.entity_id) in client.get(path, {"q": term}).content.decode().replace(f'"{term}"', "")
