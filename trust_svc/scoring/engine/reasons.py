"""Why a score is not higher, in words: the largest exact shortfalls, each with what would help."""

from __future__ import annotations

from dataclasses import dataclass

from trust_svc.scoring.engine.kernel import FULL, Scores, cap_units, points
from trust_svc.scoring.engine.params import FACTORS, IDENTITY, ITEMS, Params

MOST = 4  # more reasons than four help nobody
LEAST = 1.0  # points; smaller shortfalls are noise

# code: (what is so, what would help)
TEXTS: dict[str, tuple[str, str]] = {
    "C1": ("Some of what was promised is not delivered yet", "Deliver what was promised; show progress and milestones"),
    "C2": ("There is little record of delivered campaigns yet", "A first delivered campaign or milestone counts most"),
    "U1": ("The last update is long ago", "Post an update"),
    "U2": ("Updates come irregularly", "Post an update in every period; several at once count as one"),
    "E1": ("Few independent people have given so far", "More people who give independently of each other"),
    "E2": ("Many gifts seem to come from few hands", "Gifts from people who are independent of each other"),
    "E3": ("Questions wait too long for an answer", "Answer questions within three days"),
    "V1": ("The email address is not verified", "Verify the email address"),
    "V2": ("The phone number is not verified", "Verify the phone number"),
    "V3": ("The identity is not verified", "Verify the identity"),
    "V4": ("The bank account is not verified", "Verify the bank account"),
    "V5": ("No entry in a public register is verified", "Have the registration verified"),
    "V6": ("The beneficiary is not verified", "Have the beneficiary verified"),
    "V7": ("There is no endorsement yet", "Ask a church or organisation that we know for an endorsement"),
    "V8": ("The address is not verified", "Verify the address"),
    "H1": ("Gifts had to be returned or were disputed", "Gifts that stay undisputed let this fade within months"),
    "H2": ("The record is still short", "Time: a longer record without trouble"),
    "H3": ("There are reports that wait for review", "The review decides; unreviewed reports count for little"),
    "H4": ("A report was upheld", "Time without further trouble; a decision can be appealed"),
    "K1": ("Without a verified identity the score is capped", "Verify the identity"),
    "K2": ("An upheld report caps the score", "Time without further trouble; a decision can be appealed"),
    "K3": ("A hold caps the score while it is looked into", "The review ends the hold; a decision can be appealed"),
}


@dataclass(frozen=True, slots=True)
class Reason:
    """`points` is what the factor (or the cap) costs at present, exact in 1/1024 points."""

    code: str
    factor: str
    points: float

    @property
    def text(self) -> str:
        return TEXTS[self.code][0]

    @property
    def helps(self) -> str:
        return TEXTS[self.code][1]


def reasons(scores: Scores, at: int, params: Params) -> list[Reason]:
    """The up to four reasons of entity `at`, the cap first, then the largest shortfalls above one point."""
    found = []
    if scores.cap_adjustment[at] < 0:
        found.append(Reason(_cap_code(scores, at, params), "cap", points(-scores.cap_adjustment[at])))
    missing = [
        (points(round(float(scores.weights[index, at]) * FULL) - scores.contributions[index, at]), index)
        for index in range(len(FACTORS))
    ]
    for short, index in sorted(missing, key=lambda pair: (-pair[0], pair[1])):
        if short > LEAST:
            found.append(Reason(_code(scores, at, FACTORS[index], params), FACTORS[index], short))
    return found[:MOST]


def _cap_code(scores: Scores, at: int, params: Params) -> str:
    """Which of the caps is the lowest; a hold comes first, because it says the most."""
    cap = int(scores.cap[at])
    if scores.held[at] and cap == cap_units(params.hold_cap):
        return "K3"
    identified = (int(scores.items[at]) >> IDENTITY) & 1
    return "K1" if not identified and cap == cap_units(params.identity_cap) else "K2"


def _code(scores: Scores, at: int, factor: str, params: Params) -> str:
    """The factor's worst term."""
    terms = scores.terms
    if factor == "completion":
        return "C2" if terms.record[at] < 1.0 else "C1"
    if factor == "updates":
        return "U1" if terms.fresh[at] < terms.regular[at] else "U2"
    if factor == "verification":
        lacking = [index for index in range(len(ITEMS)) if not (int(scores.items[at]) >> index) & 1]
        return f"V{1 + max(lacking, key=lambda index: (params.items[index], -index))}"
    if factor == "engagement":
        worst = {"E1": terms.reach[at], "E2": terms.independent[at], "E3": terms.response[at]}
    else:
        worst = {"H4": terms.unblamed[at], "H1": terms.clean[at], "H2": terms.tenure[at], "H3": terms.unreported[at]}
    return min(worst, key=lambda code: float(worst[code]))
