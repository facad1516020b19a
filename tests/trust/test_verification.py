"""Asking to be verified: shown by documents that lie sealed and go away, decided by somebody else, and told as evidence."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.files.storage import default_storage
from django.db import IntegrityError, connection, transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from bh_sdk.errors import NotFound
from bh_sdk.server.events.models import RecordedEvent
from tests.trust.conftest import Caller, person
from tests.trust.evidence import a_good_campaign, about_user, ago
from trust_svc.evidence.models import Fact
from trust_svc.scoring import commands as scoring
from trust_svc.scoring.models import Due, Score
from trust_svc.verification import commands, documents, rules
from trust_svc.verification.errors import ExpiryOutOfBounds, NothingToRevoke, OwnRequest, RequestDecided
from trust_svc.verification.models import Document, Request
from trust_svc.verification.tasks import delete_documents, tell_ends

pytestmark = pytest.mark.django_db

PDF = b"%PDF-1.7 passport of Jonah Amittai %%EOF"
PNG = b"\x89PNG\r\n\x1a\n a picture of Jonah \x00\x00\x00\x00IEND\xaeB`\x82"
JPEG = b"\xff\xd8\xff a photo of Jonah \xff\xd9"
SORRY = "The name differs from the account's."
ANALYST, OTHER = uuid4(), uuid4()


@pytest.fixture(autouse=True)
def files_in_a_room(settings: Any, tmp_path: Any) -> None:
    backend = "django.core.files.storage.FileSystemStorage"
    settings.STORAGES = settings.STORAGES | {"default": {"BACKEND": backend, "OPTIONS": {"location": str(tmp_path)}}}


def b64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def body(item: str = "identity", *shown: bytes, **more: Any) -> dict[str, Any]:
    return {"item": item, "documents": [{"content": b64(each)} for each in shown or (PDF,)]} | more


def ask(caller: Caller, item: str = "identity", *shown: bytes, **more: Any) -> Request:
    answer = caller.post("/trust/verification", body(item, *shown, **more))
    assert answer.status_code == 201, answer.content
    return Request.objects.get(id=answer.json()["verification_id"])


def told(kind: str) -> list[dict[str, Any]]:
    rows = RecordedEvent.objects.filter(type=f"trust.verification.{kind}.v1").order_by("position")
    return [row.payload for row in rows]


def nothing_was_written() -> bool:
    rows = (Request, Document, Fact, RecordedEvent)
    return not any(model.objects.exists() for model in rows) and not default_storage.exists("verification")


@pytest.fixture
def owner() -> Caller:
    return person("donor", "recipient")


@pytest.fixture
def campaign(monolith: Caller, owner: Caller) -> UUID:
    campaign = uuid4()
    monolith.post("/trust/evidence", {"facts": a_good_campaign(campaign, owner.id)})
    return campaign


class TestAsking:
    def test_a_person_asks_and_reads_what_became_of_it(self, donor: Caller) -> None:
        answer = donor.post("/trust/verification", body("identity", PDF, PNG, JPEG, note="My new name is on page two"))
        row = Request.objects.get()
        assert answer.status_code == 201
        assert answer.json() == donor.get(f"/trust/verification/{row.id}").json()
        said = answer.json()
        assert [each["content_type"] for each in said["documents"]] == ["application/pdf", "image/png", "image/jpeg"]
        assert (said["entity_type"], said["entity_id"], said["status"]) == ("user", str(donor.id), "open")
        about = {"entity_kind": "user", "entity_id": str(donor.id), "owner_id": str(donor.id), "item": "identity"}
        assert told("requested") == [{"request_id": str(row.id)} | about]
        commands.refuse(request_id=row.id, reason="mismatch", message=SORRY, by=ANALYST)
        (listed,) = donor.get("/trust/verification").json()["results"]
        assert (listed["status"], listed["reason"], listed["message"]) == ("refused", "mismatch", SORRY)
        assert str(ANALYST) not in str(listed)

    def test_what_was_shown_and_written_is_nowhere_in_clear(self, donor: Caller) -> None:
        row = ask(donor, note="Ask Jonah Amittai of Tarshish")
        commands.refuse(request_id=row.id, reason="other", message="Jonah Amittai is not of Tarshish", by=ANALYST)
        with connection.cursor() as cursor:
            for table in ("trust_verification_request", "trust_verification_document", "event"):
                cursor.execute(f"SELECT count(*) FROM {table} AS t WHERE t::text LIKE '%Amittai%'")
                assert cursor.fetchone() == (0,)
        document = Document.objects.get()
        with default_storage.open(document.stored_as) as kept:
            assert b"Jonah" not in kept.read()

    def test_a_data_url_is_taken_for_what_it_holds_not_for_what_it_claims(self, donor: Caller) -> None:
        shown = [{"content": "data:text/html;base64," + b64(PNG)}]
        answer = donor.post("/trust/verification", body(documents=shown))
        assert [each["content_type"] for each in answer.json()["documents"]] == ["image/png"]

    @pytest.mark.parametrize(
        ("wrong", "pointer"),
        [
            ({"documents": []}, "#/documents"),
            ({"documents": [{"content": "not base64 at all"}]}, "#/documents/0/content"),
            ({"documents": [{"content": b64(b"<html><script>alert(1)</script>")}]}, "#/documents/0/content"),
            ({"documents": [{"content": b64(PDF[:20])}]}, "#/documents/0/content"),
            ({"documents": [{"content": b64(PNG + b"x" * 700_000)}]}, "#/documents/0/content"),
            ({"documents": [{"content": "data:image/png," + b64(PNG)}]}, "#/documents/0/content"),
            ({"documents": [{"content": b64(PDF), "name": "../../etc/passwd"}]}, "#/documents/0/name"),
            ({"documents": [{"content": b64(PDF)}] * 7}, "#/documents"),
            ({"item": "wealth"}, "#/item"),
            ({"entity_type": "campaign"}, "#/entity_id"),
            ({"note": "x" * 1001}, "#/note"),
            ({"note": "a\u0000b"}, "#/note"),
        ],
    )
    def test_an_unfit_request_is_refused_and_nothing_is_written(
        self, donor: Caller, wrong: dict[str, Any], pointer: str
    ) -> None:
        answer = donor.post("/trust/verification", body() | wrong)
        assert answer.status_code == 422
        assert [each["pointer"] for each in answer.json()["errors"]] == [pointer]
        assert nothing_was_written()

    def test_email_and_phone_need_no_document(self, donor: Caller) -> None:
        for item in ("email", "phone"):
            assert donor.post("/trust/verification", {"item": item}).status_code == 201

    def test_a_second_open_request_is_refused_and_names_the_first(self, donor: Caller) -> None:
        first = ask(donor)
        again = donor.post("/trust/verification", body())
        assert (again.status_code, again.json()["code"]) == (409, "verification_open")
        assert again.json()["verification_id"] == str(first.id)
        assert (Request.objects.count(), Document.objects.count(), len(told("requested"))) == (1, 1, 1)
        assert len(default_storage.listdir("verification")[0]) == 1 + 1
        (left,) = [each for each in default_storage.listdir("verification")[0] if each != str(first.id)]
        assert default_storage.listdir(f"verification/{left}")[1] == []
        assert donor.post("/trust/verification", body("address")).status_code == 201

    def test_an_organiser_asks_for_an_own_campaign_and_nobody_for_anothers(
        self, owner: Caller, donor: Caller, campaign: UUID
    ) -> None:
        about = {"entity_type": "campaign", "entity_id": str(campaign)}
        assert donor.post("/trust/verification", body("registry", **about)).status_code == 404
        stranger = {"entity_type": "user", "entity_id": str(owner.id)}
        assert donor.post("/trust/verification", body(**stranger)).status_code == 404
        assert not Request.objects.exists()
        assert ask(owner, "registry", **about).entity_id == campaign

    def test_nobody_sees_changes_or_withdraws_anothers_request(self, donor: Caller, analyst: Caller) -> None:
        row = ask(donor)
        for caller in (person(), analyst):
            assert caller.get(f"/trust/verification/{row.id}").status_code == 404
            assert caller.post(f"/trust/verification/{row.id}/withdraw", None).status_code == 404
            added = caller.post(f"/trust/verification/{row.id}/documents", {"content": b64(PNG)})
            assert added.status_code == 404
            assert caller.get("/trust/verification").json()["results"] == []
        row.refresh_from_db()
        assert (row.state, row.documents.count()) == ("open", 1)

    def test_documents_are_added_while_the_request_is_open_up_to_six(self, donor: Caller) -> None:
        row = ask(donor)
        path = f"/trust/verification/{row.id}/documents"
        for number in range(5):
            picture = PNG.replace(b"Jonah", b"number %d" % number)
            assert donor.post(path, {"content": b64(picture)}).status_code == 201
        full = donor.post(path, {"content": b64(PNG)})
        assert (full.status_code, full.json()["code"]) == (409, "verification_documents_full")
        assert donor.post(path, {"content": b64(b"GIF89a of something else")}).status_code == 422
        commands.refuse(request_id=row.id, reason="other", message=SORRY, by=ANALYST)
        late = donor.post(path, {"content": b64(PNG)})
        assert (late.status_code, late.json()["verification_status"]) == (409, "refused")
        assert Document.objects.count() == 6
        assert len(default_storage.listdir(f"verification/{row.id}")[1]) == 6

    def test_withdrawing_twice_is_withdrawing_once_and_the_documents_go(self, donor: Caller) -> None:
        row = ask(donor)
        path = f"/trust/verification/{row.id}/withdraw"
        assert [donor.post(path, None).json()["status"] for _ in range(2)] == ["withdrawn"] * 2
        delete_documents()
        assert (Document.objects.count(), default_storage.listdir(f"verification/{row.id}")[1]) == (0, [])
        ask(donor)

    def test_what_is_decided_cannot_be_withdrawn(self, donor: Caller) -> None:
        row = ask(donor)
        commands.grant(request_id=row.id, by=ANALYST)
        refused = donor.post(f"/trust/verification/{row.id}/withdraw", None)
        assert (refused.status_code, refused.json()["code"]) == (409, "verification_closed")
        row.refresh_from_db()
        assert row.state == "granted"

    def test_too_many_a_day_are_refused(self, donor: Caller, settings: Any) -> None:
        settings.BH_LIMIT_FACTOR = 1
        for _ in range(20):
            assert donor.post("/trust/verification", {"item": "email"}).status_code in (201, 409)
        full = donor.post("/trust/verification", {"item": "phone"})
        assert (full.status_code, "Retry-After" in full.headers, Request.objects.count()) == (429, True, 1)


class TestStanding:
    def test_what_is_verified_for_long_cannot_be_asked_for_and_the_refusal_says_until_when(
        self, donor: Caller, monolith: Caller
    ) -> None:
        ends = (datetime.now(UTC) + timedelta(days=90)).replace(microsecond=0)
        fact = about_user("verification.granted", donor.id, 10, item="identity", expires_at=ends.isoformat())
        monolith.post("/trust/evidence", fact)
        refused = donor.post("/trust/verification", body())
        assert (refused.status_code, refused.json()["code"]) == (409, "verification_stands")
        assert datetime.fromisoformat(refused.json()["expires_at"]) == ends
        assert not Request.objects.exists()
        assert donor.post("/trust/verification", body("bank")).status_code == 201

    @pytest.mark.parametrize(("days", "status"), [(61, 409), (59, 201), (-1, 201), (None, 409)])
    def test_within_60_days_of_its_end_it_is_renewed(
        self, donor: Caller, monolith: Caller, days: int | None, status: int
    ) -> None:
        ends = {} if days is None else {"expires_at": (datetime.now(UTC) + timedelta(days=days)).isoformat()}
        monolith.post("/trust/evidence", about_user("verification.granted", donor.id, 300, item="identity", **ends))
        assert donor.post("/trust/verification", body()).status_code == status

    def test_a_later_revocation_ends_it(self, donor: Caller, monolith: Caller) -> None:
        monolith.post("/trust/evidence", about_user("verification.granted", donor.id, 10, item="identity"))
        monolith.post("/trust/evidence", about_user("verification.revoked", donor.id, 5, item="identity"))
        assert donor.post("/trust/verification", body()).status_code == 201


class TestDeciding:
    def test_a_grant_is_evidence_with_an_expiry_and_moves_the_score(self, donor: Caller, moved_clock: Any) -> None:
        row = ask(donor)
        commands.grant(request_id=row.id, by=ANALYST, message="Welcome")
        row.refresh_from_db()
        fact = Fact.objects.get(type="verification.granted")
        assert (fact.id, fact.source, fact.subject_id) == (row.fact_id, "trust", donor.id)
        assert row.expires_at is not None
        assert row.decided_at is not None
        assert datetime.fromisoformat(fact.data["expires_at"]) == row.expires_at
        assert row.expires_at - row.decided_at == pytest.approx(timedelta(days=730), abs=timedelta(seconds=1))
        (said,) = told("granted")
        assert (said["request_id"], said["item"], said["owner_id"]) == (str(row.id), "identity", str(donor.id))
        moved_clock(2)
        scoring.rescore_due()
        score = Score.objects.get(kind="user", entity_id=donor.id)
        assert next(each for each in score.factors if each["name"] == "verification")["value"] > 0.25

    @pytest.mark.parametrize(("item", "most"), [("identity", 1825), ("bank", 730)])
    def test_a_grant_ends_within_bounds(self, donor: Caller, item: str, most: int) -> None:
        row = ask(donor, item)
        now = datetime.now(UTC)
        for days in (-1, 0.5, most + 1):
            with pytest.raises(ExpiryOutOfBounds):
                commands.grant(request_id=row.id, by=ANALYST, expires_at=now + timedelta(days=days))
        assert (Fact.objects.count(), Request.objects.get().state, told("granted")) == (0, "open", [])
        commands.grant(request_id=row.id, by=ANALYST, expires_at=now + timedelta(days=most))

    def test_nobody_decides_on_their_own_request_or_campaign(self, owner: Caller, campaign: UUID) -> None:
        rows = [ask(owner, "address"), ask(owner, "registry", entity_type="campaign", entity_id=str(campaign))]
        before = Fact.objects.count()
        for row in rows:
            with pytest.raises(OwnRequest):
                commands.grant(request_id=row.id, by=owner.id)
            with pytest.raises(OwnRequest):
                commands.refuse(request_id=row.id, reason="other", message=SORRY, by=owner.id)
            commands.grant(request_id=row.id, by=ANALYST)
            with pytest.raises(OwnRequest):
                commands.revoke(request_id=row.id, message=SORRY, by=owner.id)
        assert (Fact.objects.count() - before, len(told("granted")), told("ended")) == (2, 2, [])

    def test_the_database_repeats_that_rule(self, donor: Caller) -> None:
        row = ask(donor)
        commands.grant(request_id=row.id, by=ANALYST)
        with pytest.raises(IntegrityError, match="not_by_oneself"), transaction.atomic():
            Request.objects.filter(id=row.id).update(decided_by=donor.id)

    def test_a_second_decision_is_refused_and_changes_nothing(self, donor: Caller) -> None:
        row = ask(donor)
        commands.grant(request_id=row.id, by=ANALYST)
        with pytest.raises(RequestDecided):
            commands.refuse(request_id=row.id, reason="other", message=SORRY, by=OTHER)
        with pytest.raises(RequestDecided):
            commands.grant(request_id=row.id, by=OTHER)
        row.refresh_from_db()
        assert (row.state, row.decided_by, Fact.objects.count(), told("refused")) == ("granted", ANALYST, 1, [])

    def test_a_refusal_is_told_without_its_reason_and_leaves_no_evidence(self, donor: Caller) -> None:
        row = ask(donor)
        commands.refuse(request_id=row.id, reason="unreadable", message=SORRY, by=ANALYST)
        (said,) = told("refused")
        assert (said["request_id"], "reason" in said, Fact.objects.exists()) == (str(row.id), False, False)
        ask(donor)

    def test_what_is_taken_back_counts_at_once(self, donor: Caller) -> None:
        row = ask(donor)
        commands.grant(request_id=row.id, by=ANALYST)
        scoring.rescore(kind="user", entity_id=donor.id)
        Due.objects.all().delete()
        commands.revoke(request_id=row.id, message="The passport was reported stolen", by=OTHER)
        assert Due.objects.get(kind="user", entity_id=donor.id).due_at <= datetime.now(UTC)
        assert [each["revoked"] for each in told("ended")] == [True]
        assert Fact.objects.filter(type="verification.revoked", data__item="identity").count() == 1
        with pytest.raises(NothingToRevoke):
            commands.revoke(request_id=row.id, message="The passport was reported stolen", by=OTHER)
        assert len(told("ended")) == 1
        said = donor.get(f"/trust/verification/{row.id}").json()
        assert (said["status"], said["reason"]) == ("revoked", "revoked")

    def test_what_has_run_out_or_was_replaced_cannot_be_taken_back(
        self, donor: Caller, monolith: Caller, moved_clock: Any
    ) -> None:
        row = ask(donor)
        commands.grant(request_id=row.id, by=ANALYST)
        moved_clock(731 * 86_400)
        with pytest.raises(NothingToRevoke):
            commands.revoke(request_id=row.id, message=SORRY, by=OTHER)
        assert not Fact.objects.filter(type="verification.revoked").exists()

    def test_deciding_what_is_not_there(self) -> None:
        with pytest.raises(NotFound):
            commands.grant(request_id=uuid4(), by=ANALYST)


class TestAfterAnAppeal:
    def test_a_refused_request_is_granted_by_somebody_else(self, donor: Caller) -> None:
        row = ask(donor)
        commands.refuse(request_id=row.id, reason="mismatch", message=SORRY, by=ANALYST)
        commands.grant_on_appeal(request_id=row.id, message="You were right", by=OTHER)
        row.refresh_from_db()
        assert (row.state, row.reason, row.decided_by) == ("granted", None, OTHER)
        assert Fact.objects.get(type="verification.granted").id == row.fact_id

    def test_what_was_taken_back_stands_again_until_its_old_end(self, donor: Caller) -> None:
        row = ask(donor)
        ends = commands.grant(request_id=row.id, by=ANALYST).expires_at
        commands.revoke(request_id=row.id, message=SORRY, by=ANALYST)
        commands.grant_on_appeal(request_id=row.id, message="You were right", by=OTHER)
        row.refresh_from_db()
        assert (row.state, row.expires_at, Fact.objects.filter(type="verification.granted").count()) == (
            "granted",
            ends,
            2,
        )

    def test_a_request_to_be_looked_at_again_is_decided_by_another(self, donor: Caller) -> None:
        row = ask(donor)
        commands.refuse(request_id=row.id, reason="mismatch", message=SORRY, by=ANALYST)
        commands.look_again(request_id=row.id, by=OTHER)
        with pytest.raises(OwnRequest):
            commands.grant(request_id=row.id, by=ANALYST)
        assert commands.grant(request_id=row.id, by=OTHER).state == "granted"

    def test_only_what_was_refused_or_taken_back_changes(self, donor: Caller) -> None:
        row = ask(donor)
        for change in (commands.grant_on_appeal, commands.look_again):
            with pytest.raises(RequestDecided):
                change(request_id=row.id, by=OTHER, **({"message": ""} if change is commands.grant_on_appeal else {}))
        assert (Request.objects.get().state, Fact.objects.exists()) == ("open", False)


def test_the_same_document_is_kept_once(donor: Caller) -> None:
    row = ask(donor, "identity", PDF, PDF, JPEG, PDF)
    assert Document.objects.count() == 2
    again = donor.post(f"/trust/verification/{row.id}/documents", {"content": b64(JPEG)})
    assert (again.status_code, len(again.json()["documents"]), Document.objects.count()) == (201, 2, 2)
    assert donor.post(f"/trust/verification/{row.id}/documents", {"content": b64(PNG)}).status_code == 201
    assert Document.objects.count() == 3


class TestEnds:
    def test_an_end_is_told_30_days_before_once_and_when_it_has_come_once(
        self, donor: Caller, moved_clock: Any
    ) -> None:
        row = ask(donor, "bank")
        commands.grant(request_id=row.id, by=ANALYST)
        tell_ends()
        assert (told("ending"), told("ended")) == ([], [])
        moved_clock(336 * 86_400)
        for _ in range(3):
            tell_ends()
        assert [(each["request_id"], each["item"]) for each in told("ending")] == [(str(row.id), "bank")]
        assert told("ended") == []
        moved_clock(30 * 86_400)
        for _ in range(3):
            tell_ends()
        assert len(told("ending")) == 1
        assert [(each["request_id"], each["revoked"]) for each in told("ended")] == [(str(row.id), False)]

    def test_those_the_platform_told_end_too_in_whatever_zone(self, monolith: Caller, campaign: UUID) -> None:
        soon = (datetime.now(UTC) + timedelta(days=5)).isoformat().replace("+00:00", "-11:30")
        past = (datetime.now(UTC) - timedelta(days=5)).isoformat().replace("+00:00", "+09:00")
        someone, other = uuid4(), uuid4()
        monolith.post("/trust/evidence", about_user("verification.granted", someone, 9, item="phone", expires_at=soon))
        monolith.post("/trust/evidence", about_user("verification.granted", other, 9, item="phone", expires_at=past))
        tell_ends()
        assert [(each["entity_id"], each["request_id"]) for each in told("ending")] == [(str(someone), None)]
        assert [(each["entity_id"], each["request_id"]) for each in told("ended")] == [(str(other), None)]

    @pytest.mark.parametrize("later", ["verification.granted", "verification.revoked"])
    def test_what_was_renewed_or_taken_back_since_does_not_end(self, monolith: Caller, later: str) -> None:
        someone = uuid4()
        ends = (datetime.now(UTC) + timedelta(days=5)).isoformat()
        monolith.post("/trust/evidence", about_user("verification.granted", someone, 9, item="phone", expires_at=ends))
        monolith.post("/trust/evidence", about_user(later, someone, 1, item="phone"))
        tell_ends()
        assert told("ending") == []
        assert [each["revoked"] for each in told("ended")] == ([True] if later == "verification.revoked" else [])

    def test_what_the_platform_takes_back_is_told_once(self, monolith: Caller) -> None:
        user = uuid4()
        for item, more in (("identity", {}), ("bank", {}), ("address", {"expires_at": ago(2)})):
            monolith.post("/trust/evidence", about_user("verification.granted", user, 90, item=item, **more))
        for item in ("identity", "address", "phone"):
            # What had run out, or was never granted, is not taken away.
            monolith.post("/trust/evidence", about_user("verification.revoked", user, 0.01, item=item))
        for _ in range(2):
            tell_ends()
        mine = [each for each in told("ended") if each["revoked"]]
        assert [(each["item"], each["entity_id"], each["owner_id"]) for each in mine] == [
            ("identity", str(user), str(user))
        ]

    def test_what_staff_take_back_is_not_told_by_the_platform_as_well(self, donor: Caller) -> None:
        row = commands.grant(request_id=ask(donor).id, by=ANALYST)
        commands.revoke(request_id=row.id, message=SORRY, by=ANALYST)
        tell_ends()
        assert [each["revoked"] for each in told("ended")] == [True]

    def test_what_ended_long_ago_is_no_news(self, monolith: Caller) -> None:
        ends = (datetime.now(UTC) - timedelta(days=31)).isoformat()
        monolith.post("/trust/evidence", about_user("verification.granted", uuid4(), 99, item="phone", expires_at=ends))
        tell_ends()
        assert told("ended") == []

    def test_looking_for_ends_reads_the_index(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute(
                "EXPLAIN SELECT id FROM trust_evidence_fact WHERE type = 'verification.granted'"
                " AND trust_moment(data->>'expires_at') > now() AND trust_moment(data->>'expires_at') <= now()"
            )
            assert "trust_fact_ends" in " ".join(line for (line,) in cursor.fetchall())


class TestDocumentsGo:
    def test_30_days_after_the_decision_and_not_before(self, donor: Caller, moved_clock: Any) -> None:
        row, waiting = ask(donor), ask(person())
        commands.refuse(request_id=row.id, reason="other", message=SORRY, by=ANALYST)
        moved_clock(29 * 86_400)
        delete_documents()
        assert Document.objects.count() == 2
        moved_clock(2 * 86_400)
        delete_documents()
        assert [document.request_id for document in Document.objects.all()] == [waiting.id]
        assert default_storage.listdir(f"verification/{row.id}")[1] == []
        assert donor.get(f"/trust/verification/{row.id}").json()["documents"] == []

    def test_an_appeal_keeps_them(self, donor: Caller, moved_clock: Any) -> None:
        row = ask(donor)
        commands.refuse(request_id=row.id, reason="other", message=SORRY, by=ANALYST)
        commands.keep_documents(request_id=row.id, until=datetime.now(UTC) + timedelta(days=60))
        moved_clock(31 * 86_400)
        assert documents.delete_outlived() == 0
        moved_clock(30 * 86_400)
        assert documents.delete_outlived() == 1

    def test_a_file_that_is_gone_already_does_not_keep_its_row(self, donor: Caller) -> None:
        row = ask(donor)
        commands.withdraw(request_id=row.id, by=donor.id)
        default_storage.delete(Document.objects.get().stored_as)
        assert (documents.delete_outlived(), documents.delete_outlived()) == (1, 0)


MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


class TestWorkingDays:
    @pytest.mark.parametrize(
        ("start", "days", "end"),
        [
            ("2026-11-18T15:00", 5, "2026-11-25T15:00"),
            ("2026-11-20T15:00", 1, "2026-11-23T15:00"),
            ("2026-11-21T15:00", 5, "2026-11-30T00:00"),
            ("2026-11-22T23:59", 1, "2026-11-24T00:00"),
            ("2026-11-23T00:00", 3, "2026-11-26T00:00"),
        ],
    )
    def test_weekends_do_not_count(self, start: str, days: int, end: str) -> None:
        due = rules.working_days_after(datetime.fromisoformat(start).replace(tzinfo=UTC), days)
        assert due == datetime.fromisoformat(end).replace(tzinfo=UTC)

    @settings(max_examples=60, deadline=None)
    @given(MOMENTS, st.integers(1, 30))
    def test_so_many_whole_days_that_are_no_weekend_lie_between(self, start: datetime, days: int) -> None:
        due = rules.working_days_after(start, days)
        hours = (due - start).total_seconds() / 3600
        begun = start if start.weekday() < 5 else rules.working_days_after(start, 0)
        between = [begun + timedelta(days=day) for day in range(int((due - begun).days))]
        assert due.weekday() < 5
        assert sum(each.weekday() < 5 for each in between) == days
        assert days * 24 <= hours <= (days + 2 * (days // 5 + 2)) * 24

    @settings(max_examples=60, deadline=None)
    @given(MOMENTS, MOMENTS, st.integers(0, 10))
    def test_whoever_asks_later_is_not_due_earlier(self, one: datetime, other: datetime, days: int) -> None:
        first, second = sorted((one, other))
        assert rules.working_days_after(first, days) <= rules.working_days_after(second, days)
