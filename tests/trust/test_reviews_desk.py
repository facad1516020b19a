"""The desks of verifications and appeals: the queue, the page, documents that are opened on purpose, and the dialogs."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from bh_sdk.server.access.models import Staff
from tests.trust.conftest import Caller, person
from tests.trust.test_appeals import ANSWER, body, campaign, file, hold, owner
from tests.trust.test_verification import PDF, ask, files_in_a_room
from trust_svc.appeals.models import Appeal
from trust_svc.evidence.models import Fact
from trust_svc.holds.models import Hold
from trust_svc.verification.models import Document, Request

__all__ = ["campaign", "files_in_a_room", "owner"]
pytestmark = pytest.mark.django_db
SORRY = "The name on the passport differs from the account's."


class Desk(Client):
    """A member of staff at the admin."""

    def __init__(self, *roles: str, sub: UUID | None = None) -> None:
        super().__init__()
        name = f"staff-{uuid4().hex[:8]}"
        self.staff = Staff.objects.create_user(name, "demo-demo", sub=sub or uuid4(), roles=list(roles))
        self.force_login(self.staff)

    def page(self, name: str, pk: Any = None, **query: str) -> Any:
        return self.get(reverse(f"admin:{name}", args=() if pk is None else (pk,)), query)

    def text(self, name: str, pk: Any = None, **query: str) -> str:
        answer = self.page(name, pk, **query)
        assert answer.status_code == 200
        return str(answer.content.decode())

    def press(self, name: str, pk: Any, **fields: str) -> Any:
        path = reverse(f"admin:{name}", args=(pk,))
        return self.post(path, {"_form_submitted": "on", **fields}, headers={"HX-Request": "true"})


VERIFICATION, APPEAL = "trust_verification_request", "trust_appeals_appeal"


def opened_by(desk: Desk, document: Document) -> Any:
    return desk.get(reverse("admin:trust_verification_document", args=(document.request_id, document.id)))


class TestVerifications:
    def test_the_oldest_stands_first_and_what_is_overdue_is_red(self, donor: Caller, moved_clock: Any) -> None:
        old = ask(donor)
        moved_clock(7 * 86_400)
        new = ask(person(), "bank")
        desk = Desk("analyst")
        text = desk.text(f"{VERIFICATION}_changelist")
        assert text.index(str(old.entity_id)) < text.index(str(new.entity_id))
        assert "overdue" in text
        assert "1 overdue" in desk.get("/admin/").content.decode()

    def test_a_document_is_opened_by_few_as_an_attachment_and_logged(self, donor: Caller) -> None:
        row = ask(donor, "identity", PDF, note="Jonah on page two")
        document = Document.objects.get()
        desk = Desk("analyst")
        answer = opened_by(desk, document)
        assert (answer.status_code, answer.content, answer["Content-Type"]) == (200, PDF, "application/pdf")
        assert answer["Content-Disposition"].startswith('attachment; filename="identity-')
        assert (answer["X-Content-Type-Options"], "no-store" in answer["Cache-Control"]) == ("nosniff", True)
        assert "sandbox" in answer["Content-Security-Policy"]
        assert "Opened a document" in LogEntry.objects.get(object_id=str(row.id)).change_message
        assert "Opened a document" in desk.text(f"{VERIFICATION}_change", row.id)
        for role in ("support", "auditor", "finance", "editor"):
            other = Desk(role)
            assert opened_by(other, document).status_code == 403, role
            if role in ("support", "auditor"):
                assert "Jonah on page two" not in other.text(f"{VERIFICATION}_change", row.id)
        assert LogEntry.objects.filter(object_id=str(row.id)).count() == 1

    def test_a_document_is_found_only_under_its_own_request(self, donor: Caller) -> None:
        ask(donor)
        other = ask(person())
        document = Document.objects.exclude(request=other).get()
        path = reverse("admin:trust_verification_document", args=(other.id, document.id))
        assert (Desk("analyst").get(path).status_code, LogEntry.objects.count()) == (404, 0)

    def test_an_analyst_grants_by_a_confirmed_dialog(self, donor: Caller) -> None:
        row, desk = ask(donor), Desk("analyst")
        shown = desk.get(reverse(f"admin:{VERIFICATION}_grant", args=(row.id,)), headers={"HX-Request": "true"})
        assert (shown.status_code, Request.objects.get().state) == (200, "open")
        desk.press(f"{VERIFICATION}_grant", row.id, until="2020-01-01")
        assert (Request.objects.get().state, Fact.objects.exists()) == ("open", False)
        desk.press(f"{VERIFICATION}_grant", row.id)
        row.refresh_from_db()
        assert (row.state, row.decided_by) == ("granted", desk.staff.sub)
        text = desk.text(f"{VERIFICATION}_change", row.id)
        assert "Take back" in text
        assert f"{VERIFICATION}/{row.id}/grant" not in text.replace("_", "/")

    def test_refusing_takes_a_reason_and_a_sentence(self, donor: Caller) -> None:
        row, desk = ask(donor), Desk("analyst")
        desk.press(f"{VERIFICATION}_refuse", row.id, reason="mismatch", message="no")
        desk.press(f"{VERIFICATION}_refuse", row.id, reason="because", message=SORRY)
        assert Request.objects.get().state == "open"
        desk.press(f"{VERIFICATION}_refuse", row.id, reason="mismatch", message=SORRY)
        assert donor.get(f"/trust/verification/{row.id}").json()["message"] == SORRY

    def test_taking_back_is_told_to_whoever_asked(self, donor: Caller) -> None:
        row, desk = ask(donor), Desk("analyst")
        desk.press(f"{VERIFICATION}_grant", row.id)
        desk.press(f"{VERIFICATION}_revoke", row.id, message="The passport was reported stolen.")
        assert donor.get(f"/trust/verification/{row.id}").json()["status"] == "revoked"

    def test_staff_who_ask_for_themselves_are_decided_by_others(self) -> None:
        caller = person("analyst")
        row, desk = ask(caller), Desk("analyst", sub=caller.id)
        assert "somebody else decides" in desk.text(f"{VERIFICATION}_change", row.id)
        desk.press(f"{VERIFICATION}_grant", row.id)
        assert (Request.objects.get().state, Fact.objects.exists()) == ("open", False)

    @pytest.mark.parametrize("role", ["support", "auditor", "finance", "editor"])
    def test_others_decide_nothing(self, donor: Caller, role: str) -> None:
        row, desk = ask(donor), Desk(role)
        answers = [
            desk.press(f"{VERIFICATION}_{name}", row.id, reason="other", message=SORRY).status_code
            for name in ("grant", "refuse", "revoke")
        ]
        assert (answers, Request.objects.get().state) == ([403] * 3, "open")


class TestAppeals:
    def test_what_is_due_first_stands_first(self, owner: Caller, campaign: UUID, moved_clock: Any) -> None:
        hold(campaign)
        old = file(owner, body(campaign))
        moved_clock(10 * 86_400)
        new = file(owner, body(campaign, "score"))
        desk = Desk("analyst")
        text = desk.text(f"{APPEAL}_changelist")
        assert text.index(str(old.id)) < text.index(str(new.id))
        assert "overdue" in text
        assert "1 overdue" in desk.get("/admin/").content.decode()

    def test_the_page_says_what_was_decided_and_only_some_read_what_was_written(
        self, owner: Caller, campaign: UUID
    ) -> None:
        stopped = hold(campaign)
        row = file(owner, body(campaign, evidence_urls=["https://example.org/letter.pdf"]))
        text = Desk("analyst").text(f"{APPEAL}_change", row.id)
        for shown in ("Jonah Amittai", "https://example.org/letter.pdf", stopped.reason, str(stopped.id)):
            assert shown in text
        assert 'href="https://example.org' not in text
        closed = Desk("auditor").text(f"{APPEAL}_change", row.id)
        assert "Sealed" in closed
        assert "Jonah Amittai" not in closed
        assert "letter.pdf" not in closed
        assert Desk("support").page(f"{APPEAL}_change", row.id).status_code == 403

    def test_an_analyst_decides_and_it_happens(self, owner: Caller, campaign: UUID) -> None:
        hold(campaign)
        row, desk = file(owner, body(campaign)), Desk("analyst")
        dialog = desk.get(reverse(f"admin:{APPEAL}_decide_appeal", args=(row.id,)), headers={"HX-Request": "true"})
        asked = dialog.content.decode()
        assert ("payouts go on" in asked, 'value="adjusted"' in asked) == (True, False)
        desk.press(f"{APPEAL}_decide_appeal", row.id, outcome="adjusted", answer=ANSWER)
        desk.press(f"{APPEAL}_decide_appeal", row.id, outcome="reversed", answer="short")
        assert (Appeal.objects.get().state, Hold.objects.get().lifted_at) == ("open", None)
        desk.press(f"{APPEAL}_claim_appeal", row.id)
        desk.press(f"{APPEAL}_decide_appeal", row.id, outcome="reversed", answer=ANSWER, note="Called them")
        row.refresh_from_db()
        assert (row.state, row.decided_by, row.claimed_by) == ("reversed", desk.staff.sub, desk.staff.sub)
        assert Hold.objects.get().lifted_at is not None
        assert ANSWER in desk.text(f"{APPEAL}_change", row.id)

    def test_who_placed_the_hold_is_told_that_somebody_else_looks(self, owner: Caller, campaign: UUID) -> None:
        stopped = hold(campaign)
        desk = Desk("analyst", sub=UUID(stopped.placed_by))
        row = file(owner, body(campaign))
        assert "somebody else looks at it" in desk.text(f"{APPEAL}_change", row.id)
        desk.press(f"{APPEAL}_decide_appeal", row.id, outcome="reversed", answer=ANSWER)
        assert (Appeal.objects.get().state, Hold.objects.get().lifted_at) == ("open", None)

    @pytest.mark.parametrize("role", ["auditor", "support", "finance", "editor"])
    def test_others_decide_nothing(self, owner: Caller, campaign: UUID, role: str) -> None:
        hold(campaign)
        row, desk = file(owner, body(campaign)), Desk(role)
        for name in ("claim_appeal", "decide_appeal"):
            pressed = desk.press(f"{APPEAL}_{name}", row.id, outcome="upheld", answer=ANSWER)
            assert pressed.status_code == 403, name
        row.refresh_from_db()
        assert (row.state, row.claimed_by) == ("open", None)


def test_no_form_writes_anything(owner: Caller, campaign: UUID) -> None:
    hold(campaign)
    rows = [(VERIFICATION, ask(owner, "address").id), (APPEAL, file(owner, body(campaign)).id)]
    desk = Desk("admin", "analyst")
    for name, pk in rows:
        change = reverse(f"admin:{name}_change", args=(pk,))
        for path in (change, change.replace("/change/", "/delete/"), change.rsplit("/", 3)[0] + "/add/"):
            assert desk.post(path, {"state": "granted", "post": "yes"}).status_code == 403, path
    assert (Request.objects.get().state, Appeal.objects.get().state) == ("open", "open")


@pytest.mark.parametrize("term", ["no such thing", "'; --", "%", "{id}"])
def test_searching_never_breaks(owner: Caller, campaign: UUID, term: str) -> None:
    hold(campaign)
    ask(owner, "address")
    row = file(owner, body(campaign))
    for name in (VERIFICATION, APPEAL):
        Desk("analyst").text(f"{name}_changelist", q=term.format(id=row.id))
