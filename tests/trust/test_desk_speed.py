"""Lists of the desks cost as many statements for many rows as for one."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from bh_sdk.server.ops import clock
from tests.trust.test_admin import desk
from trust_svc.appeals.models import Appeal
from trust_svc.cases.models import Case
from trust_svc.evidence.models import Campaign
from trust_svc.holds import commands as holding
from trust_svc.overrides import commands as overriding
from trust_svc.overrides.rules import Wish
from trust_svc.reports.models import Report
from trust_svc.scoring import commands as scoring

pytestmark = pytest.mark.django_db
ROWS = 5
VALUES = re.compile(r"'[^']*'(?:::\w+)?|\b\d+(?:\.\d+)?\b")
LISTS = ("scoring_score", "cases_case", "overrides_override", "holds_hold", "appeals_appeal", "reports_report")


def known(analyst: UUID) -> None:
    """A campaign with something on every desk."""
    campaign, now = uuid4(), clock.now()
    Campaign.objects.create(id=campaign, owner_id=uuid4(), title=f"A well {campaign.hex[:6]}")
    scoring.rescore(kind="campaign", entity_id=campaign)
    about: dict[str, Any] = {"entity_kind": "campaign", "entity_id": campaign}
    holding.place_hold(**about, reason="Nobody was paid.", by=str(uuid4()))
    said: dict[str, Any] = {"reason": "investigation", "note": "The passport is looked at.", "days": 30, "by": uuid4()}
    overriding.ask_override(**about, wish=Wish("score", value=10.0), **said)
    Report.objects.create(**about, reporter_id=uuid4(), kind="fraud", description="A lie", created_at=now)
    Case.objects.filter(entity_id=campaign).delete()
    Case.objects.create(**about, owner_id=uuid4(), opened_at=now, due_at=now, assignee=analyst)
    Appeal.objects.create(
        **about, filed_by=uuid4(), against="score", target_id=campaign, statement="Look", filed_at=now, due_at=now,
        claimed_by=analyst, claimed_at=now,
    )  # fmt: skip


def statements(client: Client, name: str) -> Counter[str]:
    """How often a list says each statement, whatever values stand in it."""
    with CaptureQueriesContext(connection) as caught:
        assert client.get(reverse(f"admin:trust_{name}_changelist")).status_code == 200
    return Counter(VALUES.sub("?", query["sql"]) for query in caught)


@pytest.mark.parametrize("name", LISTS)
def test_no_list_asks_once_a_row(name: str) -> None:
    client = desk("analyst")
    analyst = uuid4()
    known(analyst)
    one = statements(client, name)
    for _ in range(ROWS - 1):
        known(analyst)
    many = statements(client, name)
    # What is asked now and then, such as whether the policy changed, is asked once, not once a row.
    assert {sql: times for sql, times in many.items() if times - one[sql] >= ROWS - 1} == {}
