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


def layout() -> tuple[str, str]:
    """The first frame of mails: HTML and text."""
    return (HERE / "layout.html").read_text("utf-8"), (HERE / "layout.txt").read_text("utf-8")


def seeds() -> Iterator[Seed]:
    """Every template a new database starts with."""
    html, text = layout()
    for path in sorted(HERE.glob("*.toml")):
        about = tomllib.loads(path.read_text("utf-8"))
        variables = rules.declared(about["variables"])
        for channel, frame in (("email", {"layout_html": html, "layout_text": text}), ("in_app", {})):
            words: dict[str, Any] = {field: words.strip() for field, words in about[channel].items()}
            source = Source(channel=channel, category=about["category"], variables=variables, **words, **frame)
            yield Seed(type=path.name.removesuffix(".toml"), title=about["title"], source=source)


def plant(apps: Any, schema_editor: Any) -> None:
    """The migration's step: write layout 1 and every template with a live version 1."""
    layouts, templates, versions = (apps.get_model("notify_wording", name).objects for name in MODELS)
    html, text = layout()
    frame, _ = layouts.get_or_create(name="mail", number=1, defaults={"html": html, "text": text, "created_at": WHEN})
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
                "layout": frame if source.channel == "email" else None,
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
