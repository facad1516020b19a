"""The newest 20 of a person's notifications and how many are unread: 100 each of 1,000 people, a hundred of them in turns."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterator

from bench import beside, ground
from bench.figures import Finding
from bench.load import request
from deploy.local.stack import Stack

PEOPLE, EACH, CALLERS = 1_000, 100, 100

# Half of everybody's are unread.
_FILL = """
INSERT INTO notify_delivery_notification (id, dedupe, recipient_id, guest, type, category, data, "group", priority,
       accepted_by, created_at, title, body, action_url, shown_at, read_at)
SELECT gen_random_uuid(), 'bench:' || n || ':' || turn, lpad(to_hex(n), 32, '0')::uuid, false, 'gift.received',
       'transactional', '{"amount": "25.00", "currency": "GBP", "campaign_title": "Clean water"}', '', 5, 'bench',
       shown, 'A gift has arrived', 'Somebody gave £25.00 to Clean water.', '/campaigns/1', shown,
       CASE WHEN turn %% 2 = 0 THEN shown END
  FROM generate_series(1, %s) AS n, generate_series(1, %s) AS turn,
       LATERAL (SELECT now() - make_interval(hours => turn) AS shown) AS time
"""


def measure(stack: Stack) -> Iterator[Finding]:
    if absent := beside.missing():
        yield absent
        return
    with ground.owner(stack, "notify") as owner:
        owner.execute(_FILL, [PEOPLE, EACH])
        owner.execute("VACUUM ANALYZE notify_delivery_notification")
    people = [uuid.UUID(int=n + 1) for n in range(CALLERS)]
    requests = itertools.cycle(
        [request("GET", f"/api/v1/notifications/user/{one}", token=beside.token(stack, one)) for one in people]
    )
    yield from beside.compare(stack, "notify", lambda: next(requests), goal="≥ 7")
