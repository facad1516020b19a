"""The life of a set: draft → shadow → A/B → live → retired. Every step is one transaction and one line of the log."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any
from uuid import UUID

from django.db import transaction

from bh_sdk.errors import Refused, SecondPersonNeeded
from bh_sdk.events import ParametersPromoted
from bh_sdk.server.api.strict import read_json
from bh_sdk.server.events import record
from bh_sdk.server.ops import clock
from trust_svc.scoring import commands as scoring
from trust_svc.scoring import parameters
from trust_svc.scoring.engine import Params
from trust_svc.versions import queries
from trust_svc.versions.errors import (
    DryRunMissing,
    NoProposal,
    NothingBefore,
    ParametersInvalid,
    ProposalOpen,
    ProposalStale,
    SameNumbers,
    SetNotThere,
    TrialRunning,
)
from trust_svc.versions.models import Change, Proposal, Trial, Version
from trust_svc.versions.rules import DRAFT, LIVE, RETIRED, ROLLED_BACK, SHADOW, TRIAL, may_become

# Whichever set it is: facts of one subject stay in order.
_SET = UUID("7b1d8f30-0000-5000-8000-000000000000")
_WANTED = {"promotion": "promotion", "trial": "experiment"}


@transaction.atomic
def draft_from_text(*, text: str, note: str, by: str) -> int:
    """Make a draft of a JSON text; names that it leaves out keep the live set's numbers. Returns the version.

    Raises ParametersInvalid, saying what is wrong; SameNumbers.
    """
    return _draft(read_text(text), Version.Origin.PASTED, note, by)


def read_text(text: str) -> Params:
    """The numbers of a JSON text over the live set's. Raises ParametersInvalid."""
    live = _data(parameters.live_version())
    try:
        # As bounded as what comes over the wire: a text of brackets alone is deeper than Python reads.
        given = read_json(text.encode("utf-8", "surrogatepass"))
    except Refused as refusal:
        raise _invalid(_unread(refusal)) from None
    if not isinstance(given, dict):
        raise _invalid("This is not a JSON object of names and numbers")
    return _parsed(live | given)


def _unread(refusal: Refused) -> str:
    """Why a text is no document, and where, when that is known."""
    error, said = refusal.__cause__, refusal.detail.replace("The body", "The text")
    if isinstance(error, json.JSONDecodeError):
        return f"{said}: {error.msg} in line {error.lineno}, column {error.colno}"
    return "; ".join([said, *(f"{each['pointer']}: {each['message']}" for each in refusal.facts.get("errors", ()))])


@transaction.atomic
def draft_from_copy(*, version: int, changes: Mapping[str, Any], note: str, by: str) -> int:
    """Copy a set and change some numbers: `{"weights.2": 0.2, "identity_cap": 65}`. Returns the version.

    Raises ParametersInvalid for unknown names and numbers that the engine cannot work with; SameNumbers.
    """
    data = _data(version)
    for name, value in changes.items():
        head, _, place = name.partition(".")
        if head not in data or head == "version":
            raise _invalid(f"There is no number called {name}")
        if isinstance(data[head], list):
            if not place.isdigit() or int(place) >= len(data[head]):
                raise _invalid(
                    f"{head} has {len(data[head])} numbers: name one, {head}.0 to {head}.{len(data[head]) - 1}"
                )
            data[head][int(place)] = value
        else:
            data[head] = value
    return _draft(_parsed(data), Version.Origin.COPIED, note, by, made_from=version)


@transaction.atomic
def draft_from_calibration(*, params: Params, report: Mapping[str, Any], made_from: int, note: str, by: str) -> int:
    """Keep what a calibration found as a draft with its report. Returns the version. Raises SameNumbers."""
    return _draft(params, Version.Origin.CALIBRATED, note, by, made_from=made_from, calibration=dict(report))


