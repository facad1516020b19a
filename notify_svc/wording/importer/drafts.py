"""From old templates to drafts: which type they become, what their variables are, and what the editor should know."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from notify_svc.wording import commands, rules
from notify_svc.wording.errors import DraftOpen, TemplateInvalid
from notify_svc.wording.importer.convert import Conversion, Finding, Found, convert
from notify_svc.wording.models import Template, TemplateVersion
from notify_svc.wording.rules import Variable

BY = "import"
# What the old platform called its templates, and which type of ours says the same to the same people.
TYPES: Mapping[str, str] = {
    "donation": "gift.received",
    "update": "campaign_update",
    "goal-reached": "goal_reached",
    "campaign-ending": "campaign_ending",
    "trust-score-change": "trust.tier_changed",
    "daily-digest": "digest.subscription",
    "weekly-digest": "digest.subscription",
    "tax-receipt": "receipt.issued",
    "gift-aid-receipt": "receipt.issued",
    "welcome": "welcome",
}
_OTHER_NAMES = {"digest-daily": "daily-digest", "digest-weekly": "weekly-digest"}
# The wrapper of all mails: the house has a frame of its own.
FRAME = "base"
_BODY = re.compile(r"<body[^>]*>(.*)</body>", re.DOTALL | re.IGNORECASE)
_LINKED = re.compile(r"""(?:href|src)=["']\{\{ ([a-z0-9_]+) \}\}["']""")
_SAMPLES: Mapping[str, Any] = {
    "line": "Sample",
    "text": "Sample\nwords",
    "amount": "25.00",
    "currency": "GBP",
    "day": "2026-03-01",
    "flag": True,
    "count": 3,
    "url": "https://blessed-horizon.example/",
    "id": "6f1d7f0e-3d8a-4a63-9f57-2f3f2f5f9a01",
    "lines": ["Sample"],
}
Outcome = Literal["draft", "dry run", "refused", "not imported"]


@dataclass(frozen=True, slots=True)
class Old:
    """One template of the old platform."""

    name: str
    subject: str
    html: str
    text: str = ""
    updated_at: str = ""


@dataclass(slots=True)
class Report:
    """What became of one template. `findings` by field; `why` when there is no draft."""

    name: str
    type: str = ""
    outcome: Outcome = "dry run"
    why: str = ""
    findings: dict[str, list[Finding]] = field(default_factory=dict)

    @property
    def lines(self) -> Iterator[str]:
        """The report, to be read by people."""
        yield f"{self.name} -> {self.type or '?'}: {self.outcome}{f' ({self.why})' if self.why else ''}"
        for part, found in self.findings.items():
            yield from (f"  {part}, line {one.line}: {one.level}: {one.message}" for one in found)


def normalized(name: str) -> str:
    """The one name of a template that was written in several ways."""
    name = name.strip().lower().replace("_", "-")
    return _OTHER_NAMES.get(name, name)


def read(path: Path) -> list[Old]:
    """Templates from a JSON list of rows (`name`, `subject`, `html_template`, `text_template`, `updated_at`), or from a
    folder of `<name>.html` (or `.hbs`) with `<name>.subject.txt` and `<name>.txt` beside them. Of two with one name the
    newest counts. Raises ValueError for a file that is neither."""
    found: dict[str, Old] = {}
    for old in _in_folder(path) if path.is_dir() else _in_export(path):
        known = found.get(old.name)
        if known is None or old.updated_at >= known.updated_at:
            found[old.name] = old
    return [found[name] for name in sorted(found)]


def _in_export(path: Path) -> Iterator[Old]:
    rows = json.loads(path.read_text("utf-8"))
    if not isinstance(rows, list) or not all(
        isinstance(row, dict) and isinstance(row.get("name"), str) for row in rows
    ):
        raise ValueError("an export is a list of rows with a name")
    for row in rows:
        words = {name: row.get(name) or "" for name in ("subject", "html_template", "text_template", "updated_at")}
        if not all(isinstance(value, str) for value in words.values()):
            raise ValueError(f"{row['name']}: subject, html_template, text_template and updated_at are texts")
        yield Old(
            normalized(row["name"]),
            words["subject"],
            words["html_template"],
            words["text_template"],
            words["updated_at"],
        )


def _in_folder(path: Path) -> Iterator[Old]:
    for file in sorted([*path.glob("*.html"), *path.glob("*.hbs")]):
        beside = {end: file.with_name(f"{file.stem}.{end}") for end in ("subject.txt", "txt")}
        subject, text = (one.read_text("utf-8").strip() if one.exists() else "" for one in beside.values())
        yield Old(normalized(file.stem), subject, file.read_text("utf-8"), text)


def take_over(olds: Sequence[Old], *, write: bool, types: Mapping[str, str] = TYPES) -> list[Report]:
    """Turn old templates into drafts of the English mails of their types. Without `write` nothing is written.

    A draft waits for an editor; nothing that is sent changes. What does not pass the checks of every draft is refused.
    """
    partials = {old.name: old.html for old in olds}
    return [_take(old, partials, types, write=write) for old in olds]


def _take(old: Old, partials: Mapping[str, str], types: Mapping[str, str], *, write: bool) -> Report:
    report = Report(old.name, types.get(old.name, ""))
    parts = {
        "subject": convert(old.subject, partials=partials),
        "html": convert(_inside(old.html), partials=partials),
        "text": convert(old.text, partials=partials),
    }
    report.findings = {name: part.findings for name, part in parts.items() if part.findings}
    template = Template.objects.filter(type=report.type, channel="email", locale=rules.DEFAULT_LOCALE).first()
    if old.name == FRAME or template is None:
        report.outcome = "not imported"
        report.why = "mails have a frame of their own here" if old.name == FRAME else "no type says this; name one"
        return report
    live = template.versions.filter(state="live").first()
    words = {name: part.liquid for name, part in parts.items()}
    if live is not None:
        words |= {"subject": words["subject"] or live.subject, "preheader": live.preheader}
    variables, problem = _variables(parts, live)
    if problem:
        report.outcome, report.why = "refused", problem
        return report
    try:
        commands.prove(template_id=template.id, words=words, variables=variables)
        if write:
            note = f"From the old template {old.name}"
            commands.draft(template_id=template.id, words=words, variables=variables, by=BY, note=note)
            report.outcome = "draft"
    except TemplateInvalid as refusal:
        told = refusal.facts.get("errors") or [{"pointer": "#", "message": refusal.detail}]
        report.outcome, report.why = "refused", "; ".join(f"{one['pointer']} {one['message']}" for one in told[:5])
    except DraftOpen:
        report.outcome, report.why = "refused", "a draft of this template is open"
    return report


def _inside(html: str) -> str:
    """The words of a whole page: the frame around them is the house's."""
    body = _BODY.search(html)
    # Lines keep their numbers, so that the report names those of the file.
    return "\n" * html.count("\n", 0, body.start(1)) + body[1] if body else html


def _variables(parts: Mapping[str, Conversion], live: TemplateVersion | None) -> tuple[list[dict[str, Any]], str]:
    """What is declared by the live words, and what the old ones read besides: that is optional, because nobody sends it.

    Answers a problem instead, when a variable cannot be declared.
    """
    known = {one.name: one for one in live.declared} if live is not None else {}
    found: dict[str, Found] = {}
    for part in parts.values():
        for name, one in part.variables.items():
            found.setdefault(name, Found(name, one.path)).uses.update(one.uses)
    objects = sorted(name for name, one in found.items() if "objects" in one.uses)
    if objects:
        return [], f"lists of objects cannot be declared: {', '.join(objects)}"
    # What a link or a picture is made of alone is an address.
    for name in _LINKED.findall(parts["html"].liquid):
        if name in found:
            found[name].uses.add("url")
    more = [Variable(name, kind, _SAMPLES[kind], required=False) for name, kind in _kinds(found, known)]
    return [one.as_json() for one in (*known.values(), *more)], ""


def _kinds(found: Mapping[str, Found], known: Mapping[str, Variable]) -> Iterator[tuple[str, str]]:
    for name, one in found.items():
        if name not in known:
            yield name, _kind(name, one.uses)


def _kind(name: str, uses: set[str]) -> str:
    for use, kind in (
        ("each", "lines"),
        ("amount", "amount"),
        ("currency", "currency"),
        ("day", "day"),
        ("text", "text"),
        ("url", "url"),
    ):
        if use in uses:
            return kind
    if uses == {"asked"}:
        return "flag"
    for end, kind in (("url", "url"), ("id", "id"), ("message", "text"), ("count", "count"), ("percentage", "count")):
        if name == end or name.endswith(f"_{end}"):
            return kind
    return "line"
