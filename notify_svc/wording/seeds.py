"""The words a new database starts with: in `templates_seed/` one TOML file per type, with what it is sent and its English
words, and one per type in the folder of every other language. Migrations read them.

A seed is version 1 of its template. What editors publish later is theirs: when these files change, only words that are
still the product's own become a new version, and words that read what is not sent any more.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from notify_svc.wording import rules
from notify_svc.wording.rendering import Source

HERE = Path(__file__).parent / "templates_seed"
# Seeds have no author and no moment: the same rows on every machine.
WHEN = datetime(2026, 1, 1, tzinfo=UTC)
BY = "seed"
NEWEST = 2
LOCALES = ("en", "es", "fr", "ar")
REFRESHED = "The product's own words"
FIELDS = ("subject", "preheader", "html", "text", "action")
MODELS = ("Layout", "Template", "TemplateVersion")


@dataclass(frozen=True, slots=True)
class Seed:
    """One template of the start and its first words."""

    type: str
    title: str
    source: Source

    def id(self, kind: str) -> UUID:
        return uuid5(NAMESPACE_URL, f"urn:bh:{kind}:{self.type}:{self.source.channel}:{self.source.locale}")


@dataclass(frozen=True, slots=True)
class Frame:
    """One edition of the frame of mails, with the blocks that words in it may use."""

    number: int
    html: str
    text: str
    blocks: dict[str, str]


def frame(number: int) -> Frame:
    """The frame as it shipped under this number. The first had no blocks."""
    name = "layout" if number == 1 else f"layout-{number}"
    found = {path.stem: path.read_text("utf-8") for path in sorted((HERE / "blocks").glob("*.html"))}
    html, text = ((HERE / f"{name}.{kind}").read_text("utf-8") for kind in ("html", "txt"))
    return Frame(number, html, text, found if number > 1 else {})


def seeds() -> Iterator[Seed]:
    """Every template a new database starts with."""
    newest = frame(NEWEST)
    framed: dict[str, Any] = {"layout_html": newest.html, "layout_text": newest.text, "blocks": newest.blocks}
    for path in sorted(HERE.glob("*.toml")):
        about = tomllib.loads(path.read_text("utf-8"))
        shared = {"category": about["category"], "variables": rules.declared(about["variables"])}
        for locale in LOCALES:
            spoken = (
                about
                if locale == rules.DEFAULT_LOCALE
                else tomllib.loads((HERE / locale / path.name).read_text("utf-8"))
            )
            # A digest is a mail alone: what it gathers is in the feed already.
            for channel in (name for name in rules.CHANNELS if name in spoken):
                # Where it leads is the same in every language.
                words = {"action": about[channel].get("action", "")} | spoken[channel]
                words = {field: text.strip() for field, text in words.items()}
                around = framed if channel == "email" else {}
                source = Source(channel=channel, locale=locale, **words, **shared, **around)
                yield Seed(path.name.removesuffix(".toml"), about["title"], source)


def plant(apps: Any, schema_editor: Any) -> None:
    """The migration's step: write layout 1 and every template that is missing, with a live version 1."""
    layouts, templates, versions = (apps.get_model("notify_wording", name).objects for name in MODELS)
    around = layouts.order_by("-number").first()
    if around is None:
        first = frame(1)
        around = layouts.create(name="mail", number=1, html=first.html, text=first.text, created_at=WHEN)
    there = set(templates.values_list("type", "channel", "locale"))
    fresh = [seed for seed in seeds() if (seed.type, seed.source.channel, seed.source.locale) not in there]
    templates.bulk_create(
        templates.model(
            id=seed.id("template"),
            type=seed.type,
            channel=seed.source.channel,
            locale=seed.source.locale,
            title=seed.title,
            category=seed.source.category,
            created_at=WHEN,
        )
        for seed in fresh
    )
    versions.bulk_create(
        versions.model(id=seed.id("version"), template_id=seed.id("template"), number=1, **_live(seed, around))
        for seed in fresh
    )


def _live(seed: Seed, around: Any) -> dict[str, Any]:
    """What a live version holds that says what the seed says."""
    return {field: getattr(seed.source, field) for field in FIELDS} | {
        "variables": [one.as_json() for one in seed.source.variables],
        "layout": around if seed.source.channel == "email" else None,
        "state": "live",
        "created_by": BY,
        "created_at": WHEN,
        "published_by": BY,
        "published_at": WHEN,
    }


def refresh(apps: Any, schema_editor: Any) -> None:
    """The migration's step: plant what is missing, and let the product's own words, where they are live, say what they say
    now. An editor's words stay, unless they need what nobody sends any more: those are retired, and can be read."""
    plant(apps, schema_editor)
    layouts, templates, versions = (apps.get_model("notify_wording", name).objects for name in MODELS)
    around = layouts.filter(state="live").order_by("-number").first()
    spoken = {
        (row.template.type, row.template.channel, row.template.locale): row
        for row in versions.filter(state="live").select_related("template")
    }
    for seed in seeds():
        live = spoken.get((seed.type, seed.source.channel, seed.source.locale))
        if live is None:
            continue
        words = _live(seed, around)
        templates.filter(id=live.template_id).update(category=seed.source.category, title=seed.title)
        same = all(getattr(live, field) == words[field] for field in (*FIELDS, "variables"))
        if same or not (_own(live, versions) or _needs_more(live, seed)):
            continue
        number = versions.filter(template=live.template_id).order_by("-number").values_list("number", flat=True)[0] + 1
        versions.filter(id=live.id).update(state="retired")
        versions.create(
            id=uuid5(live.id, "refreshed"), template_id=live.template_id, number=number, note=REFRESHED, **words
        )


def _own(live: Any, versions: Any) -> bool:
    """Whether live words are the product's own: as it shipped, or shipped and put into another frame."""
    if live.created_by != BY:
        return False
    first = versions.filter(template=live.template_id, number=1).first()
    return live.note == REFRESHED or all(getattr(live, field) == getattr(first, field) for field in FIELDS)


def _needs_more(live: Any, seed: Seed) -> bool:
    """Whether live words read a variable that is not sent any more, or is of another kind now."""
    sent = {one.name: one for one in seed.source.variables}
    return any(
        one["name"] not in sent
        or one["kind"] != sent[one["name"]].kind
        or (one.get("required", True) and not sent[one["name"]].required)
        for one in live.variables
    )


def frame_mails(apps: Any, schema_editor: Any) -> None:
    """The migration's step: write the newest frame and let every live mail speak in it, as a version of its own."""
    layouts, _, versions = (apps.get_model("notify_wording", name).objects for name in MODELS)
    newest = frame(NEWEST)
    layouts.filter(name="mail", state="live").update(state="retired")
    around = layouts.create(
        name="mail",
        number=newest.number,
        state="live",
        html=newest.html,
        text=newest.text,
        blocks=newest.blocks,
        created_at=WHEN,
        published_by=BY,
        published_at=WHEN,
    )
    for version in versions.filter(state="live", template__channel="email"):
        highest = versions.filter(template=version.template_id).order_by("-number").first()
        versions.filter(id=version.id).update(state="retired")
        version.id, version.number = uuid5(version.id, "framed"), highest.number + 1
        version.layout, version.note = around, "In the frame with languages and blocks"
        version.created_by = version.published_by = BY
        version.created_at = version.published_at = WHEN
        version.two_people = False
        version.save(force_insert=True)
