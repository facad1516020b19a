"""Cards that several pages of editors share."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from bh_sdk.server.admin import parts
from notify_svc.delivery.outcomes import Fared
from notify_svc.who import called
from notify_svc.wording import advice, queries, rendering
from notify_svc.wording.diff import Change
from notify_svc.wording.errors import TemplateInvalid
from notify_svc.wording.models import TemplateVersion
from notify_svc.wording.rendering import Rendered
from notify_svc.wording.segments import segments

DESK, DESK_ORDER = "Words", 20
STATES: dict[str, parts.Tone] = {
    "draft": "info",
    "review": "warning",
    "live": "success",
    "retired": "",
    "dropped": "danger",
}
_LEVELS: dict[str, Any] = {"error": "danger", "warning": "warning", "note": "success"}


def shown(words: Rendered, channel: str) -> list[parts.Card]:
    """How rendered words look: a mail as its reader sees it and as text, all else as its lines."""
    if channel == "email":
        return [
            parts.Preview("On a screen", words.html, subject=words.subject),
            parts.Words("As text", words.text),
        ]
    if channel == "sms":
        cost = segments(words.body)
        return [parts.Words(f"As SMS: {cost.count} of {cost.encoding}, {cost.units} characters", words.body)]
    title = "In the feed" if channel == "in_app" else "On a telephone"
    return [parts.Facts(title, [("Title", words.title), ("Body", words.body), ("Leads to", words.action_url)])]


def look_of(version: TemplateVersion) -> list[parts.Card]:
    """A version with its samples, or why it cannot be shown."""
    try:
        return shown(queries.preview(version), version.template.channel)
    except TemplateInvalid as refusal:
        return [parts.Words("These words cannot be written", refusal.detail)]


def advised(source: rendering.Source) -> parts.Checks:
    """What there is to say about the words, errors first."""
    found = advice.findings(source)
    checks = [parts.Check(f"{each.field}: {each.message}", _LEVELS[each.level]) for each in found]
    return parts.Checks("Checks", checks or [parts.Check("Nothing to say against it")])


def variables(version: TemplateVersion) -> parts.Table:
    return parts.Table(
        "Variables",
        ["Name", "Kind", "Sample"],
        [
            [
                one.name + ("" if one.required else " (optional)"),
                one.kind,
                _sample(one.sample),
            ]
            for one in version.declared
        ],
    )


def _sample(value: Any) -> str:
    shown = json.dumps(value, ensure_ascii=False)
    return shown if len(shown) <= 36 else f"{shown[:35]}…"


def begun(version: TemplateVersion) -> str:
    """Who began it and when, as one line."""
    if version.created_by == "seed":
        return "as shipped"
    return f"by {person(version.created_by)}, {version.created_at:%d %b %Y}"


def changed(title: str, changes: Sequence[Change]) -> parts.Card:
    return parts.Custom(title, "wording/diff.html", {"changes": changes})


def person(sub: str) -> str:
    """How staff call somebody whom a row knows by `sub`."""
    if sub in ("", "seed"):
        return {"": "nobody", "seed": "as shipped"}[sub]
    return called(sub)


def fared(outcome: Fared) -> str:
    """One line about what became of a version's deliveries."""
    if not outcome.all:
        return "sent to nobody yet"
    told = [f"{outcome.sent:,} sent"]
    for count, word in (
        (outcome.delivered, "delivered"),
        (outcome.bounced, "bounced"),
        (outcome.complained, "complained"),
        (outcome.failed, "failed"),
    ):
        if count:
            told.append(f"{count:,} {word}")
    return ", ".join(told)
