"""The same words for many readers: written once, and then only what is a reader's own is exchanged.

News goes to thousands who differ by their name and their two links. Where a version only prints these, or asks whether
they are empty, the mail is rendered once with a mark in place of each, and every reader's mail comes of putting the own
values where the marks are. Wherever that could differ by one character from what `render` writes (a filter, a comparison,
a name that HTML would escape), `render` writes it.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from notify_svc.wording.rendering import NO_LINKS, Links, Rendered, Source, render

_TAGS = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
# Liquid's only two uses of a name that look at nothing but whether it is empty.
_HARMLESS = r'\{{\{{-?\s*{name}\s*-?\}}\}}|(?<![\w.-]){name}\s*[!=]=\s*""'
# Nothing in these is written otherwise in HTML, an address or plain text, and no line is broken in them.
_NAME = re.compile(r"(?:[^\W\d_]+(?:[ -][^\W\d_]+)*)?")
_LINK = re.compile(r"(?:https?://[A-Za-z0-9.:/_~-]+)?")
LONGEST_NAME = 60
# Where the renderer cuts a line.
_CUT = 400


@dataclass(frozen=True, slots=True)
class _Marked:
    """A mail with marks in it, and what they stand for."""

    words: Rendered
    name: str
    unsubscribe: str
    preferences: str

    def fill(self, name: str, links: Links) -> Rendered:
        words = self.words
        return replace(
            words,
            **{
                part: getattr(words, part)
                .replace(self.unsubscribe, links.unsubscribe)
                .replace(self.preferences, links.preferences)
                .replace(self.name, name)
                for part in ("subject", "html", "text")
            },
        )


class Series:
    """One version with one set of data, for a batch of readers."""

    def __init__(self, source: Source, data: Mapping[str, Any]) -> None:
        self._source = source
        self._data = data
        self._readers = 0
        # By which of the three values are there: templates may ask for that.
        self._marked: dict[tuple[bool, bool, bool], _Marked | None] = {}

    def render(self, *, recipient_name: str = "", links: Links = NO_LINKS) -> Rendered:
        """What `rendering.render` writes for this reader, to the letter. Raises TemplateInvalid."""
        self._readers += 1
        # One reader alone is not worth a mail with marks.
        if self._readers > 1 and _is_plain(recipient_name, links):
            there = (bool(recipient_name), bool(links.unsubscribe), bool(links.preferences))
            if there not in self._marked:
                self._marked[there] = self._mark(*there)
            if (marked := self._marked[there]) is not None:
                return marked.fill(recipient_name, links)
        return render(self._source, self._data, recipient_name=recipient_name, links=links)

    def _mark(self, named: bool, stoppable: bool, choosable: bool) -> _Marked | None:
        if self._source.channel != "email" or not _only_prints(self._source):
            return None
        # Nobody can guess a mark and write it into a message.
        name, stop, choose = (f"mark{secrets.token_hex(12)}" for _ in range(3))
        links = Links(f"https://{stop}" if stoppable else "", f"https://{choose}" if choosable else "")
        words = render(self._source, self._data, recipient_name=name if named else "", links=links)
        if len(words.subject) + words.subject.count(name) * LONGEST_NAME >= _CUT:
            return None
        return _Marked(words, name, f"https://{stop}", f"https://{choose}")


def _is_plain(name: str, links: Links) -> bool:
    return (
        len(name) <= LONGEST_NAME
        and _NAME.fullmatch(name) is not None
        and _LINK.fullmatch(links.unsubscribe) is not None
        and _LINK.fullmatch(links.preferences) is not None
    )


def _only_prints(source: Source) -> bool:
    """Whether a reader's own values, and what they are put into, are printed as they are wherever they are used."""
    own = {"recipient_name", "unsubscribe_url", "preferences_url"}
    inside = {"content"}
    for name, text in (("subject", source.subject), ("preheader", source.preheader)):
        if any(_mentions(text, one) for one in own):
            if name == "preheader":
                # It is cut, and what is cut may be half a mark.
                return False
            inside.add(name)
    return not any(_looks_at(text, one) for text in _texts(source) for one in own | inside)


def _texts(source: Source) -> Iterator[str]:
    yield from (source.subject, source.preheader, source.html, source.text, source.layout_html, source.layout_text)
    yield from source.blocks.values()


def _mentions(text: str, name: str) -> bool:
    return any(re.search(rf"\b{name}\b", tag) for tag in _TAGS.findall(text))


def _looks_at(text: str, name: str) -> bool:
    """Whether more is done with a name than to print it or to ask whether it is empty."""
    return _mentions(re.sub(_HARMLESS.format(name=name), "{{}}", text), name)
