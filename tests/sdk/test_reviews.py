"""Verifications and appeals by the typed clients, against the service in memory."""

from __future__ import annotations

import asyncio
import uuid

import pytest

from bh_sdk.errors import AppealOpen, Invalid, NotFound, VerificationClosed, VerificationOpen
from bh_sdk.testing import papers
from bh_sdk.testing.trust import AsyncFakeTrust, FakeTrust, TrustWorld

RUTH, NAOMI = uuid.uuid4(), uuid.uuid4()
PDF = papers.pdf("a passport")
WORDS = "The beneficiary was paid; here is the letter."


@pytest.fixture
def trust() -> FakeTrust:
    return FakeTrust(as_user=RUTH)


@pytest.fixture
def campaign(trust: FakeTrust) -> uuid.UUID:
    campaign = uuid.uuid4()
    platform = FakeTrust(as_service="monolith", world=trust.world)
    platform.describe_campaign(campaign, title="A well", owner_id=RUTH, currency="GBP")
    return campaign


def test_a_request_is_made_added_to_listed_and_withdrawn_once(trust: FakeTrust) -> None:
    made = trust.request_verification("identity", documents=[PDF], note="My new name is on page two")
    assert (made.status, made.entity_type, made.entity_id) == ("open", "user", RUTH)
    assert len(trust.add_verification_document(made.verification_id, PDF).documents) == 2
    assert [each.verification_id for each in trust.verifications()] == [made.verification_id]
    assert trust.withdraw_verification(made.verification_id).status == "withdrawn"
    assert trust.withdraw_verification(made.verification_id) == trust.verification(made.verification_id)
    with pytest.raises(VerificationClosed) as refused:
        trust.add_verification_document(made.verification_id, PDF)
    assert refused.value.facts["verification_status"] == "withdrawn"


def test_one_open_request_an_item_and_a_document_where_one_is_needed(trust: FakeTrust, campaign: uuid.UUID) -> None:
    first = trust.request_verification("bank", documents=[PDF], entity_type="campaign", entity_id=campaign)
    with pytest.raises(VerificationOpen) as refused:
        trust.request_verification("bank", documents=[PDF], entity_type="campaign", entity_id=campaign)
    assert refused.value.facts["verification_id"] == str(first.verification_id)
    with pytest.raises(Invalid):
        trust.request_verification("address")
    assert trust.request_verification("email").documents == []


def test_others_requests_appeals_and_campaigns_do_not_exist(trust: FakeTrust, campaign: uuid.UUID) -> None:
    made = trust.request_verification("identity", documents=[PDF])
    filed = trust.file_appeal(against="score", statement=WORDS)
    naomi = FakeTrust(as_user=NAOMI, world=trust.world)
    for call in (
        lambda: naomi.verification(made.verification_id),
        lambda: naomi.appeal(filed.appeal_id),
        lambda: naomi.file_appeal(against="hold", statement=WORDS, entity_type="campaign", entity_id=campaign),
        lambda: naomi.request_verification("registry", documents=[PDF], entity_type="campaign", entity_id=campaign),
    ):
        with pytest.raises(NotFound):
            call()
    assert ([*naomi.verifications()], [*naomi.appeals()]) == ([], [])


def test_an_appeal_waits_and_a_report_is_appealed_against_as_its_case(trust: FakeTrust, campaign: uuid.UUID) -> None:
    filed = trust.file_appeal(against="report", statement=WORDS, entity_type="campaign", entity_id=campaign)
    assert (filed.against, filed.status, filed.answer) == ("case", "open", None)
    with pytest.raises(AppealOpen):
        trust.file_appeal(against="case", statement=WORDS, entity_type="campaign", entity_id=campaign)
    assert [each.appeal_id for each in trust.appeals()] == [filed.appeal_id]


def test_awaiting_clients_do_the_same() -> None:
    asyncio.run(_awaiting())


async def _awaiting() -> None:
    async with AsyncFakeTrust(as_user=RUTH, world=TrustWorld()) as trust:
        made = await trust.request_verification("phone")
        assert (await trust.verification(made.verification_id)) == made
        filed = await trust.file_appeal(against="score", statement=WORDS)
        assert [each async for each in trust.appeals()] == [filed]
