"""The newest 20 of a donor's payments, among 100,000 payments of 1,000 donors, for a hundred of them in turns."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterator

from bench import beside, ground
from bench.figures import Finding
from bench.load import request
from deploy.local.stack import Stack

PEOPLE, PAYMENTS, CALLERS = 1_000, 100, 100

# Donors are numbered by their UUIDs.
_FILL = """
INSERT INTO payments_donations_payment (id, campaign_id, donor_id, user_id, request_digest, currency, amount, charged,
       processing_fee, platform_fee, refunded, status, dispute_status, anonymous, cover_fees, message, intent_id,
       created_at)
SELECT gen_random_uuid(), gen_random_uuid(), person, person, md5(n::text) || md5(turn::text), 'GBP', 2500, 2500, 93, 50,
       CASE WHEN turn %% 10 = 0 THEN 2500 ELSE 0 END, 'succeeded', 'none', turn %% 5 = 0, false, 'God bless you',
       'pi_' || n || '_' || turn, now() - make_interval(hours => turn)
  FROM generate_series(1, %s) AS n, generate_series(1, %s) AS turn,
       LATERAL (SELECT lpad(to_hex(n), 32, '0')::uuid AS person) AS donor
"""


def measure(stack: Stack) -> Iterator[Finding]:
    if absent := beside.missing():
        yield absent
        return
    with ground.owner(stack, "payments") as owner:
        owner.execute(_FILL, [PEOPLE, PAYMENTS])
        owner.execute("VACUUM ANALYZE payments_donations_payment")
    people = [uuid.UUID(int=n + 1) for n in range(CALLERS)]
    requests = itertools.cycle(
        [request("GET", f"/api/v1/payments/history/{person}", token=beside.token(stack, person)) for person in people]
    )
    yield from beside.compare(stack, "payments", lambda: next(requests), goal="≥ 4")
