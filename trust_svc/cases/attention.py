"""Asking for a look: what any slice may call in its own transaction. Knows nothing but the queue."""

from __future__ import annotations

import json
from collections.abc import Iterable
from uuid import UUID

from django.db import connection

# Facts that may open a case or move one; everything else is the scores' to say.
NOTABLE = frozenset(
    {"payment.disputed", "payment.refunded", "report.filed", "report.decided", "case.decided", "hold.placed"}
)

_ASK = """
INSERT INTO trust_cases_look (kind, entity_id)
SELECT DISTINCT kind, entity_id FROM jsonb_to_recordset(%s::jsonb) AS entity (kind text, entity_id uuid)
 WHERE NOT %s OR EXISTS (
       SELECT FROM trust_cases_case AS known
        WHERE state = 'open' AND known.entity_kind = entity.kind AND known.entity_id = entity.entity_id)
"""


def look_at(entities: Iterable[tuple[str, UUID]], *, with_open_case: bool = False) -> None:
    """Have it looked whether these belong into a case, within seconds; `with_open_case`: only those that have one.

    Belongs into the transaction that changed something. Asking twice is as good as asking once.
    """
    asked = [{"kind": kind, "entity_id": str(entity_id)} for kind, entity_id in sorted(set(entities))]
    if asked:
        with connection.cursor() as cursor:
            cursor.execute(_ASK, [json.dumps(asked), with_open_case])
