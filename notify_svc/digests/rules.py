"""Pure rules of digests: how a window can end, and how its items stand in the mail."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

# sent: a mail was made. empty: everything had been read in the app, or was no news any more. dropped: they want none.
OUTCOMES = ("sent", "empty", "dropped")
# More nobody reads in a mail; the rest is counted, and is in the app.
MOST_SHOWN = 40
_MOST_IN_GROUP = 12
_BODY = 200


@dataclass(frozen=True, slots=True)
class Told:
    """One item, finished to be shown. Items of one `group` stand together."""

    group: str
    title: str
    body: str = ""
    url: str = ""


def type_of(category: str) -> str:
    """The type of message that a digest of a category is."""
    return f"digest.{category}"


def arranged(items: Iterable[Told]) -> dict[str, Any]:
    """The items as the template takes them: `groups` of {title, entries} in order of their first item, and how many `more`."""
    groups: dict[str, list[dict[str, str]]] = {}
    shown = total = 0
    for item in items:
        total += 1
        entries = groups.setdefault(item.group, []) if item.group in groups or shown < MOST_SHOWN else []
        if shown < MOST_SHOWN and len(entries) < _MOST_IN_GROUP:
            entries.append({"title": item.title, "body": _short(item.body), "url": item.url})
            shown += 1
    return {
        "groups": [{"title": title, "entries": entries} for title, entries in groups.items() if entries],
        "more": total - shown,
    }


def _short(body: str) -> str:
    return body if len(body) <= _BODY else f"{body[: _BODY - 1].rstrip()}…"
