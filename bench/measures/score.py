"""The public score of a campaign, among 10,000, for a hundred of them in turns. The peer keeps them in Redis."""

from __future__ import annotations

import itertools
import json
import uuid
from collections.abc import Iterator

from bench import beside, ground
from bench.figures import Finding
from bench.load import request
from deploy.local.stack import Stack
from trust_svc.scoring.engine import FACTORS

CAMPAIGNS, ASKED = 10_000, 100

_FILL = """
INSERT INTO trust_scoring_score (id, kind, entity_id, score, lower, deviation, confidence, rated, tier, cap,
       cap_adjustment, factors, reasons, features, parameters_id, calculated_at, revision, turn)
SELECT gen_random_uuid(), 'campaign', lpad(to_hex(n), 32, '0')::uuid, 65, 60, 2.5, 0.8, true, 'STEADY', 100,
       0, %s::jsonb, %s::jsonb, '[]', 1, now(), 1, n
  FROM generate_series(1, %s) AS n
"""


def measure(stack: Stack) -> Iterator[Finding]:
    if absent := beside.missing():
        yield absent
        return
    factors = [{"name": name, "value": 0.65, "weight": 0.2, "contribution": 13.0} for name in FACTORS]
    reasons = [
        {"code": f"C{n}", "factor": FACTORS[n], "points": 4.5, "text": "Updates come regularly", "help": "Keep on"}
        for n in range(3)
    ]
    with ground.owner(stack, "trust") as owner:
        owner.execute(_FILL, [json.dumps(factors), json.dumps(reasons), CAMPAIGNS])
        owner.execute("VACUUM ANALYZE trust_scoring_score")
    paths = [f"/api/v1/trust/campaign/{uuid.UUID(int=n + 1)}" for n in range(ASKED)]
    requests = itertools.cycle([request("GET", path) for path in paths])
    yield from beside.compare(stack, "trust", lambda: next(requests), goal="≥ 8")