@transaction.atomic
def shadow(*, version: int, note: str, by: str) -> None:
    """Calculate a draft beside the live set for everybody, shown to nobody. Raises SetNotThere."""
    move(version, SHADOW, "calculated in the shadow", note, by, only_from=DRAFT)
    scoring.mark_all()


@transaction.atomic
def retire(*, version: int, note: str, by: str) -> None:
    """Put a draft or shadow away. Raises SetNotThere; TrialRunning for one that is being tried out."""
    if parameters.lock(version) == TRIAL:
        raise TrialRunning()
    if (waiting := queries.open_proposal()) is not None and waiting.parameters_id == version:
        raise ProposalOpen()
    if parameters.facts_of(version).state == LIVE:
        raise SetNotThere("The live set retires when another one goes live", state=LIVE)
    move(version, RETIRED, "put away", note, by)


@transaction.atomic
def propose(*, version: int, note: str, by: str) -> Proposal:
    """Ask for a set to go live; somebody else decides.

    Raises SetNotThere, ProposalOpen, TrialRunning (another set's), DryRunMissing when nobody has looked what it would do.
    """
    state = parameters.lock(version)
    if state not in (SHADOW, TRIAL):
        raise SetNotThere("Only a shadow or a set that is tried out is promoted", state=state)
    _refuse_foreign_trial(version)
    live = ready(version)
    log(version, "promotion proposed", by, note)
    return Proposal.objects.create(
        parameters_id=version, replaces_id=live, note=note, proposed_by=by, proposed_at=clock.now()
    )


@transaction.atomic
def approve(*, version: int, note: str, by: str) -> None:
    """Let a proposed set go live, at once, for everybody; every score is calculated again.

    Raises NoProposal, SecondPersonNeeded for who proposed it, ProposalStale when another set went live meanwhile.
    """
    parameters.lock(version)
    live = agree(version, Proposal.Wants.PROMOTION, note, by).replaces_id
    _refuse_foreign_trial(version)
    _end_trial(Trial.State.PROMOTED, by)
    _go_live(version, live, "promoted", note, by, rolled_back=False)


@transaction.atomic
def decline(*, version: int, note: str, by: str) -> None:
    """Turn a proposal down; who proposed it may take it back so. Raises NoProposal."""
    parameters.lock(version)
    proposal = _waiting(version)
    _decide(proposal, Proposal.State.DECLINED, note, by)
    log(version, f"{_WANTED[proposal.wants]} declined", by, note)


@transaction.atomic
def roll_back(*, note: str, by: str) -> int:
    """Make the set that was live before live again: one person, at once. A running experiment ends. Returns its version.

    Raises NothingBefore.
    """
    live = parameters.live_version()
    parameters.lock(live)
    previous = queries.before(live)
    if previous is None:
        raise NothingBefore()
    trial = _end_trial(Trial.State.STOPPED, by)
    if trial is not None:
        move(trial.challenger_id, SHADOW, "experiment ended by a roll-back", note, by)
    _go_live(previous, live, ROLLED_BACK, note, by, rolled_back=True)
    return previous


def ready(version: int) -> int:
    """The live version that a set was laid beside, so that it may be proposed against it. Raises DryRunMissing, ProposalOpen."""
    live = parameters.live_version()
    if queries.newest_report(version, against=live) is None:
        raise DryRunMissing(f"Run version {version} dry against version {live} first")
    if queries.open_proposal() is not None:
        raise ProposalOpen()
    return live


def agree(version: int, wants: str, note: str, by: str) -> Proposal:
    """Agree to what somebody else proposed, in the caller's transaction, which does it. Raises NoProposal,
    SecondPersonNeeded, ProposalStale."""
    proposal = _waiting(version)
    if proposal.wants != wants:
        raise NoProposal()
    if proposal.proposed_by == by:
        raise SecondPersonNeeded(f"You proposed this {_WANTED[wants]}: another analyst decides")
    live = parameters.live_version()
    if proposal.replaces_id != live:
        raise ProposalStale(f"Version {live} went live since this was proposed")
    _decide(proposal, Proposal.State.APPROVED, note, by)
    return proposal


