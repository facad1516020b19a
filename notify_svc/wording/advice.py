"""What an editor should know before words are handed in: errors keep them from being saved, warnings do not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Literal
from urllib.parse import urlsplit

from notify_svc.wording import liquid, plain, rules
from notify_svc.wording.errors import TemplateInvalid
from notify_svc.wording.rendering import SAMPLE_LINKS, Rendered, Source, check
from notify_svc.wording.segments import segments

# Gmail cuts a mail off behind this, and with it the footer.
LARGEST_MAIL = 100_000
LONGEST_SUBJECT = 70
# What filters of unwanted mail have read too often, in the languages we write.
_SPAM = re.compile(
    r"\b(act now|click here|100% free|risk[- ]free|winner|urgent|guaranteed|cash bonus|limited time|buy now"
    r"|haga clic aquí|gratis|urgente|oferta|ganador|cliquez ici|gratuit|offre exceptionnelle|gagnant)\b"
    r"|!{2,}|\${2,}|اضغط هنا|مجاني",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing about a field. `error`: cannot be used so; `warning`: deserves a look; `note`: good to know."""

    level: Literal["error", "warning", "note"]
    field: str
    message: str


def findings(source: Source) -> list[Finding]:
    """Everything there is to say about these words; the errors are the ones that `check` refuses."""
    try:
        shown = check(source)
    except TemplateInvalid as refusal:
        told = refusal.facts.get("errors") or [{"pointer": "#/text", "message": refusal.detail}]
        return [Finding("error", entry["pointer"].removeprefix("#/"), entry["message"]) for entry in told]
    return [*_unused(source), *(_of_mail(source, shown) if source.channel == "email" else _of_short(source, shown))]


def _unused(source: Source) -> Iterator[Finding]:
    parts = [source.subject, source.preheader, source.text, source.action]
    used = liquid.variables_of(source.html, markup=True).union(
        *(liquid.variables_of(each, markup=False) for each in parts)
    )
    idle = [one.name for one in source.variables if one.required and one.name not in used]
    if idle:
        yield Finding("note", "variables", f"nothing here reads {', '.join(idle)}; another channel may")


def _of_mail(source: Source, shown: Rendered) -> Iterator[Finding]:
    page = _Page()
    page.feed(shown.html)
    page.close()
    if len(shown.subject) > LONGEST_SUBJECT:
        yield Finding(
            "warning", "subject", f"telephones show about {LONGEST_SUBJECT} characters of {len(shown.subject)}"
        )
    if len(shown.subject) > 8 and _shouts(shown.subject):
        yield Finding("warning", "subject", "capitals alone look like unwanted mail")
    if not source.preheader.strip():
        yield Finding("warning", "preheader", "is empty: inboxes show the first words of the mail instead")
    for field, words in (("subject", shown.subject), ("html", plain.text_of(shown.html))):
        for found in sorted({match.group().lower() for match in _SPAM.finditer(words)}):
            yield Finding("warning", field, f"“{found}” is what filters of unwanted mail look for")
    if page.without_alt:
        yield Finding(
            "warning", "html", f"{page.without_alt} picture(s) without alt: who does not see them reads nothing"
        )
    yield from _of_links(page.links)
    size = len(shown.html.encode())
    if size > LARGEST_MAIL:
        yield Finding("warning", "html", f"the mail is {size // 1000} kB; behind 100 kB mail programs cut it off")
    if source.text.strip():
        ours = {SAMPLE_LINKS.unsubscribe, SAMPLE_LINKS.preferences}
        for link in sorted({link for link in page.links if link.startswith("http")} - ours):
            if link not in shown.text:
                yield Finding("warning", "text", f"does not hold the link to {link[:80]}")


def _shouts(words: str) -> bool:
    """Capitals alone. Letters of writings that know no capitals shout at nobody."""
    return words.isupper() and all(letter.isupper() for letter in words if letter.isalpha())


def _of_links(links: list[str]) -> Iterator[Finding]:
    for link in dict.fromkeys(links):
        parts = urlsplit(link)
        host = parts.hostname or ""
        if link == "#" or (parts.scheme in ("http", "https") and not host):
            yield Finding("warning", "html", f"the link {link or '(empty)'} leads nowhere")
        elif parts.scheme == "http" and not _at_home(host):
            yield Finding("warning", "html", f"{link[:80]} is not encrypted: write https")
        elif parts.scheme == "https" and "." not in host and not _at_home(host):
            yield Finding("warning", "html", f"{link[:80]} has no domain")
        elif parts.scheme == "mailto" and "@" not in parts.path:
            yield Finding("warning", "html", f"{link[:80]} is no mail address")


def _at_home(host: str) -> bool:
    return host in ("localhost", "127.0.0.1")


def _of_short(source: Source, shown: Rendered) -> Iterator[Finding]:
    if source.channel == "sms":
        cost = segments(shown.body)
        yield Finding(
            "warning" if cost.count > 3 else "note",
            "text",
            f"the sample makes {cost.count} SMS ({cost.units} characters of {cost.encoding})",
        )
    for field, words in (("subject", shown.title), ("text", shown.body)):
        if source.channel in rules.LIMITS and words.endswith("…"):
            yield Finding("warning", field, "the sample is cut off: a telephone shows no more")


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.links: list[str] = []
        self.without_alt = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "a":
            self.links.append((given.get("href") or "").strip())
        self.without_alt += tag == "img" and "alt" not in given

    handle_startendtag = handle_starttag
