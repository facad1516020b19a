"""The text part of a mail, taken from its HTML: what is read aloud or shown where no HTML is."""

from __future__ import annotations

import re
from html.parser import HTMLParser

_APART = frozenset({"p", "div", "h1", "h2", "h3", "h4", "table", "tr", "ul", "ol", "li", "blockquote", "br", "hr"})
_UNSEEN = frozenset({"head", "style", "title"})
_NO_END = frozenset({"br", "hr", "img", "meta", "input", "col", "wbr", "area", "source"})
_SPACES = re.compile(r"[ \t\r\n\f]+")


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.said: list[str] = []
        self._unseen = 0
        self._links: list[tuple[str, int]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        hidden = (
            tag in _UNSEEN or "display:none" in given.get("style", "").replace(" ", "") or given.get("class") == "peek"
        )
        if tag not in _NO_END and (hidden or self._unseen):
            self._unseen += 1
            return
        if self._unseen:
            return
        if tag in _APART:
            self.said.append("\n" if tag in ("br", "li", "tr") else "\n\n")
        if tag == "li":
            self.said.append("- ")
        elif tag == "img" and given.get("alt"):
            self.said.append(f"[{given['alt']}]")
        elif tag == "a":
            self._links.append((given.get("href", ""), len(self.said)))

    def handle_endtag(self, tag: str) -> None:
        if tag in _NO_END:
            return
        if self._unseen:
            self._unseen -= 1
            return
        if tag == "a" and self._links:
            self._end_link()
        if tag in _APART:
            self.said.append("\n" if tag in ("li", "tr") else "\n\n")

    def _end_link(self) -> None:
        href, start = self._links.pop()
        words = "".join(self.said[start:]).strip()
        if href.startswith(("https://", "http://")) and href != words:
            self.said.append(f": {href}" if words else href)

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self.said.append(_SPACES.sub(" ", data))


def text_of(html: str) -> str:
    """The words of some HTML, with the address behind every link, paragraphs a blank line apart."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    lines = (line.strip() for line in "".join(reader.said).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
