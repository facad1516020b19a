"""Parameter sets as other rooms meet them: read, drafted, and moved along their life. `versions` decides on the moves."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from django.db.models import Max

from bh_sdk.errors import NotFound
from trust_svc.scoring import queries
from trust_svc.scoring.engine import Params
from trust_svc.scoring.models import ParameterSet

_IN_PLAY = ("live", "shadow", "trial")


class SetFacts(NamedTuple):
    """A parameter set as it is now."""

    version: int
    state: str
    digest: str
    body: str
    created_at: datetime


def all_sets() -> list[SetFacts]:
    """Every set, newest first."""
    return [SetFacts(*row) for row in ParameterSet.objects.order_by("-version").values_list(*SetFacts._fields)]


def facts_of(version: int) -> SetFacts:
    """Raises NotFound."""
    row = ParameterSet.objects.filter(version=version).values_list(*SetFacts._fields).first()
    if row is None:
        raise NotFound("There is no such parameter set")
    return SetFacts(*row)


def params_of(version: int) -> Params:
    """The numbers of a set. Raises NotFound; RuntimeError when the stored text is not what its digest says."""
    found = facts_of(version)
    return queries.parsed(found.body, found.digest)


def in_play() -> dict[int, tuple[str, Params]]:
    """State and numbers of the sets that are calculated: the live one, shadows and what is tried out."""
    rows = ParameterSet.objects.filter(state__in=_IN_PLAY).order_by("version")
    return {row.version: (row.state, queries.parsed(row.body, row.digest)) for row in rows}


def lock(version: int) -> str:
    """The state of a set, held until the end of the transaction. The live set is locked first by whoever changes any."""
    list(ParameterSet.objects.select_for_update().filter(state=ParameterSet.State.LIVE))
    row = ParameterSet.objects.select_for_update().filter(version=version).first()
    if row is None:
        raise NotFound("There is no such parameter set")
    return row.state


def live_version() -> int:
    return ParameterSet.objects.values_list("version", flat=True).get(state=ParameterSet.State.LIVE)


def same_numbers(params: Params) -> int | None:
    """The version of a set that is not retired and has exactly these numbers."""
    for row in ParameterSet.objects.exclude(state=ParameterSet.State.RETIRED).order_by("version"):
        if replace(queries.parsed(row.body, row.digest), version=params.version) == params:
            return row.version
    return None


def keep_draft(params: Params) -> int:
    """Keep these numbers as the next version, a draft."""
    lock(live_version())
    newest = ParameterSet.objects.aggregate(newest=Max("version"))["newest"]
    kept = replace(params, version=newest + 1)
    ParameterSet.objects.create(
        version=kept.version, digest=kept.digest, body=kept.canonical(), state=ParameterSet.State.DRAFT
    )
    return kept.version


def set_state(version: int, state: str) -> None:
    """Move a locked set. The database refuses what its life does not know."""
    ParameterSet.objects.filter(version=version).update(state=state)
