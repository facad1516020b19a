"""The trust engine: facts → record → feature row → score, all pure.

facts ──fold──▶ Record ──campaign_row / user_row──▶ Row ──as_matrix, score──▶ Scores ──reasons──▶ Reason
"""

from trust_svc.scoring.engine.columns import OF_CARDS, Column, Row, as_matrix, row
from trust_svc.scoring.engine.features import campaign_row, next_expiry, user_row
from trust_svc.scoring.engine.hands import People, Purses
from trust_svc.scoring.engine.kernel import Scores, points, score
from trust_svc.scoring.engine.outside import reports_seen_outside
from trust_svc.scoring.engine.params import FACTORS, ITEMS, SHIPPED, TIERS, V1, V2, V3, Params
from trust_svc.scoring.engine.rates import category_rates
from trust_svc.scoring.engine.reasons import TEXTS, Reason, reasons, repaired
from trust_svc.scoring.engine.record import Fact, Record, fold
from trust_svc.scoring.engine.tiers import shown_tier, tier_of

__all__ = [
    "FACTORS",
    "ITEMS",
    "OF_CARDS",
    "SHIPPED",
    "TEXTS",
    "TIERS",
    "V1",
    "V2",
    "V3",
    "Column",
    "Fact",
    "Params",
    "People",
    "Purses",
    "Reason",
    "Record",
    "Row",
    "Scores",
    "as_matrix",
    "campaign_row",
    "category_rates",
    "fold",
    "next_expiry",
    "points",
    "reasons",
    "repaired",
    "reports_seen_outside",
    "row",
    "score",
    "shown_tier",
    "tier_of",
    "user_row",
]
