"""The card and its fit: what holds for every card that could ever be fitted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trust.test_kernel import LOWERS, RAISES, ROWS
from trust_svc.scoring.calibration.calibrate import Case, calibrated
from trust_svc.scoring.calibration.errors import Unusable
from trust_svc.scoring.calibration.fit import BEFORE, LEAST, before, fit
from trust_svc.scoring.engine import FACTORS, ITEMS, V3, Params, as_matrix, points, reasons, row, score
from trust_svc.scoring.engine.card import STEP_TERMS, STEPS, TERMS, factor_points, terms
from trust_svc.scoring.engine.factors import read
from trust_svc.scoring.engine.params import CARD_STEPS, FULL

SHARES = st.lists(st.integers(0, 50), min_size=STEPS, max_size=STEPS).filter(lambda each: sum(each) > 0)
CARDS = SHARES.map(lambda each: replace(V3, card=tuple(100 * share / sum(each) for share in each)))


def of(features: dict[str, float], params: Params) -> Any:
    return score(as_matrix([row(**features)]), params)


def test_every_term_has_its_steps() -> None:
    assert STEPS == CARD_STEPS
    assert BEFORE.keys() == {term.name for term in TERMS}
    assert before().sum() == pytest.approx(100)


@given(ROWS, CARDS)
def test_a_score_is_bounded_and_the_sum_of_its_parts(features: dict[str, float], params: Params) -> None:
    found = of(features, params)
    assert int(found.contributions[:, 0].sum() + found.cap_adjustment[0]) == int(found.score[0])
    assert 0 <= found.lower[0] <= found.score[0] <= found.cap[0] <= FULL
    assert ((found.values >= 0) & (found.values <= 1)).all()
    assert all(reason.points > 0 for reason in reasons(as_matrix([row(**features)]), found, params)[0])


@given(ROWS, CARDS, st.sampled_from(RAISES + LOWERS), st.floats(0, 50))
def test_more_of_one_input_moves_a_score_only_its_own_way(
    features: dict[str, float], params: Params, name: str, more: float
) -> None:
    other = features | {name: min(1.0, features[name] + more) if name == "progress" else features[name] + more}
    was, now = of(features, params).score[0], of(other, params).score[0]
    assert now >= was if name in RAISES else now <= was


@given(ROWS, CARDS, st.integers(0, len(ITEMS) - 1))
def test_every_verification_raises_or_keeps_a_score(features: dict[str, float], params: Params, bit: int) -> None:
    held = float(int(features["items"]) | (1 << bit))
    assert of(features | {"items": held}, params).score[0] >= of(features, params).score[0]


@given(ROWS, CARDS, st.floats(0, 1e9))
def test_unreviewed_reports_cost_at_most_three_points(features: dict[str, float], params: Params, mass: float) -> None:
    clear = of(features | {"reports_open": 0.0}, params).contributions.sum()
    assert clear - of(features | {"reports_open": mass}, params).contributions.sum() <= 3 * 1024 + 1


@given(st.lists(ROWS, min_size=2, max_size=20), CARDS)
def test_each_row_is_scored_by_itself(rows: list[dict[str, float]], params: Params) -> None:
    whole = score(as_matrix([row(**each) for each in rows]), params)
    alone = [of(each, params) for each in rows]
    assert whole.contributions.tobytes() == np.hstack([each.contributions for each in alone]).tobytes()


@given(ROWS, CARDS)
def test_a_loop_over_the_steps_says_the_same(features: dict[str, float], params: Params) -> None:
    """The oracle: one term after the other, in plain Python."""
    matrix = as_matrix([row(**features)])
    found = terms(matrix, read(matrix, params), params)[:, 0]
    worth = [0.0] * len(FACTORS)
    places = [(at, low, top) for at, t in enumerate(TERMS) for low, top in zip(t.edges, t.edges[1:], strict=False)]
    updates = sum(p for p, (at, _, _) in zip(params.card, places, strict=True) if TERMS[at].factor == 1)
    donor = features["donor"] > 0
    for each, (at, low, top) in zip(params.card, places, strict=True):
        price = each
        if donor:
            price = 0.0 if TERMS[at].factor == 1 or updates == 100 else each * 100 / (100 - updates)
        if TERMS[at].name == "unreported":
            price = min(price, params.report_points)
        worth[TERMS[at].factor] += price * min(1.0, max(0.0, (found[at] - low) / (top - low)))
    for index, want in enumerate(worth):
        assert points(of(features, params).contributions[index, 0]) == pytest.approx(want, abs=STEPS / 2048)


def made_up(count: int, seed: int = 3) -> list[Case]:
    """Cases in which silence and failure are what the bad have in common."""
    dice = np.random.default_rng(seed)
    cases = []
    for at in range(count):
        bad = int(dice.random() < 0.2)
        found = row(
            failed=float(dice.poisson(1.2 if bad else 0.2)),
            done=float(dice.poisson(1.0)),
            silence=float(dice.exponential(2.0 if bad else 0.5)),
            exposure=6.0,
            periods=float(dice.integers(0, 7)),
            items=float(dice.integers(0, 256)),
            tenure=float(dice.exponential(300)),
            reports_open=float(dice.exponential(3.0 if bad else 0.2)),
        )
        cases.append(Case("campaign", f"{at:08d}", f"owner {at // 2}", found, bad))
    return cases


def test_a_fit_finds_what_parts_the_bad_from_the_good() -> None:
    found = calibrated(made_up(1_500), V3)
    held_out = found.report["held_out"]
    assert held_out["after"]["auc"] > held_out["before"]["auc"] + 0.05
    assert held_out["after"]["ece"] < 0.05
    card = np.array(found.params.card)
    assert card.min() >= 0
    assert card.sum() == 100
    assert factor_points(card).min() >= LEAST - 0.01
    assert Params.parse(found.params.canonical()) == found.params
    per_term = np.bincount(STEP_TERMS, weights=card)
    assert per_term[[term.name for term in TERMS].index("unreported")] <= 3.001


def test_the_order_of_cases_changes_no_byte() -> None:
    cases = made_up(300)
    assert calibrated(cases, V3) == calibrated(cases[::-1], V3)


def test_a_strong_ridge_keeps_what_was_thought_before() -> None:
    dice = np.random.default_rng(1)
    reached, bad = dice.random((STEPS, 400)), (dice.random(400) < 0.2).astype(np.float64)
    assert np.abs(fit(reached, bad, 1e6, 3.0) - before()).max() < 0.1


@pytest.mark.parametrize(
    ("cases", "says"),
    [
        ([replace(case, bad=1) for case in made_up(80)], "turned out bad"),
        ([replace(case, bad=0) for case in made_up(80)], "turned out good"),
        (made_up(40), "too few"),
        ([replace(case, bad=int(at < 3)) for at, case in enumerate(made_up(80))], "too few"),
        ([], "too few"),
    ],
)
def test_too_little_to_learn_from_is_refused(cases: list[Case], says: str) -> None:
    with pytest.raises(Unusable, match=says):
        calibrated(cases, V3)
