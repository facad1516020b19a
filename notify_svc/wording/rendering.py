"""The one renderer. What staff see in a preview and what a recipient gets come from `render`, and from nowhere else."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

import css_inline
from django.conf import settings
from markupsafe import Markup

from notify_svc.wording import blocks, lint, liquid, plain, rules
from notify_svc.wording.errors import TemplateInvalid
from notify_svc.wording.rules import Variable

# Without this the inliner would fetch stylesheets that a template names. Rules such as @media stay in the head.
_INLINER = css_inline.CSSInliner(load_remote_stylesheets=False, keep_at_rules=True)
_BREAKS = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")
_STYLES = re.compile(r"<style>.*?</style>", re.DOTALL | re.IGNORECASE)
_BLANK_LINES = re.compile(r"\n{3,}")
# Stands in for every free text when a draft is checked: nothing a stranger writes may decide where a link leads.
_SCRIPT = "javascript:alert(1)"
_PROBE = f"{_SCRIPT}//"
# More no feed shows.
MAX_BODY = 4_000
SAMPLE_NAME = "Ruth"


@dataclass(frozen=True, slots=True)
class Source:
    """The words of one version, not filled in. A feed entry has a title (`subject`), a body (`text`), a link (`action`).

    `whole` HTML is a finished document (it was MJML) and takes no frame. An empty `text` of a mail is taken from its HTML.
    """

    channel: str
    category: str
    subject: str
    text: str = ""
    locale: str = rules.DEFAULT_LOCALE
    html: str = ""
    preheader: str = ""
    action: str = ""
    whole: bool = False
    layout_html: str = "{{ content }}"
    layout_text: str = "{{ content }}"
    blocks: Mapping[str, str] = field(default_factory=dict)
    variables: tuple[Variable, ...] = ()


@dataclass(frozen=True, slots=True)
class Rendered:
    """Finished words: `subject`, `html`, `text` of a mail; `title`, `body`, `action_url` of all else (an SMS: `body`)."""

    subject: str = ""
    html: str = ""
    text: str = ""
    title: str = ""
    body: str = ""
    action_url: str = ""


@dataclass(frozen=True, slots=True)
class Links:
    """Where one person stops these mails or chooses what comes. Both are that person's own, so no version holds them."""

    unsubscribe: str = ""
    preferences: str = ""


NO_LINKS = Links()
SAMPLE_LINKS = Links(
    "https://blessed-horizon.example/stop/sample", "https://blessed-horizon.example/preferences/sample"
)


def render(source: Source, data: Mapping[str, Any], *, recipient_name: str = "", links: Links = NO_LINKS) -> Rendered:
    """Fill in one version. `data` is plain JSON that fits the declared variables. Raises TemplateInvalid."""
    supplied = _supplied(source, links)
    known = rules.completed(source.variables, data) | supplied | {"recipient_name": _one_line(recipient_name)}
    head = _one_line(_fill("subject", source.subject, known))
    if source.channel != "email":
        return _short(source, head, known)
    frame: dict[str, Any] = supplied | {"subject": head, "category": source.category, blocks.KEY: source.blocks}
    frame["preheader"] = _one_line(_fill("preheader", source.preheader, known))
    inside = _fill("html", source.html, known | frame, markup=True)
    html = inside
    if source.whole:
        # Its blocks look as they do in the frame. What its author wrote in a style of its own stands.
        styles = "".join(_STYLES.findall(source.layout_html))
        html = html.replace("</head>", f"{styles}</head>", 1)
    else:
        content = Markup(inside)  # noqa: S704 - the filler escaped every value
        html = _fill("layout", source.layout_html, frame | {"content": content}, markup=True)
    text = _tidy(_fill("text", source.text, known)) if source.text.strip() else plain.text_of(inside)
    text = _fill("layout", source.layout_text, frame | {"content": text})
    return Rendered(subject=head, html=_inlined(html), text=_tidy(text) + "\n")


def _inlined(html: str) -> str:
    """Each element with its styles. Raises TemplateInvalid for what cannot be worked on."""
    message = f"a mail may have {lint.MOST_ELEMENTS:,} elements" if lint.too_many(html) else ""
    if not message:
        try:
            return _INLINER.inline(html)
        except css_inline.InlineError:
            message = "a style in it cannot be read"
    raise TemplateInvalid(f"html: {message}", errors=[{"pointer": "#/html", "message": message}])


def _supplied(source: Source, links: Links) -> dict[str, Any]:
    """What the renderer gives to every source: the site, the person's own links, the language and how it runs."""
    return {
        "site_url": settings.BH_SITE_URL,
        # What people have to be told cannot be stopped, so it holds no link that says it could.
        "unsubscribe_url": links.unsubscribe if source.category in rules.STOPPABLE else "",
        "preferences_url": links.preferences,
        "lang": source.locale,
        "dir": rules.direction(source.locale),
    }


