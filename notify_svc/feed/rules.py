"""Pure rules of the feed: what stands in it, and what several entries are called together."""

from __future__ import annotations

import hashlib

# An entry that stands in its reader's feed; the same in SQL, where `now` is given.
IN_FEED = "shown_at <= %(now)s AND deleted_at IS NULL AND canceled_at IS NULL AND NOT test"

# An entry as its reader gets it, in the row's own columns.
ENTRY = """json_build_object(
            'id', entry.id, 'type', entry.type, 'title', entry.title, 'body', entry.body, 'data', entry.data,
            'action_url', nullif(entry.action_url, ''), 'created_at', entry.shown_at, 'seen_at', entry.seen_at,
            'read_at', entry.read_at, 'archived_at', entry.archived_at, 'category', entry.category,
            'group', nullif(entry."group", '')
        )"""

# Of so many entries after a cursor, one page of groups is made; a group that goes on behind them goes on on the next page.
GROUPED_OF = 500
# So many names stand for all people of a group.
NAMES = 3
# The field of an entry's data that says who it is about.
NAMED_BY = "donor_name"

# How long somebody has to open the stream for which a ticket was given out.
TICKET_SECONDS = 30

# Several entries in one line, by type and language: of several people, and of one.
_SUMMARIES = {
    "gift.received": {
        "en": ("{people} people gave to {about}", "{count} gifts to {about}"),
        "es": ("{people} personas donaron a {about}", "{count} donaciones para {about}"),
        "fr": ("{people} personnes ont donné à {about}", "{count} dons pour {about}"),
        "ar": ("عدد المتبرعين لـ {about}: {people}", "عدد التبرعات لـ {about}: {count}"),
    },
}


def summary(type: str, *, locale: str, count: int, people: int, about: str, title: str) -> str:
    """One line for `count` entries by `people` people about a campaign; the newest one's title where there is no other."""
    lines = _SUMMARIES.get(type)
    if lines is None or not about:
        return title
    of_many, of_one = lines.get(locale[:2], lines["en"])
    # Titles hold braces as they please: they are put in, never read as a form.
    return (of_many if people > 1 else of_one).format(people=people, count=count, about=about)


def digest_of(ticket: str) -> bytes:
    """What is kept of a ticket."""
    return hashlib.sha256(ticket.encode()).digest()
