"""Reading Handlebars, as much of it as the old platform used: values, `#if`, `#unless`, `#each`, helpers, partials, comments.

Nothing here fails: what cannot be read becomes a node that says so, so that one strange tag costs one line and no template.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_TAG = re.compile(r"\{\{\{.*?\}\}\}|\{\{~?!--.*?--~?\}\}|\{\{.*?\}\}", re.DOTALL)
_WORD = re.compile(r'"[^"]*"|\'[^\']*\'|[^\s"\']+')


@dataclass(frozen=True, slots=True)
class Text:
    text: str


@dataclass(frozen=True, slots=True)
class Value:
    """`{{words}}`: a path, or a helper and what it is given. `raw` values are not escaped."""

    words: tuple[str, ...]
    line: int
    raw: bool = False


@dataclass(frozen=True, slots=True)
class If:
    """`{{#if path}}`, with `negated` `{{#unless path}}`."""

    path: str
    line: int
    then: tuple[Node, ...]
    otherwise: tuple[Node, ...] = ()
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Each:
    path: str
    line: int
    body: tuple[Node, ...]
    otherwise: tuple[Node, ...] = ()


@dataclass(frozen=True, slots=True)
class Partial:
    name: str
    line: int


@dataclass(frozen=True, slots=True)
class Unknown:
    """What is not of this language, as it was written, and why."""

    source: str
    line: int
    why: str


Node = Text | Value | If | Each | Partial | Unknown


@dataclass(slots=True)
class _Token:
    text: str
    line: int
    # The words of a tag; None for text.
    words: tuple[str, ...] | None = None
    raw: bool = False


@dataclass(slots=True)
class _Reader:
    tokens: Sequence[_Token]
    at: int = 0

    def nodes(self, until: frozenset[str]) -> tuple[Node, ...]:
        """The nodes up to one of these tags, which stays to be read."""
        found: list[Node] = []
        while self.at < len(self.tokens):
            token = self.tokens[self.at]
            if token.words is not None and _head(token.words) in until:
                break
            self.at += 1
            if token.words is None:
                found.append(Text(token.text))
            elif token.words:
                found.append(self._tag(token))
        return tuple(found)

    def _tag(self, token: _Token) -> Node:
        words = token.words or ()
        head = words[0]
        if head.startswith("#"):
            return self._block(token, head[1:], words[1:])
        if head.startswith(">"):
            name = " ".join((head[1:], *words[1:])).split()
            if len(name) == 1 and not name[0].startswith(("(", '"')):
                return Partial(name[0], token.line)
            return Unknown(token.text, token.line, "a partial with parameters, or a dynamic one")
        if head.startswith("/") or head in ("else", "^"):
            return Unknown(token.text, token.line, "opens or closes nothing")
        return Value(words, token.line, token.raw)

    def _block(self, token: _Token, kind: str, words: tuple[str, ...]) -> Node:
        closing = frozenset({f"/{kind}"})
        then = self.nodes(closing | {"else"})
        otherwise = self._else(token, kind)
        closed = self.at < len(self.tokens)
        self.at += closed
        if not closed:
            return Unknown(token.text, token.line, f"#{kind} is never closed")
        if kind not in ("if", "unless", "each") or len(words) != 1:
            return Unknown(token.text, token.line, f"the block #{' '.join((kind, *words))} is not known here")
        if kind == "each":
            return Each(words[0], token.line, then, otherwise)
        return If(words[0], token.line, then, otherwise, negated=kind == "unless")

    def _else(self, token: _Token, kind: str) -> tuple[Node, ...]:
        """What stands behind `{{else}}`; `{{else if path}}` is an `If` of its own that the same tag closes."""
        if self.at >= len(self.tokens) or _head(self.tokens[self.at].words or ()) != "else":
            return ()
        middle = self.tokens[self.at]
        self.at += 1
        words = (middle.words or ())[1:]
        then = self.nodes(frozenset({f"/{kind}", "else"}))
        if not words:
            return then
        rest = self._else(middle, kind)
        if len(words) == 2 and words[0] in ("if", "unless"):
            return (If(words[1], middle.line, then, rest, negated=words[0] == "unless"),)
        return (Unknown(middle.text, middle.line, f"else {' '.join(words)} is not known here"),)


def _head(words: tuple[str, ...]) -> str:
    return "else" if words[:1] == ("^",) else words[0] if words else ""


def parse(source: str) -> tuple[Node, ...]:
    """The nodes of a template, in order."""
    reader = _Reader(list(_tokens(source)))
    return reader.nodes(frozenset())


def _tokens(source: str) -> Iterator[_Token]:
    at, strip = 0, False
    for match in _TAG.finditer(source):
        tag = match.group()
        text = source[at : match.start()]
        at = match.end()
        line = source.count("\n", 0, match.start()) + 1
        inner, raw = _inner(tag)
        text = text.lstrip() if strip else text
        if inner.startswith("~"):
            text = text.rstrip()
        strip = inner.endswith("~")
        if text:
            yield _Token(text, line)
        inner = inner.strip("~").strip()
        if inner.startswith("!"):
            continue
        raw = raw or inner.startswith("&")
        words = tuple(_WORD.findall(inner.removeprefix("&").strip()))
        if words and words[0] in ("#", "/"):
            words = (words[0] + words[1], *words[2:]) if len(words) > 1 else words
        yield _Token(tag, line, words, raw)
    rest = source[at:].lstrip() if strip else source[at:]
    if rest:
        yield _Token(rest, source.count("\n", 0, at) + 1)


def _inner(tag: str) -> tuple[str, bool]:
    return (tag[3:-3], True) if tag.startswith("{{{") else (tag[2:-2], False)
