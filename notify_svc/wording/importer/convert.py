"""From Handlebars to the Liquid of this house, and what is different afterwards, line by line.

The two languages agree on most things; where they do not, the conversion says what Handlebars meant: an empty text, an
empty list and zero are no, a name inside of `#each` is the item's, `../` the one around it. What has no counterpart is
left out and reported: HTML that a stranger wrote is never let through as it is, and objects are flattened to their values.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from notify_svc.wording import rules
from notify_svc.wording.importer import handlebars
from notify_svc.wording.importer.handlebars import Each, If, Node, Partial, Text, Unknown, Value

Level = Literal["lost", "changed", "note"]
# What the renderer supplies under another name.
SUPPLIED_AS = {"app_url": "site_url", "user_name": "recipient_name"}
# A name that means another person here: in the old words the recipient is the organiser.
RENAMED = {"recipient_name": "organiser_name"}
_STEP = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
# A brace that would open a tag, with what follows it or with what may be put behind it.
_OPENING = re.compile(r"\{(?=[{%]|\Z)")
_TAGS = re.compile(r"\{%.*?%\}", re.DOTALL)
_LOOP = {"@index": "forloop.index0", "@first": "forloop.first", "@last": "forloop.last"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report. lost: it is not there any more; changed: it means something else; note: good to know."""

    line: int
    level: Level
    message: str


@dataclass(slots=True)
class Found:
    """One variable that the old words read: under which path, and what is done with it."""

    name: str
    path: str
    uses: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Conversion:
    """Liquid, the variables it reads, and what there is to say about it."""

    liquid: str = ""
    variables: dict[str, Found] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        """Whether nothing was lost and nothing means something else."""
        return not any(one.level in ("lost", "changed") for one in self.findings)


@dataclass(frozen=True, slots=True)
class _Scope:
    """What names mean: at the root, variables; in a loop, what belongs to its item."""

    item: str = ""
    found: Found | None = None
    around: _Scope | None = None


def convert(source: str, *, partials: Mapping[str, str] | None = None) -> Conversion:
    """Convert one template. `partials` are other templates by name; they are put in where they are used."""
    converter = _Converter(dict(partials or {}))
    converter.done.liquid = converter.nodes(handlebars.parse(source), _Scope())
    return converter.done


