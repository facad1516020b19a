"""Pure rules of broadcasts: which way one goes until it is sent, what may be broadcast, and who may approve it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from uuid import UUID

from notify_svc.wording.rules import STOPPABLE, Variable

# draft: is being written. asked: stands as it is until a second person decides. approved: its mailing has the word from
# here on. dropped: never went.
STATES = ("draft", "asked", "approved", "dropped")
# Forward, but for what is sent back to be written anew. The database repeats this table.
MOVES: frozenset[tuple[str, str]] = frozenset(
    {("draft", "asked"), ("draft", "dropped"), ("asked", "draft"), ("asked", "approved"), ("asked", "dropped")}
)
# The steps that are written down for good. Whoever took one of WRITING is no second person.
WRITING = ("composed", "written", "addressed", "timed", "asked")
STEPS = (*WRITING, "sent_back", "dropped", "approved", "paused", "resumed", "stopped")
AUDIENCES = ("donors", "followers", "consented", "listed")
ABOUT_CAMPAIGN = ("donors", "followers")
# What everybody has to be told may be broadcast only in these words.
NOTICES = frozenset({"broadcast.notice", "maintenance"})
# A digest is made of what was told before.
_MADE = "digest."
LARGEST_LIST = 50_000
SLOWEST, FASTEST = 1, 60_000
# What nobody can fill in by hand.
_BY_MACHINE = frozenset({"groups"})


def offered(type: str, category: str, variables: Iterable[Variable]) -> bool:
    """Whether a type of message is one for broadcasts: people can stop it, or it is a notice, and staff can fill it in."""
    welcome = (category in STOPPABLE and not type.startswith(_MADE)) or type in NOTICES
    return welcome and not any(one.kind in _BY_MACHINE for one in variables if one.required)


def may_move(before: str, after: str) -> bool:
    return (before, after) in MOVES


def second_person(by: str, writers: Collection[str]) -> bool:
    """Whether somebody may approve: whoever wrote any of it may not."""
    return bool(by) and by not in writers


def listed(text: str) -> tuple[list[UUID], list[str]]:
    """The ids in a pasted or uploaded text, each once in its order, and the words in it that are none."""
    found: dict[UUID, None] = {}
    wrong: list[str] = []
    for word in text.replace(",", " ").replace(";", " ").split():
        bare = word.strip("\"'\ufeff")
        if len(bare) != 36:
            wrong.append(word)
            continue
        try:
            found[UUID(bare)] = None
        except ValueError:
            wrong.append(word)
    return list(found), wrong
