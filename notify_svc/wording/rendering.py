"""The one renderer. What staff see in a preview and what a recipient gets come from `render`, and from nowhere else."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import css_inline
from django.conf import settings
from markupsafe import Markup

from notify_svc.wording import lint, liquid, rules
from notify_svc.wording.errors import TemplateInvalid
from notify_svc.wording.rules import Variable

# Without this the inliner would fetch stylesheets that a template names. Rules such as @media stay in the head.
_INLINER = css_inline.CSSInliner(load_remote_stylesheets=False, keep_at_rules=True)
_BREAKS = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")
_BLANK_LINES = re.compile(r"\n{3,}")
# Stands in for every free text when a draft is checked: nothing a stranger writes may decide where a link leads.
_PROBE = "javascript:alert(1)//"


@dataclass(frozen=True, slots=True)
class Source:
    """The words of one version, not filled in. A feed entry has a title (`subject`), a body (`text`), a link (`action`)."""

    channel: str
    category: str
    subject: str
    text: str
    html: str = ""
    preheader: str = ""
    action: str = ""
    layout_html: str = "{{ content }}"
    layout_text: str = "{{ content }}"
    variables: tuple[Variable, ...] = ()


@dataclass(frozen=True, slots=True)
class Rendered:
    """Finished words: `subject`, `html`, `text` of a mail; `title`, `body`, `action_url` of a feed entry."""

    subject: str = ""
    html: str = ""
    text: str = ""
    title: str = ""
    body: str = ""
    action_url: str = ""


def render(source: Source, data: Mapping[str, Any], *, recipient_name: str = "") -> Rendered:
    """Fill in one version. `data` is plain JSON that fits the declared variables. Raises TemplateInvalid."""
    known = rules.completed(source.variables, data) | {
        "recipient_name": _one_line(recipient_name),
        "site_url": settings.BH_SITE_URL,
    }
    head = _one_line(liquid.fill(source.subject, known, markup=False))
    if source.channel != "email":
        return Rendered(
            title=head,
            body=_tidy(liquid.fill(source.text, known, markup=False)),
            action_url=_one_line(liquid.fill(source.action, known, markup=False)),
        )
    frame: dict[str, Any] = {"subject": head, "category": source.category, "site_url": settings.BH_SITE_URL}
    frame["preheader"] = _one_line(liquid.fill(source.preheader, known, markup=False))
    content = Markup(liquid.fill(source.html, known, markup=True))  # noqa: S704 - the filler escaped every value
    html = liquid.fill(source.layout_html, frame | {"content": content}, markup=True)
    text = liquid.fill(
        source.layout_text, frame | {"content": _tidy(liquid.fill(source.text, known, markup=False))}, markup=False
    )
    return Rendered(subject=head, html=_INLINER.inline(html), text=_tidy(text) + "\n")


def check(source: Source) -> Rendered:
    """Prove a version fit to be used and answer how its samples look. Raises TemplateInvalid with `errors` per field."""
    wrong = _undeclared(source)
    if wrong:
        raise TemplateInvalid(errors=wrong)
    shown = render(source, rules.samples(source.variables), recipient_name="Ruth")
    # The sparsest data that is allowed, and the nastiest.
    render(source, {one.name: one.sample for one in source.variables if one.required})
    nasty = {one.name: _nasty(one) for one in source.variables}
    probed = render(source, nasty, recipient_name=_PROBE)
    found = lint.unsafe(shown.html) or lint.unsafe(probed.html)
    if found:
        raise TemplateInvalid(errors=[{"pointer": "#/html", "message": message} for message in found])
    for link in (shown.action_url, probed.action_url):
        if link and not link.startswith(("https://", "http://")):
            raise TemplateInvalid(errors=[{"pointer": "#/action", "message": "must lead to a page"}])
    if not (shown.subject or shown.title):
        raise TemplateInvalid(errors=[{"pointer": "#/subject", "message": "is empty"}])
    return shown


def _undeclared(source: Source) -> list[dict[str, str]]:
    known = {one.name for one in source.variables} | rules.SUPPLIED
    return [
        {"pointer": f"#/{field}", "message": f"{name} is not declared"}
        for field, text, markup in _fields(source)
        for name in sorted(liquid.variables_of(text, markup=markup) - known)
    ]


def _fields(source: Source) -> Sequence[tuple[str, str, bool]]:
    return (
        ("subject", source.subject, False),
        ("preheader", source.preheader, False),
        ("html", source.html, True),
        ("text", source.text, False),
        ("action", source.action, False),
    )


def _nasty(variable: Variable) -> Any:
    if variable.kind in ("line", "text"):
        return _PROBE
    return [_PROBE] if variable.kind == "lines" else variable.sample


def _one_line(text: str) -> str:
    """No line break survives: this may become a mail header."""
    return _BREAKS.sub(" ", text).strip()[:400]


def _tidy(text: str) -> str:
    """Liquid's own lines leave gaps; at most one blank line stays."""
    return _BLANK_LINES.sub("\n\n", "\n".join(line.rstrip() for line in text.replace("\r\n", "\n").split("\n"))).strip()
