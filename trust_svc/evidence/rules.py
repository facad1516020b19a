"""What each type of fact is about and may say: the evidence contract, as types. Pure."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints, ValidationError

from bh_sdk.wire.base import Amount, Ask, CurrencyCode, Id, Line, Time

# A sender's clock may run ahead, but not by more.
AHEAD = timedelta(hours=24)

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0, le=1_000_000)]
# Ids of things that only the sender knows (a question, a milestone): any short line.
Key = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,99}$")]
Word = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_. &/-]{0,63}$")]
Item = Literal["email", "phone", "identity", "bank", "registry", "beneficiary", "endorsement", "address"]


def _sum(text: str) -> str:
    if not re.fullmatch(r"[0-9]{1,15}(\.[0-9]{1,8})?", text):
        raise ValueError("an amount is a number like 25.00, never negative")
    return text


# No score reads how much was given; what is no sum of money at all is refused all the same.
Sum = Annotated[Amount, AfterValidator(_sum)]


class Nothing(Ask):
    """Facts that say all there is by having happened."""


class Granted(Ask):
    item: Item
    expires_at: Time | None = None


class Revoked(Granted):
    """An expiry on a revocation says nothing, but the contract allows it."""


class Created(Ask):
    owner_id: Id
    category: Word | None = None
    need_type: Literal["EMERGENCY", "COMMUNITY_LONG_TERM"] | None = None
    currency: CurrencyCode | None = None
    goal: Sum | None = None
    ends_at: Time | None = None


class Progress(Ask):
    progress: Share
    elapsed: Share | None = None


class UpdatePosted(Ask):
    update_id: Key | None = None


class Question(Ask):
    question_id: Key


class Milestone(Ask):
    milestone_id: Key
    kept: bool


class Ended(Ask):
    delivered: bool
    reason: Line | None = None


class Gift(Ask):
    payment_id: Key
    donor_id: Id | None = None
    amount: Sum
    currency: CurrencyCode
    cluster: Key | None = None
    donor_standing: Share | None = None


class Refund(Ask):
    payment_id: Key
    for_cause: bool
    refund_id: Key | None = None


class RefundReversed(Ask):
    """What was refunded did not reach the donor: the gift is a gift again, and the refund's cause is no cause."""

    payment_id: Key
    refund_id: Key


class Dispute(Ask):
    payment_id: Key
    stage: Literal["early_warning", "opened", "won", "lost"]


class Filed(Ask):
    report_id: Key
    kind: Literal["fraud", "spam", "inappropriate", "misleading", "other"]
    severity: Annotated[float, Field(ge=1, le=5, allow_inf_nan=False)] | None = None
    reporter_id: Id | None = None
    cluster: Key | None = None
    reporter_standing: Share | None = None
    reporter_upheld: Count | None = None
    reporter_dismissed: Count | None = None


class Decided(Ask):
    report_id: Key
    outcome: Literal["upheld", "dismissed"]


class CaseDecided(Ask):
    outcome: Literal["confirmed", "valuable", "false"]


class Held(Ask):
    hold_id: Id


class Imported(Ask):
    """A score of the old platform, 0-100."""

    score: Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]


BOTH = frozenset({"campaign", "user"})
CAMPAIGN = frozenset({"campaign"})
USER = frozenset({"user"})

CONTRACT: dict[str, tuple[frozenset[str], type[Ask]]] = {
    "user.joined": (USER, Nothing),
    "verification.granted": (BOTH, Granted),
    "verification.revoked": (BOTH, Revoked),
    "campaign.created": (CAMPAIGN, Created),
    "campaign.progress": (CAMPAIGN, Progress),
    "campaign.update_posted": (CAMPAIGN, UpdatePosted),
    "campaign.question_asked": (CAMPAIGN, Question),
    "campaign.question_answered": (CAMPAIGN, Question),
    "campaign.milestone": (CAMPAIGN, Milestone),
    "campaign.ended": (CAMPAIGN, Ended),
    "payment.succeeded": (CAMPAIGN, Gift),
    "payment.refunded": (CAMPAIGN, Refund),
    "payment.refund_reversed": (CAMPAIGN, RefundReversed),
    "payment.disputed": (CAMPAIGN, Dispute),
    "report.filed": (BOTH, Filed),
    "report.decided": (BOTH, Decided),
    "case.decided": (BOTH, CaseDecided),
}

# What only our own commands tell; no door takes these from outside.
HOUSE: dict[str, tuple[frozenset[str], type[Ask]]] = {
    "hold.placed": (BOTH, Held),
    "hold.lifted": (BOTH, Held),
    "score.imported": (USER, Imported),
}

# What other campaigns of the organiser inherit; a gift or an update is the campaign's own.
INHERITED = frozenset(
    {
        "user.joined",
        "verification.granted",
        "verification.revoked",
        "campaign.created",
        "campaign.ended",
        "campaign.milestone",
        "payment.refunded",
        "payment.refund_reversed",
        "payment.disputed",
        "report.filed",
        "report.decided",
        "case.decided",
        "hold.placed",
        "hold.lifted",
        "score.imported",
    }
)

# What cannot wait for the rest of a burst, whatever it says.
_URGENT = frozenset({"payment.disputed", "case.decided", "hold.placed", "hold.lifted"})


@dataclass(frozen=True, slots=True)
class NewFact:
    """A fact that was read and found good."""

    id: UUID
    type: str
    time: datetime
    kind: str
    subject_id: UUID
    data: dict[str, Any]

    @property
    def person_id(self) -> str | None:
        """The donor or reporter, if the fact names one."""
        field = {"payment.succeeded": "donor_id", "report.filed": "reporter_id"}.get(self.type)
        return self.data.get(field) if field else None

    @property
    def is_urgent(self) -> bool:
        """Whether the scores it moves are calculated at once: a dispute, an upheld report, a hold, an identity lost."""
        if self.type == "verification.revoked":
            return bool(self.data["item"] == "identity")
        if self.type == "report.decided":
            return bool(self.data["outcome"] == "upheld")
        return self.type in _URGENT


def problems(*, type: str, kind: str, time: datetime, data: dict[str, Any], now: datetime) -> list[dict[str, str]]:
    """What is wrong with a fact: `{pointer, message}` relative to the fact; empty when nothing is."""
    kinds, shape = CONTRACT[type]
    found = []
    if kind not in kinds:
        found.append({"pointer": "/subject/kind", "message": f"{type} is about a {' or '.join(sorted(kinds))}"})
    if time > now + AHEAD:
        found.append({"pointer": "/time", "message": "lies in the future"})
    try:
        shape.model_validate_json(_json(data))
    except ValidationError as error:
        for each in error.errors(include_url=False, include_input=False, include_context=False):
            path = "".join(f"/{part}" for part in each["loc"])
            found.append({"pointer": f"/data{path}", "message": each["msg"]})
    return found


def clean(type: str, data: dict[str, Any]) -> dict[str, Any]:
    """The data as it is kept: canonical ids and times, no nulls."""
    _, shape = (CONTRACT | HOUSE)[type]
    kept: dict[str, Any] = shape.model_validate_json(_json(data)).model_dump(mode="json", exclude_none=True)
    return kept


def _json(data: dict[str, Any]) -> bytes:
    # Strict types read JSON more kindly than Python objects: a time may be text, a share may be written 1.
    return json.dumps(data).encode()
