"""What a mail's HTML may not hold: programs, forms, frames, foreign styles, and links to anything but pages and mail
addresses."""

from __future__ import annotations

import re
from html.parser import HTMLParser

_FORBIDDEN = frozenset(
    [
        "script",
        "iframe",
        "frame",
        "frameset",
        "object",
        "embed",
        "applet",
        "form",
        "input",
        "button",
        "textarea",
        "select",
        "base",
        "link",
        "svg",
        "math",
        "template",
    ]
)
_LINKS = frozenset({"href", "src", "action", "formaction", "background", "poster", "xlink:href", "srcset"})
_SCHEMES = ("https://", "http://", "mailto:", "tel:", "#")
# What a mail says of itself; `refresh` would lead its reader away.
_META_ALLOWED = frozenset({"content-type", "x-ua-compatible"})
_FOREIGN_STYLE = re.compile(
    r"@import|expression\s*\(|javascript:|-moz-binding|behavior\s*:|url\(\s*[\"']?\s*(?!https://|data:image/)", re.I
)


# The inliner walks down a page by its own stack, which ends long before a page does, and its process with it. A page is never
# deeper than it has elements.
MOST_ELEMENTS = 1_200
_ELEMENT = re.compile(r"<[a-z]", re.IGNORECASE)


def _orders(attrs: list[tuple[str, str | None]]) -> set[str]:
    return {(value or "").strip().lower() for name, value in attrs if name == "http-equiv"}


class _Lint(HTMLParser):
    def __init__(self, *, links: bool, turned_by: str) -> None:
        super().__init__(convert_charrefs=True)
        self._links = _LINKS if links else frozenset[str]()
        self._turned_by = turned_by
        self.found: list[str] = []
        self._styled = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._styled = tag == "style"
        if tag in _FORBIDDEN or (tag == "meta" and not _META_ALLOWED.issuperset(_orders(attrs))):
            self.found.append(f"<{tag}> is not allowed in a mail")
        for name, value in attrs:
            if name.startswith("on"):
                self.found.append(f"the attribute {name} is not allowed in a mail")
            elif name in self._links and not (value or "").strip().lower().startswith(_SCHEMES):
                self.found.append(f"a link must lead to a page or a mail address: {tag} {name}")
            elif name in self._links and self._turned_by and turned(value or "", by=self._turned_by):
                self.found.append(f"a text that is sent decides whose page this leads to: {tag} {name}")
            elif name == "style" and self._turned_by and self._turned_by in (value or ""):
                self.found.append("a text that is sent may not be a style")
            elif name == "style" and _FOREIGN_STYLE.search(value or ""):
                self.found.append("a style must not load or run anything")

    def handle_endtag(self, tag: str) -> None:
        self._styled = self._styled and tag != "style"

    def handle_data(self, data: str) -> None:
        if self._styled and _FOREIGN_STYLE.search(data):
            self.found.append("a style must not load or run anything")

    handle_startendtag = handle_starttag


def turned(link: str, *, by: str) -> bool:
    """Whether a text stands in the part of a link that says whose page it is."""
    return by in re.split(r"[/?#\\]", link.strip().partition("//")[2], maxsplit=1)[0]


def too_many(html: str) -> bool:
    """Whether a page has more elements than may be worked on. In pages with fewer nothing is nested too deep."""
    return len(_ELEMENT.findall(html)) > MOST_ELEMENTS


def unsafe(html: str, *, filled: bool = True, turned_by: str = "") -> list[str]:
    """What is wrong with this HTML; empty when nothing is. Where links lead can be seen only once they are `filled`.

    `turned_by` is the text that stands for whatever a stranger may write: no link's host may hold it.
    """
    lint = _Lint(links=filled, turned_by=turned_by)
    lint.feed(html)
    lint.close()
    return list(dict.fromkeys(lint.found))