class _Converter:
    def __init__(self, partials: dict[str, str]) -> None:
        self.done = Conversion()
        self._partials = partials
        self._inside: list[str] = []
        self._loops = 0

    def nodes(self, nodes: tuple[Node, ...], scope: _Scope) -> str:
        return "".join(self._node(node, scope) for node in nodes)

    def _node(self, node: Node, scope: _Scope) -> str:
        match node:
            case Text():
                # Liquid's own signs, written as what they are.
                return _OPENING.sub('{{ "{" }}', node.text)
            case Value():
                return self._value(node, scope)
            case If():
                return self._if(node, scope)
            case Each():
                return self._each(node, scope)
            case Partial():
                return self._partial(node, scope)
            case Unknown():
                self._say(node.line, "lost", f"{node.source.strip()[:60]}: {node.why}")
                return ""

    def _value(self, node: Value, scope: _Scope) -> str:
        helper, given = node.words[0], node.words[1:]
        if helper == "formatCurrency":
            if len(given) != 2:
                self._say(node.line, "lost", "formatCurrency without its currency")
                return ""
            amount, currency = (
                self._path(given[0], node.line, scope, "amount"),
                self._path(given[1], node.line, scope, "currency"),
            )
            return f"{{{{ {amount} | money: {currency} }}}}" if amount and currency else ""
        if helper == "formatDate":
            if len(given) > 1:
                self._say(node.line, "note", "formatDate: days are written as the reader's language writes them")
            day = self._path(given[0], node.line, scope, "day") if given else ""
            return f"{{{{ {day} | day }}}}" if day else ""
        if given:
            self._say(node.line, "lost", f"there is no helper {helper}")
            return ""
        name = self._path(helper, node.line, scope, "text" if node.raw else "shown")
        if name and node.raw:
            self._say(node.line, "changed", f"{helper} was let through as HTML; now it is escaped like every value")
        return f"{{{{ {name} }}}}" if name else ""

    def _if(self, node: If, scope: _Scope) -> str:
        name = self._path(node.path, node.line, scope, "asked")
        if not name:
            return ""
        word = "unless" if node.negated else "if"
        # What Handlebars takes for no, besides what Liquid does.
        flag = name in ("forloop.first", "forloop.last")
        asked = name if flag else f"{name} and {name} != empty and {name} != 0"
        inside = self._body(node.then, scope)
        other = f"{{% else %}}{self._body(node.otherwise, scope)}" if node.otherwise else ""
        return f"{{% {word} {asked} %}}{inside}{other}{{% end{word} %}}"

    def _each(self, node: Each, scope: _Scope) -> str:
        many = self._path(node.path, node.line, scope, "each")
        if not many:
            return ""
        self._loops += 1
        item = "item" if self._loops == 1 else f"item{self._loops}"
        root = node.path.removeprefix("this.")
        found = self.done.variables.get(many) if not scope.item or root.startswith("../") else None
        inside = self._body(node.body, _Scope(item, found, scope))
        other = f"{{% else %}}{self._body(node.otherwise, scope)}" if node.otherwise else ""
        return f"{{% for {item} in {many} %}}{inside}{other}{{% endfor %}}"

    def _body(self, nodes: tuple[Node, ...], scope: _Scope) -> str:
        """What stands in a block. Liquid drops one that holds nothing but blanks; a value of nothing keeps them."""
        text = self.nodes(nodes, scope)
        return text + '{{ "" }}' if text and not _TAGS.sub("", text).strip() else text

    def _partial(self, node: Partial, scope: _Scope) -> str:
        source = self._partials.get(node.name)
        if source is None or node.name in self._inside:
            why = "uses itself" if source is not None else "is not there"
            self._say(node.line, "lost", f"the partial {node.name} {why}")
            return ""
        self._inside.append(node.name)
        before = len(self.done.findings)
        text = self.nodes(handlebars.parse(source), scope)
        self._inside.pop()
        for at in range(before, len(self.done.findings)):
            one = self.done.findings[at]
            self.done.findings[at] = Finding(node.line, one.level, f"in {node.name}, line {one.line}: {one.message}")
        return text

    def _path(self, path: str, line: int, scope: _Scope, use: str) -> str:
        """What a path is called in Liquid; empty, and reported, when it cannot be said."""
        if path[0] in "\"'" or _NUMBER.fullmatch(path):
            return path
        if path in _LOOP and scope.item:
            return _LOOP[path]
        if path.startswith("@root."):
            return self._root(path.removeprefix("@root."), path, line, use)
        at, rest = scope, path
        while rest.startswith("../"):
            if at.around is None:
                self._say(line, "lost", f"{path} leads out of the template")
                return ""
            at, rest = at.around, rest[3:]
        rest = rest.removeprefix("./").removeprefix("this.").removeprefix("this/")
        return self._of_item(rest, path, line, at) if at.item else self._root(rest, path, line, use)

    def _of_item(self, rest: str, path: str, line: int, at: _Scope) -> str:
        if rest in ("this", "."):
            if at.found is not None:
                at.found.uses.add("line")
            return at.item
        if not all(_STEP.fullmatch(step) for step in rest.split(".")):
            self._say(line, "lost", f"{path} cannot be said")
            return ""
        if at.found is not None:
            at.found.uses.add("objects")
        if rest == path and rest in self.done.variables:
            self._say(line, "note", f"{path} is read from the item; for the mail's own write ../{path}")
        return f"{at.item}.{rest}"

    def _root(self, path: str, written: str, line: int, use: str) -> str:
        steps = path.split(".")
        if path == "this" or not all(_STEP.fullmatch(step) for step in steps):
            self._say(line, "lost", f"{written} cannot be said")
            return ""
        snake = "_".join(_snake(step) for step in steps)
        if snake in SUPPLIED_AS or snake in rules.SUPPLIED - RENAMED.keys():
            return SUPPLIED_AS.get(snake, snake)
        name = RENAMED.get(snake, snake)
        if not rules.NAME.fullmatch(name):
            self._say(line, "lost", f"{written} cannot be the name of a variable")
            return ""
        if name not in self.done.variables:
            if name != path:
                self._say(line, "note", f"{path} is called {name} here")
            self.done.variables[name] = Found(name, path)
        self.done.variables[name].uses.add(use)
        return name

    def _say(self, line: int, level: Level, message: str) -> None:
        self.done.findings.append(Finding(line, level, message))


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().strip("_")
