"""The words a new database starts with: one TOML file per type in `templates_seed/`, read by a migration.

A seed is version 1 of its template. Later changes are made by editors, as versions; these files do not overwrite them.
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
MODELS = ("Layout", "Template", "TemplateVersion")


@dataclass(frozen=True, slots=True)
class Seed:
    """One template of the start and its first words."""

    type: str
    title: str
    source: Source
    locale: str = rules.DEFAULT_LOCALE

    def id(self, kind: str) -> UUID:
        return uuid5(NAMESPACE_URL, f"urn:bh:{kind}:{self.type}:{self.source.channel}:{self.locale}")


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
        variables = rules.declared(about["variables"])
        # A digest is a mail alone: what it gathers is in the feed already.
        for channel, around in (
            (name, around) for name, around in (("email", framed), ("in_app", {})) if name in about
        ):
            words: dict[str, Any] = {field: words.strip() for field, words in about[channel].items()}
            source = Source(channel=channel, category=about["category"], variables=variables, **words, **around)
            yield Seed(type=path.name.removesuffix(".toml"), title=about["title"], source=source)


def plant(apps: Any, schema_editor: Any) -> None:
    """The migration's step: write layout 1 and every template with a live version 1."""
    layouts, templates, versions = (apps.get_model("notify_wording", name).objects for name in MODELS)
    around = layouts.order_by("-number").first()
    if around is None:
        first = frame(1)
        around = layouts.create(name="mail", number=1, html=first.html, text=first.text, created_at=WHEN)
    for seed in seeds():
        source = seed.source
        template, _ = templates.get_or_create(
            type=seed.type,
            channel=source.channel,
            locale=seed.locale,
            defaults={"id": seed.id("template"), "title": seed.title, "category": source.category, "created_at": WHEN},
        )
        versions.get_or_create(
            template=template,
            number=1,
            defaults={
                "id": seed.id("version"),
                "state": "live",
                "layout": around if source.channel == "email" else None,
                "subject": source.subject,
                "preheader": source.preheader,
                "html": source.html,
                "text": source.text,
                "action": source.action,
                "variables": [one.as_json() for one in source.variables],
                "created_by": BY,
                "created_at": WHEN,
                "published_by": BY,
                "published_at": WHEN,
            },
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