def log(
    version: int, did: str, by: str, note: str = "", *, from_state: str | None = None, to_state: str | None = None
) -> None:
    """Add a line to the log of a set, in the caller's transaction."""
    Change.objects.create(
        parameters_id=version,
        did=did,
        from_state=from_state,
        to_state=to_state,
        actor=by,
        note=note,
        at=clock.now(),
    )


def _draft(
    params: Params, origin: str, note: str, by: str, *, made_from: int | None = None, calibration: Any = None
) -> int:
    twin = parameters.same_numbers(params)
    if twin is not None:
        raise SameNumbers(f"Version {twin} has exactly these numbers", version=twin)
    version = parameters.keep_draft(params)
    Version.objects.create(
        parameters_id=version,
        origin=origin,
        made_from=made_from,
        note=note,
        made_by=by,
        made_at=clock.now(),
        calibration=calibration,
    )
    log(version, "drafted", by, note, to_state=DRAFT)
    return version


def _data(version: int) -> dict[str, Any]:
    """Every number of a set by name, as JSON would hold it."""
    data: dict[str, Any] = json.loads(json.dumps(asdict(parameters.params_of(version))))
    return data


def _parsed(data: dict[str, Any]) -> Params:
    for name, value in data.items():
        if any(isinstance(each, bool) or not isinstance(each, int | float) for each in _each(value)):
            raise _invalid(f"{name} holds something that is not a number")
    try:
        return replace(Params.parse(json.dumps(data)), version=0)
    except (ValueError, TypeError, OverflowError) as error:
        raise _invalid(str(error)) from None


def _each(value: object) -> list[object]:
    """The numbers inside a number or a list, however deep."""
    return [leaf for each in value for leaf in _each(each)] if isinstance(value, list) else [value]


def _invalid(message: str) -> ParametersInvalid:
    return ParametersInvalid(message, errors=[{"pointer": "#/text", "message": message}])


def move(version: int, state: str, did: str, note: str, by: str, *, only_from: str | None = None) -> None:
    """Move a set and log it, in the caller's transaction. Raises SetNotThere."""
    before = parameters.lock(version)
    if not may_become(before, state) or only_from not in (None, before):
        raise SetNotThere(f"Version {version} is {before} and cannot be {did}", state=before)
    log(version, did, by, note, from_state=before, to_state=state)
    parameters.set_state(version, state)


def _go_live(version: int, live: int, did: str, note: str, by: str, *, rolled_back: bool) -> None:
    move(live, RETIRED, f"replaced by version {version}", note, by)
    move(version, LIVE, did, note, by)
    found = parameters.facts_of(version)
    record(
        ParametersPromoted(version=version, digest=found.digest, previous_version=live, rolled_back=rolled_back),
        subject=_SET,
        actor=by,
    )
    scoring.mark_all()


def _waiting(version: int) -> Proposal:
    found = Proposal.objects.select_for_update().filter(parameters_id=version, state=Proposal.State.OPEN).first()
    if found is None:
        raise NoProposal()
    return found


def _decide(proposal: Proposal, state: str, note: str, by: str) -> None:
    proposal.state, proposal.decided_by, proposal.decided_note, proposal.decided_at = state, by, note, clock.now()
    proposal.save(update_fields=["state", "decided_by", "decided_note", "decided_at"])


def _refuse_foreign_trial(version: int) -> None:
    trial = queries.running_trial()
    if trial is not None and trial.challenger_id != version:
        raise TrialRunning(f"Version {trial.challenger_id} is being tried out: stop the experiment first")


def _end_trial(state: str, by: str) -> Trial | None:
    trial = Trial.objects.select_for_update().filter(state=Trial.State.RUNNING).first()
    if trial is not None:
        trial.state, trial.ended_by, trial.ended_at = state, by, clock.now()
        trial.save(update_fields=["state", "ended_by", "ended_at"])
    return trial
