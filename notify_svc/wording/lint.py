"""What a mail's HTML may not hold: programs, forms, frames, and links to anything but pages and mail addresses."""

from __future__ import annotations

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


class _Lint(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _FORBIDDEN or (tag == "meta" and any(name == "http-equiv" for name, _ in attrs)):
            self.found.append(f"<{tag}> is not allowed in a mail")
        for name, value in attrs:
            if name.startswith("on"):
                self.found.append(f"the attribute {name} is not allowed in a mail")
            elif name in _LINKS and not (value or "").strip().lower().startswith(_SCHEMES):
                self.found.append(f"a link must lead to a page or a mail address: {tag} {name}")

    handle_startendtag = handle_starttag


def unsafe(html: str) -> list[str]:
    """What is wrong with this rendered HTML; empty when nothing is."""
    lint = _Lint()
    lint.feed(html)
    lint.close()
    return list(dict.fromkeys(lint.found))
