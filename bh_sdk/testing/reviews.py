"""Verifications and appeals in the memory of `TrustWorld`: they wait until a test decides them (`rows[id] = …`).

Campaigns belong to whom `describe_campaign` said. What a document holds and what an appeal is against is not looked into.
"""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from bh_sdk.errors import AppealOpen, DocumentsFull, Invalid, NotFound, VerificationClosed, VerificationOpen
from bh_sdk.events import EntityKind
from bh_sdk.wire.appeals import Appeal, FileAppeal
from bh_sdk.wire.base import Page
from bh_sdk.wire.verification import MOST_DOCUMENTS, Document, DocumentKept, RequestVerification, Verification

if TYPE_CHECKING:
    from bh_sdk.testing.trust import TrustWorld
    from bh_sdk.testing.world import Asked, Route

BASE = "/api/v1/trust"
_DUE = timedelta(days=7)


def _entity(
    world: TrustWorld, asked: Asked, kind: EntityKind | None, entity_id: UUID | None
) -> tuple[EntityKind, UUID]:
    """The caller, or a campaign of the caller's. Others' do not exist."""
    caller = asked.caller.user()
    found = (kind or "user", entity_id or caller)
    campaign = world.campaigns.get(found[1])
    owner = campaign.owner_id if found[0] == "campaign" and campaign else found[1]
    if owner != caller:
        raise NotFound
    return found


class Verifications:
    """The requests of a world, and who made them."""

    def __init__(self, world: TrustWorld) -> None:
        self.world = world
        self.rows: dict[UUID, Verification] = {}
        self.asked_by: dict[UUID, UUID] = {}

    def routes(self) -> list[tuple[str, str, Route, bool]]:
        return [
            ("POST", f"{BASE}/verification", self._ask, False),
            ("GET", f"{BASE}/verification", self._list, False),
            ("GET", f"{BASE}/verification/{{}}", self._own, False),
            ("POST", f"{BASE}/verification/{{}}/documents", self._show, False),
            ("POST", f"{BASE}/verification/{{}}/withdraw", self._withdraw, False),
        ]

    def _ask(self, asked: Asked) -> tuple[int, Verification]:
        body = asked.read(RequestVerification)
        kind, entity_id = _entity(self.world, asked, body.entity_type, body.entity_id)
        if body.item not in ("email", "phone") and not body.documents:
            raise Invalid(errors=[{"pointer": "#/documents", "message": f"{body.item} is shown by a document"}])
        for row in self.rows.values():
            if (row.entity_id, row.item, row.status) == (entity_id, body.item, "open"):
                raise VerificationOpen(verification_id=str(row.verification_id))
        now = self.world.now()
        row = Verification(
            verification_id=uuid.uuid4(),
            entity_type=kind,
            entity_id=entity_id,
            item=body.item,
            status="open",
            documents=[self._kept(each) for each in body.documents],
            created_at=now,
            due_at=now + _DUE,
            decided_at=None,
            expires_at=None,
            reason=None,
            message=None,
        )
        self.rows[row.verification_id], self.asked_by[row.verification_id] = row, asked.caller.user()
        return 201, row

    def _kept(self, document: Document) -> DocumentKept:
        size = len(document.content) * 3 // 4
        return DocumentKept(
            document_id=uuid.uuid4(), content_type="application/pdf", size=size, added_at=self.world.now()
        )

    def _own(self, asked: Asked) -> Verification:
        if self.asked_by.get(asked.ids[0]) != asked.caller.user():
            raise NotFound
        return self.rows[asked.ids[0]]

    def _list(self, asked: Asked) -> Page[Verification]:
        own = [row for key, row in self.rows.items() if self.asked_by[key] == asked.caller.user()]
        return self.world.page(own[::-1], asked, f"{BASE}/verification")

    def _show(self, asked: Asked) -> tuple[int, Verification]:
        row, body = self._open(asked), asked.read(Document)
        if len(row.documents) >= MOST_DOCUMENTS:
            raise DocumentsFull(most=MOST_DOCUMENTS)
        return 201, self._change(row, documents=[*row.documents, self._kept(body)])

    def _withdraw(self, asked: Asked) -> Verification:
        row = self._own(asked)
        return row if row.status == "withdrawn" else self._change(self._open(asked), status="withdrawn", documents=[])

    def _open(self, asked: Asked) -> Verification:
        row = self._own(asked)
        if row.status != "open":
            raise VerificationClosed(verification_status=row.status)
        return row

    def _change(self, row: Verification, **values: object) -> Verification:
        self.rows[row.verification_id] = row.model_copy(update=values)
        return self.rows[row.verification_id]


class Appeals:
    """The appeals of a world, and who filed them."""

    def __init__(self, world: TrustWorld) -> None:
        self.world = world
        self.rows: dict[UUID, Appeal] = {}
        self.filed_by: dict[UUID, UUID] = {}

    def routes(self) -> list[tuple[str, str, Route, bool]]:
        return [
            ("POST", f"{BASE}/appeal", self._file, False),
            ("GET", f"{BASE}/appeal", self._list, False),
            ("GET", f"{BASE}/appeal/{{}}", self._own, False),
        ]

    def _file(self, asked: Asked) -> tuple[int, Appeal]:
        body = asked.read(FileAppeal)
        kind, entity_id = _entity(self.world, asked, body.entity_type, body.entity_id)
        against = "case" if body.against == "report" else body.against
        for row in self.rows.values():
            if (row.entity_id, row.against, row.status) == (entity_id, against, "open"):
                raise AppealOpen(appeal_id=str(row.appeal_id))
        now = self.world.now()
        row = Appeal(
            appeal_id=uuid.uuid4(),
            entity_type=kind,
            entity_id=entity_id,
            against=against,
            status="open",
            filed_at=now,
            due_at=now + _DUE,
            decided_at=None,
            answer=None,
        )
        self.rows[row.appeal_id], self.filed_by[row.appeal_id] = row, asked.caller.user()
        return 201, row

    def _own(self, asked: Asked) -> Appeal:
        if self.filed_by.get(asked.ids[0]) != asked.caller.user():
            raise NotFound
        return self.rows[asked.ids[0]]

    def _list(self, asked: Asked) -> Page[Appeal]:
        own = [row for key, row in self.rows.items() if self.filed_by[key] == asked.caller.user()]
        return self.world.page(own[::-1], asked, f"{BASE}/appeal")
