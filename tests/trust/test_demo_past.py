"""The past that a local stack begins with: told by the house's own commands, whole or not at all, and the same every time."""

from __future__ import annotations

import os
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from bh_sdk.server.events.models import RecordedEvent
from bh_sdk.server.ops import clock
from trust_svc.appeals.models import Appeal
from trust_svc.cases.models import Case
from trust_svc.evidence.models import Fact
from trust_svc.insights.management import past
from trust_svc.insights.models import ReviewDay, ScoreDay
from trust_svc.overrides.models import Override
from trust_svc.scoring.models import Score
from trust_svc.verification.models import Request

pytestmark = pytest.mark.django_db


def test_the_plan_is_the_same_every_time_and_only_its_days_move() -> None:
    today = clock.now()
    assert past.campaigns(today) == past.campaigns(today)
    facts = [fact for each in past.campaigns(today) for fact in each.facts]
    assert max(fact.time for fact in facts) <= today
    assert {each.blame.outcome for each in past.campaigns(today) if each.blame} == {"confirmed", "valuable", "false"}


def test_three_months_are_told_once(settings: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    backend = "django.core.files.storage.FileSystemStorage"
    settings.STORAGES = settings.STORAGES | {"default": {"BACKEND": backend, "OPTIONS": {"location": str(tmp_path)}}}
    monkeypatch.delenv("BH_CLOCK_FILE", raising=False)
    call_command("demo_past")
    assert "BH_CLOCK_FILE" not in os.environ
    decided = [each for each in past.campaigns(clock.now()) if each.blame]
    assert Case.objects.filter(state="closed").exclude(decided_by="platform").count() == len(decided)
    assert set(Case.objects.values_list("outcome", flat=True)) >= {"confirmed", "valuable", "false"}
    assert set(Appeal.objects.values_list("state", flat=True)) == {"upheld", "adjusted", "reversed"}
    assert set(Override.objects.values_list("state", flat=True)) == {"ended", "active", "waiting"}
    assert set(Request.objects.values_list("state", flat=True)) == {"granted", "refused", "revoked", "withdrawn"}
    assert ScoreDay.objects.filter(kind="campaign", rated__gt=0).count() > 50
    assert ReviewDay.objects.filter(case_hours__gt=0).count() > 20
    assert len(set(Score.objects.filter(kind="campaign", rated=True).values_list("tier", flat=True))) >= 4
    facts, events = Fact.objects.count(), RecordedEvent.objects.count()
    call_command("demo_past")
    assert (Fact.objects.count(), RecordedEvent.objects.count()) == (facts, events)


def test_no_past_is_made_up_in_production(settings: Any) -> None:
    settings.BH_ENV = "production"
    with pytest.raises(CommandError, match="local stacks only"):
        call_command("demo_past")
    assert not Fact.objects.exists()