def _short(source: Source, head: str, known: Mapping[str, Any]) -> Rendered:
    """A feed entry, a push or an SMS. What a telephone would cut off anyway is cut here, with a sign of it."""
    body = _tidy(_fill("text", source.text, known))
    title_limit, body_limit = rules.LIMITS.get(source.channel, (400, MAX_BODY))
    return Rendered(
        title=_cut(head, title_limit) if title_limit else "",
        body=_cut(body, body_limit),
        action_url=_one_line(_fill("action", source.action, known)),
    )


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def _fill(field: str, source: str, data: Mapping[str, Any], *, markup: bool = False) -> str:
    """Raises TemplateInvalid that names the field."""
    try:
        return liquid.fill(source, data, markup=markup)
    except TemplateInvalid as error:
        raise TemplateInvalid(
            f"{field}: {error.detail}", errors=[{"pointer": f"#/{field}", "message": error.detail}]
        ) from error


def check(source: Source) -> Rendered:
    """Prove a version fit to be used and answer how its samples look. Raises TemplateInvalid with `errors` per field."""
    wrong = _undeclared(source) or _misused(source) or _forbidden(source)
    if wrong:
        raise TemplateInvalid(errors=wrong)
    shown = sampled(source)
    # The sparsest data that is allowed, and the nastiest.
    render(source, rules.bare(source.variables))
    nasty = {one.name: _nasty(one) for one in source.variables}
    probed = render(source, nasty, recipient_name=_PROBE, links=SAMPLE_LINKS)
    wrong = [*_empty(source, shown), *_unsafe(shown, probed), *_unstoppable(source, shown)]
    if wrong:
        raise TemplateInvalid(errors=wrong)
    return shown


def sampled(source: Source) -> Rendered:
    """How the words look with their own samples. Raises TemplateInvalid."""
    return render(source, rules.samples(source.variables), recipient_name=SAMPLE_NAME, links=SAMPLE_LINKS)


def _empty(source: Source, shown: Rendered) -> list[dict[str, str]]:
    if source.channel == "email":
        needed = {"subject": shown.subject, "html": source.html.strip()}
    elif source.channel == "sms":
        needed = {"text": shown.body}
    else:
        needed = {"subject": shown.title}
    return [{"pointer": f"#/{name}", "message": "is empty"} for name, words in needed.items() if not words]


def _unsafe(*looks: Rendered) -> list[dict[str, str]]:
    for shown in looks:
        if found := lint.unsafe(shown.html, turned_by=_SCRIPT):
            return [{"pointer": "#/html", "message": message} for message in found]
        if shown.action_url and not shown.action_url.startswith(("https://", "http://")):
            return [{"pointer": "#/action", "message": "must lead to a page"}]
        if lint.turned(shown.action_url, by=_SCRIPT):
            return [{"pointer": "#/action", "message": "a text that is sent decides whose page this leads to"}]
    return []


def _unstoppable(source: Source, shown: Rendered) -> list[dict[str, str]]:
    """Mail that people did not have to get says in itself how to stop it."""
    if source.channel != "email" or source.category not in rules.STOPPABLE or SAMPLE_LINKS.unsubscribe in shown.html:
        return []
    return [{"pointer": "#/html", "message": "a subscription mail needs a link to {{ unsubscribe_url }}"}]


def _forbidden(source: Source) -> list[dict[str, str]]:
    """What the inliner would drop silently, such as a stylesheet from elsewhere, is refused while it can be seen."""
    return [{"pointer": "#/html", "message": message} for message in lint.unsafe(source.html, filled=False)]


def _misused(source: Source) -> list[dict[str, str]]:
    """Blocks that are not there, or that are given too little or too much."""
    if source.channel != "email":
        return []
    wrong = []
    for use in blocks.uses(liquid.parse(source.html, markup=True)):
        if use.name not in source.blocks:
            wrong.append(f"there is no block {use.name!r}; there are {', '.join(sorted(source.blocks)) or 'none'}")
            continue
        needed, given = liquid.parameters(source.blocks[use.name]), {arg.name for arg in use.args}
        if needed != given:
            wrong.append(f"the block {use.name!r} takes {', '.join(sorted(needed)) or 'nothing'}")
    return [{"pointer": "#/html", "message": message} for message in dict.fromkeys(wrong)]


def _undeclared(source: Source) -> list[dict[str, str]]:
    known = {one.name for one in source.variables} | rules.SUPPLIED
    # A mail's markup is filled in together with its frame.
    framed = known | rules.FRAMED
    return [
        {"pointer": f"#/{field}", "message": f"{name} is not declared{_meant(name, known)}"}
        for field, text, markup in _fields(source)
        for name in sorted(_names(field, text, markup=markup) - (framed if field == "html" else known))
    ]


def _meant(name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name, known, n=1, cutoff=0.75)
    return f"; did you mean {close[0]}?" if close else ""


def _names(field: str, text: str, *, markup: bool) -> frozenset[str]:
    try:
        return liquid.variables_of(text, markup=markup)
    except TemplateInvalid as error:
        raise TemplateInvalid(errors=[{"pointer": f"#/{field}", "message": error.detail}]) from error


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
    if variable.kind == "groups":
        return [{"title": _PROBE, "entries": [{"title": _PROBE, "body": _PROBE, "url": ""}]}]
    return [_PROBE] if variable.kind == "lines" else variable.sample


def _one_line(text: str) -> str:
    """No line break survives: this may become a mail header."""
    return _BREAKS.sub(" ", text).strip()[:400]


def _tidy(text: str) -> str:
    """Liquid's own lines leave gaps; at most one blank line stays."""
    return _BLANK_LINES.sub("\n\n", "\n".join(line.rstrip() for line in text.replace("\r\n", "\n").split("\n"))).strip()
