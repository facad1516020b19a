"""Calibration from what staff decided."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.management import CommandError, call_command

from tests.trust.conftest import Caller
from tests.trust.evidence import a_good_campaign, fact
from trust_svc.scoring import parameters
from trust_svc.scoring.calibration.errors import Unusable
from trust_svc.scoring.calibration.live import calibrate_live, decided
from trust_svc.scoring.engine import SHIPPED, Column
from trust_svc.versions.models import Version

pytestmark = pytest.mark.django_db


def tell(caller: Caller, facts: list[dict[str, Any]]) -> None:
    for start in range(0, len(facts), 1_000):
        assert caller.post("/trust/evidence", {"facts": facts[start : start + 1_000]}).status_code == 200


def a_decided_campaign(outcome: str, days: float = 5.0) -> tuple[UUID, list[dict[str, Any]]]:
    campaign, owner = uuid4(), uuid4()
    told = a_good_campaign(campaign, owner)
    if outcome == "confirmed":
        told = [each for each in told if each["type"] not in ("campaign.update_posted", "campaign.progress")]
    return campaign, [*told, fact("case.decided", campaign, days, outcome=outcome)]


def test_a_case_is_seen_as_it_was_before_its_decision(monolith: Caller) -> None:
    campaign, facts = a_decided_campaign("confirmed")
    late = [fact("campaign.milestone", campaign, 2, milestone_id="m", kept=False)]
    tell(monolith, facts + late)
    [case] = decided(SHIPPED)
    assert (case.kind, case.entity_id, case.bad) == ("campaign", str(campaign), 1)
    assert case.row[Column.REPORTS_UPHELD] == 0
    assert case.row[Column.FAILED] == 0
    born = datetime.fromisoformat(next(each for each in facts if each["type"] == "user.joined")["time"])
    assert case.row[Column.TENURE] == pytest.approx((datetime.now(UTC) - timedelta(days=5) - born).days, abs=1)


def test_a_valuable_case_is_no_label_and_the_last_word_stands(monolith: Caller) -> None:
    campaign, facts = a_decided_campaign("confirmed", days=9)
    _, valuable = a_decided_campaign("valuable")
    tell(monolith, [*facts, fact("case.decided", campaign, 3, outcome="false"), *valuable])
    assert [(case.entity_id, case.bad) for case in decided(SHIPPED)] == [(str(campaign), 0)]


def test_decided_cases_become_a_draft_with_its_report(monolith: Caller, capsys: pytest.CaptureFixture[str]) -> None:
    for at in range(60):
        tell(monolith, a_decided_campaign("false" if at % 4 else "confirmed")[1])
    call_command("calibrate_live", by="analyst", note="Spring")
    version = Version.objects.get(origin=Version.Origin.CALIBRATED)
    assert version.calibration["cases"]["all"] == 60
    assert version.calibration["held_out"]["after"]["auc"] > 0.9
    assert parameters.params_of(version.pk).card
    assert f"version {version.pk} is a draft" in capsys.readouterr().out


def test_few_decided_cases_make_no_draft(monolith: Caller) -> None:
    tell(monolith, a_decided_campaign("confirmed")[1])
    before = Version.objects.count()
    with pytest.raises(Unusable, match="turned out bad"):
        calibrate_live(SHIPPED)
    with pytest.raises(CommandError, match="turned out bad"):
        call_command("calibrate_live", by="analyst")
    assert Version.objects.count() == before
