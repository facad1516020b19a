"""Pure rules of wording: the kinds of variables, what data fits them, version states, locale fallback."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any, Literal
from urllib.parse import urlsplit
from uuid import UUID

from bh_sdk.errors import BHError
from bh_sdk.money import CURRENCIES, Money

Category = Literal["transactional", "subscription", "social", "security"]
CATEGORIES: tuple[Category, ...] = ("transactional", "subscription", "social", "security")
CHANNELS = ("email", "in_app", "push", "sms")
# draft: may be edited. review: stands until somebody publishes it or sends it back. dropped: never spoke and never will.
STATES = ("draft", "review", "live", "retired", "dropped")
OPEN = ("draft", "review")
# A retired edition may go live again: that is the rollback. The database repeats this table.
STATE_MOVES = frozenset(
    {
        ("draft", "review"),
        ("draft", "dropped"),
        ("review", "draft"),
        ("review", "live"),
        ("review", "dropped"),
        ("live", "retired"),
        ("retired", "live"),
    }
)
# Words about money, law and accounts: whoever wrote them does not publish them.
TWO_PEOPLE: frozenset[Category] = frozenset({"transactional", "security"})
# What people may stop: these mails say how.
STOPPABLE: frozenset[Category] = frozenset({"subscription", "social"})
# Title and body that a telephone still shows; ten SMS are the most that carriers join.
LIMITS = {"push": (65, 240), "sms": (0, 1_530)}
_RIGHT_TO_LEFT = frozenset({"ar", "fa", "he", "ur"})
DEFAULT_LOCALE = "en"
# What the renderer itself supplies; no template declares them.
SUPPLIED = frozenset({"recipient_name", "site_url", "unsubscribe_url", "preferences_url", "lang", "dir"})
# What the frame of a mail knows besides, and with it the mail's markup.
FRAMED = frozenset({"subject", "preheader", "category"})
MAX_LINE, MAX_TEXT, MAX_LIST = 200, 20_000, 50
NAME = re.compile(r"[a-z][a-z0-9_]{0,39}", re.ASCII)
# The same as the wire refuses: what hides or turns around the words that a reader sees.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def _line(value: Any) -> bool:
    return (
        isinstance(value, str)
        and 0 < len(value) <= MAX_LINE
        and not re.search(r"[\r\n\t]", value)
        and not _CONTROL.search(value)
    )


def _text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= MAX_TEXT and not _CONTROL.search(value)


def _id(value: Any) -> bool:
    try:
        return isinstance(value, str) and len(value) == 36 and bool(UUID(value))
    except ValueError:
        return False


def _amount(value: Any) -> bool:
    # The currency is another variable, so three decimals, the most any currency has, are allowed here.
    try:
        return isinstance(value, str) and bool(Money.parse(value, "KWD"))
    except BHError:
        return False


def _url(value: Any) -> bool:
    if not isinstance(value, str) or len(value) > 2_000 or re.search(r"[\s<>\"'`\\]", value) or _CONTROL.search(value):
        return False
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    return parts.scheme in ("https", "http") and bool(parts.hostname) and "@" not in parts.netloc


def _groups(value: Any) -> bool:
    """Items under headings, as a digest holds them: `[{title, entries: [{title, body, url}]}]`."""
    return isinstance(value, list) and len(value) <= MAX_LIST and all(_group(one) for one in value)


def _group(value: Any) -> bool:
    if not isinstance(value, dict) or set(value) != {"title", "entries"} or not _text(value["title"]):
        return False
    entries = value["entries"]
    return isinstance(entries, list) and len(entries) <= MAX_LIST and all(_entry(one) for one in entries)


def _entry(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and set(value) == {"title", "body", "url"}
        and _text(value["title"])
        and _text(value["body"])
        and (value["url"] == "" or _url(value["url"]))
    )


def _day(value: Any) -> bool:
    try:
        return isinstance(value, str) and len(value) == 10 and date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def _word(value: Any) -> bool:
    return isinstance(value, str) and bool(NAME.fullmatch(value))


def _count(value: Any) -> bool:
    return type(value) is int and 0 <= value <= 10**12


KINDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "line": (_line, f"must be one line of text, at most {MAX_LINE} characters"),
    "text": (_text, f"must be text, at most {MAX_TEXT:,} characters"),
    "id": (_id, "must be a UUID"),
    "amount": (_amount, 'must be a decimal string such as "25.00"'),
    "currency": (lambda value: isinstance(value, str) and value in CURRENCIES, "must be an ISO 4217 code"),
    "day": (_day, 'must be a date such as "2026-03-01"'),
    # What templates choose their words by: `{% case rhythm %}{% when "monthly" %}`.
    "word": (_word, "must be one of the words that its templates choose by, in small letters"),
    "url": (_url, "must be an http or https address"),
    "count": (_count, "must be a whole number"),
    "flag": (lambda value: isinstance(value, bool), "must be true or false"),
    "lines": (
        lambda value: isinstance(value, list) and len(value) <= MAX_LIST and all(_line(item) for item in value),
        f"must be a list of at most {MAX_LIST} lines",
    ),
    "groups": (_groups, "must be a list of headings, each with entries of title, body and url"),
}


@dataclass(frozen=True, slots=True)
class Variable:
    """One declared variable. `sent` is false for what we add when the mail leaves, so that no caller may pass it."""

    name: str
    kind: str
    sample: Any
    required: bool = True
    sent: bool = True

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def declared(rows: Iterable[Mapping[str, Any]]) -> tuple[Variable, ...]:
    """Read a declaration. Raises ValueError that names the variable and what is wrong with it."""
    found: dict[str, Variable] = {}
    for row in rows:
        if not isinstance(row, Mapping) or not {"name", "kind", "sample"} <= set(row) <= {
            "name",
            "kind",
            "sample",
            "required",
            "sent",
        }:
            raise ValueError("a variable has a name, a kind and a sample")
        one = Variable(**row)
        if not isinstance(one.name, str) or not NAME.fullmatch(one.name) or one.name in SUPPLIED | FRAMED | set(found):
            raise ValueError(f"{one.name!r} cannot be the name of a variable here")
        if one.kind not in KINDS:
            raise ValueError(f"{one.name}: there is no kind {one.kind!r}")
        if not KINDS[one.kind][0](one.sample):
            raise ValueError(f"{one.name}: the sample {KINDS[one.kind][1]}")
        if type(one.required) is not bool or type(one.sent) is not bool:
            raise ValueError(f"{one.name}: required and sent are true or false")
        found[one.name] = one
    return tuple(found.values())


def samples(variables: Iterable[Variable]) -> dict[str, Any]:
    return {one.name: one.sample for one in variables}


# What breaks a layout that was only ever seen with short English samples.
_AWKWARD = {
    "line": 'Ngũgĩ wa Thiong’o & Søn <3 "O\'Brien" ' + "long " * 20 + "name",
    "text": "<b>No markup</b> & no end:\n\n" + "Averylongwordwithoutanyspace" * 4 + "\n- one\n- two",
    "amount": "1234567.00",
    "currency": "JPY",
    "count": 0,
    "flag": False,
    "lines": [],
}


def awkward(variables: Iterable[Variable]) -> dict[str, Any]:
    """Data that fits and is hard to set: long, with signs of markup, with nothing, in a currency without pence."""
    return {one.name: _AWKWARD.get(one.kind, one.sample) for one in variables}


def bare(variables: Iterable[Variable]) -> dict[str, Any]:
    """The least that has to be there."""
    return {one.name: one.sample for one in variables if one.required}


def masked(variables: Iterable[Variable], data: Mapping[str, Any]) -> dict[str, Any]:
    """The data with every letter of free text hidden: its length and its lines stay, whoever is named in it does not."""
    free = {one.name for one in variables if one.kind in ("line", "text", "lines", "groups")}
    return {name: _hidden(value) if name in free else value for name, value in data.items()}


def _hidden(value: Any) -> Any:
    if isinstance(value, list):
        return [_hidden(item) for item in value]
    if isinstance(value, dict):
        return {name: _hidden(item) for name, item in value.items()}
    return re.sub(r"\w", "•", value) if isinstance(value, str) else value


def misfits(variables: Sequence[Variable], data: Mapping[str, Any], *, at: str = "#/data") -> list[dict[str, str]]:
    """What keeps `data` from filling these variables, as `{pointer, message}`; empty when it fits."""
    known = {one.name: one for one in variables if one.sent}
    wrong = [
        {"pointer": f"{at}/{_pointed(name)}", "message": "is not declared by this template"}
        for name in data
        if name not in known
    ]
    for name, one in known.items():
        if data.get(name) is None:
            if one.required:
                wrong.append({"pointer": f"{at}/{name}", "message": "is required"})
        elif not KINDS[one.kind][0](data[name]):
            wrong.append({"pointer": f"{at}/{name}", "message": KINDS[one.kind][1]})
    return wrong[:50]


def _pointed(name: str) -> str:
    return _CONTROL.sub("?", name)[:64].replace("~", "~0").replace("/", "~1")


def completed(variables: Iterable[Variable], data: Mapping[str, Any]) -> dict[str, Any]:
    """The data with every declared name present, so that `{% if note %}` works under strict undefined."""
    return {one.name: data.get(one.name) for one in variables}


def merged(declarations: Iterable[Sequence[Variable]]) -> dict[str, Variable]:
    """What callers of a type may send and must send, over all its templates together."""
    found: dict[str, Variable] = {}
    for one in (one for variables in declarations for one in variables if one.sent):
        known = found.get(one.name)
        found[one.name] = replace(one, required=one.required or (known is not None and known.required))
    return found


@dataclass(frozen=True, slots=True)
class Breaking:
    """What callers of a type must change before new words may speak: names of variables."""

    required: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()

    @property
    def names(self) -> frozenset[str]:
        return frozenset({*self.required, *self.removed, *self.changed})


def breaking(before: Mapping[str, Variable], after: Mapping[str, Variable]) -> Breaking:
    """What callers who fit `before` would be refused for afterwards. With nothing before there is nobody to break."""
    if not before:
        return Breaking()
    return Breaking(
        required=tuple(
            name for name, one in after.items() if one.required and not (name in before and before[name].required)
        ),
        removed=tuple(name for name in before if name not in after),
        changed=tuple(name for name in before if name in after and before[name].kind != after[name].kind),
    )


def direction(locale: str) -> Literal["ltr", "rtl"]:
    """How the writing of a language runs."""
    return "rtl" if locale.split("-", maxsplit=1)[0] in _RIGHT_TO_LEFT else "ltr"


def locale_chain(locale: str | None) -> tuple[str, ...]:
    """Where to look for words: `fr-CA`, then `fr`, then the default."""
    chain = [locale, locale.split("-")[0]] if locale else []
    return tuple(dict.fromkeys([*chain, DEFAULT_LOCALE]))
