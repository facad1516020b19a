"""Reading the life of sets, and what the pipeline asks: which sets are calculated, and which counts for whom."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from bh_sdk.server.access.models import Staff
from trust_svc.scoring import parameters
from trust_svc.scoring.engine import Params
from trust_svc.versions.models import Calibration, Change, DryRun, DryRunReport, Proposal, Trial
from trust_svc.versions.rules import LIVE, RETIRED, ROLLED_BACK, Standing, Trialled


@dataclass(frozen=True, slots=True)
class InPlay:
    """The sets that are calculated for everybody, and which of them is shown to whom."""

    sets: Mapping[int, Params]
    standing: Standing

    @property
    def live(self) -> int:
        return self.standing.live

    def counts_for(self, organiser: UUID | None) -> int:
        """The version that this organiser, and campaigns of this organiser, are shown."""
        return self.standing.counts_for(organiser)


def in_play() -> InPlay:
    """What is calculated now: the live set, every shadow, and what is tried out."""
    found = parameters.in_play()
    live = next(version for version, (state, _) in found.items() if state == LIVE)
    trial = running_trial() if len(found) > 1 else None
    trialled = Trialled(trial.challenger_id, trial.seed, trial.share) if trial else None
    return InPlay(
        sets={version: params for version, (_, params) in found.items()},
        standing=Standing(live, tuple(found), trialled),
    )


def running_trial() -> Trial | None:
    return Trial.objects.filter(state=Trial.State.RUNNING).first()


def open_proposal() -> Proposal | None:
    return Proposal.objects.filter(state=Proposal.State.OPEN).first()


def names(people: Iterable[str]) -> dict[str, str]:
    """How staff are called, by their `sub`; who is not staff is absent."""
    subs = {person for person in people if _is_sub(person)}
    return {str(one.sub): str(one) for one in Staff.objects.filter(sub__in=subs)}


def _is_sub(person: str) -> bool:
    try:
        UUID(person)
    except ValueError:
        return False
    return True


def running_dry_runs() -> int:
    return DryRun.objects.filter(state__in=("waiting", "running")).count()


def newest_calibration(version: int) -> Calibration | None:
    """The last fit that began with the numbers of a set."""
    return Calibration.objects.filter(base_id=version).first()


def trials_of(version: int) -> list[Trial]:
    """The experiments with a set as the challenger, newest first."""
    return list(Trial.objects.filter(challenger_id=version))


def changes_of(version: int) -> list[Change]:
    """The log of a set, newest first."""
    return list(Change.objects.filter(parameters_id=version))


def newest_dry_run(version: int) -> DryRun | None:
    return DryRun.objects.filter(parameters_id=version).first()


def newest_report(version: int, *, against: int | None = None) -> DryRunReport | None:
    """What the last finished dry run of a set found; with `against`, only one that laid it beside that set."""
    found = DryRunReport.objects.filter(parameters_id=version).select_related("run")
    return (found if against is None else found.filter(against_id=against)).first()


def before(version: int) -> int | None:
    """Which set was live when this one was promoted (and not: rolled back to)."""
    of_it = Change.objects.filter(parameters_id=version, to_state=LIVE).exclude(did=ROLLED_BACK)
    promoted = of_it.order_by("-id").values_list("id", flat=True).first()
    if promoted is None:
        return None
    went = Change.objects.filter(id__lt=promoted, from_state=LIVE, to_state=RETIRED).order_by("-id")
    return went.values_list("parameters_id", flat=True).first()


def diff(version: int, against: int) -> dict[str, tuple[Any, Any]]:
    """The numbers in which two sets differ: name → (theirs, ours)."""
    ours, theirs = numbers(version), numbers(against)
    names = sorted(ours.keys() | theirs.keys())
    return {name: (theirs.get(name), ours.get(name)) for name in names if ours.get(name) != theirs.get(name)}


def numbers(version: int) -> dict[str, Any]:
    """Every number of a set by name, lists one by one (`weights.2`), without the version."""
    return flat(parameters.params_of(version))


def flat(params: Params) -> dict[str, Any]:
    """The numbers of `params` by name, lists one by one."""
    found: dict[str, Any] = {}
    for name in params.__dataclass_fields__:
        value = getattr(params, name)
        if name == "version":
            continue
        if isinstance(value, tuple):
            found |= {f"{name}.{place}": each for place, each in enumerate(value)}
        else:
            found[name] = value
    return found
