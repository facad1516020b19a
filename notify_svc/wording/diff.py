"""What two editions say differently, field by field and line by line."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from notify_svc.wording.rules import Variable

AROUND = 2


@dataclass(frozen=True, slots=True)
class Line:
    """One line: the same in both, only in the one before, only in the one after, or a gap of equal lines left out."""

    kind: Literal["same", "removed", "added", "gap"]
    text: str


@dataclass(frozen=True, slots=True)
class Change:
    """A field that is not the same in both."""

    field: str
    lines: tuple[Line, ...]


def declaration(variables: Sequence[Variable]) -> str:
    """A declaration as lines that can be compared."""
    return "\n".join(
        f"{one.name}: {one.kind}, {'required' if one.required else 'optional'}"
        f"{'' if one.sent else ', added by us'}, such as {json.dumps(one.sample, ensure_ascii=False)}"
        for one in sorted(variables, key=lambda one: one.name)
    )


def compare(before: Mapping[str, str], after: Mapping[str, str]) -> list[Change]:
    """The fields that differ, in the order of `after`."""
    return [
        Change(field, tuple(_lines(before.get(field, "").splitlines(), words.splitlines())))
        for field, words in after.items()
        if before.get(field, "").splitlines() != words.splitlines()
    ]


def _lines(before: list[str], after: list[str]) -> list[Line]:
    found: list[Line] = []
    for group in difflib.SequenceMatcher(a=before, b=after, autojunk=False).get_grouped_opcodes(AROUND):
        if found:
            found.append(Line("gap", "…"))
        for tag, first, last, start, end in group:
            if tag == "equal":
                found += [Line("same", text) for text in before[first:last]]
                continue
            found += [Line("removed", text) for text in before[first:last]]
            found += [Line("added", text) for text in after[start:end]]
    return found


def worded(row: Any, fields: Sequence[str]) -> dict[str, str]:
    """The fields of an edition, ready to be compared."""
    return {field: str(getattr(row, field)) for field in fields}
