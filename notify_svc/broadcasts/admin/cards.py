"""The cards of a broadcast's page."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bh_sdk.server.access.models import Staff
from bh_sdk.server.admin import parts
from notify_svc.audience import queries as campaigns
from notify_svc.broadcasts import queries
from notify_svc.broadcasts.estimating import Estimate
from notify_svc.broadcasts.models import Broadcast
from notify_svc.delivery import progress
from notify_svc.delivery.progress import SHOWN
from notify_svc.wording.errors import TemplateInvalid, TypeUnknown
from notify_svc.wording.rendering import Rendered

STAGES: dict[str, tuple[str, parts.Tone]] = {
    "draft": ("Draft", "info"),
    "asked": ("Waits for approval", "warning"),
    "scheduled": ("Scheduled", "info"),
    "sending": ("Sending", "primary"),
    "paused": ("Paused", "warning"),
    "sent": ("Everybody told", "success"),
    "expired": ("Expired", "warning"),
    "stopping": ("Stopping", "warning"),
    "stopped": ("Stopped", "danger"),
    "dropped": ("Dropped", ""),
}
LANGUAGES = {"en": "English", "es": "Spanish", "fr": "French", "ar": "Arabic"}
AUDIENCES = {
    "donors": "Donors",
    "followers": "Followers",
    "consented": "Everybody who said yes to being written to",
    "listed": "A list of people",
}
LEFT_OUT = {
    "consent_withdrawn": "no consent",
    "preference": "unsubscribed",
    "unfollowed": "left the campaign",
    "suppressed": "address suppressed",
    "no_address": "no address yet",
}
_DID = {
    "composed": "Begun",
    "written": "Words written",
    "addressed": "Audience chosen",
    "timed": "Time and pace set",
    "asked": "Approval asked for",
    "sent_back": "Sent back",
    "dropped": "Dropped",
    "approved": "Approved",
    "paused": "Paused",
    "resumed": "Resumed",
    "stopped": "Stopped",
}
_WAY = ("Draft", "Asked", "Approved", "Sending", "Everybody told")
_AT = {"draft": 0, "asked": 2, "scheduled": 3, "sending": 3, "paused": 3, "sent": 5}


def steps(stage: str) -> list[parts.Step]:
    """Where it is on its way, and from where on there is no way back."""
    if stage in ("dropped", "stopped", "stopping", "expired"):
        gone = _WAY[:1] if stage == "dropped" else _WAY[:3]
        return [*(parts.Step(name, "done") for name in gone), parts.Step(STAGES[stage][0], "failed")]
    at = _AT[stage]
    notes = {"Approved": "by somebody else", "Sending": "what has left cannot be called back"}
    return [
        parts.Step(name, "done" if place < at else "now" if place == at else "todo", notes.get(name, ""))
        for place, name in enumerate(_WAY)
    ]


def notice(row: Broadcast, stage: str, *, me: str, writers: set[str], may_approve: bool) -> str:
    """What the next step is, in a sentence for whoever looks."""
    if stage == "draft":
        missing = [
            word for word, there in (("its words", queries.fits(row)), ("its audience", row.audience)) if not there
        ]
        return (
            f"Next: {' and '.join(missing)}."
            if missing
            else "It is complete: send yourself a test, then ask for approval."
        )
    if stage == "asked":
        if me in writers:
            return "You had a hand in it, so somebody else approves it. It stands as it is until then."
        if may_approve:
            return "You decide: look at the words and the numbers, then approve it or send it back."
        return "An editor who had no hand in it decides."
    sentences = {
        "scheduled": f"It begins on {moment(row.start_at)}. Until then it can be stopped without anybody being told.",
        "sending": "People are being told, page by page. This page can be closed; the work goes on.",
        "paused": "Nobody else is told, and what has not left is held until somebody resumes it.",
        "sent": "Everybody of the audience was told. What has not left waits for quiet hours, an address or the mail server.",
        "expired": "Its time was over before everybody was told.",
        "stopping": "Nothing more leaves. What was accepted is being taken back.",
        "stopped": "Nothing more leaves. What had left before cannot be called back.",
    }
    return sentences.get(stage, "")


def ready(row: Broadcast) -> parts.Checks:
    """What is there and what is missing, for a draft."""
    found = Estimate(**row.estimate) if row.estimate else None
    checks = [
        parts.Check("Its words are written", "success")
        if queries.fits(row)
        else parts.Check("Write its words", "danger"),
        parts.Check(f"It goes to {whom(row)}", "success")
        if row.audience
        else parts.Check("Choose to whom it goes", "danger"),
    ]
    if found is not None and not found.reached:
        checks.append(parts.Check("Nobody of this audience can be reached", "danger"))
    when = f"It begins on {moment(row.start_at)}" if row.start_at else "It begins as soon as it is approved"
    checks.append(parts.Check(when, "success"))
    if row.per_minute is None and found is not None and found.people > 10_000:
        checks.append(parts.Check("No pace is set: all of them hear of it within minutes", "warning"))
    return parts.Checks("Before it can go", checks)


def whom(row: Broadcast) -> str:
    if not row.audience:
        return "nobody yet"
    campaign = campaigns.campaign(row.campaign_id) if row.campaign_id else None
    name = AUDIENCES[row.audience].lower() + (f" of {campaign.title}" if campaign else "")
    return name + (f" who read {', '.join(row.languages)}" if row.languages else "")


def audience(row: Broadcast) -> parts.Facts:
    """How many people, how many of them are reached by each channel, and why the others are not."""
    if not row.audience:
        return parts.Facts("Audience", [("To", "nobody yet")])
    return parts.Facts("Audience", [parts.Fact("To", whom(row)), *estimated(Estimate(**row.estimate))])


def estimated(found: Estimate) -> list[parts.Fact]:
    about = "about " if found.about else ""
    facts = [
        parts.Fact(
            "People",
            f"{about}{found.people:,}",
            strong=True,
            note=f"counted {found.counted_at[:16].replace('T', ' ')} UTC",
        ),
        parts.Fact("Reached", f"{about}{found.reached:,}", note="by at least one channel"),
    ]
    for channel, count in found.channels.items():
        out = found.left_out.get(channel, {})
        facts.append(
            parts.Fact(SHOWN[channel], f"{about}{count:,}", note="; ".join(_out(why, n) for why, n in out.items()))
        )
    later = found.later
    if later.get("quiet"):
        facts.append(parts.Fact("Later", f"{later['quiet']:,}", note="wait for the end of their quiet hours"))
    if later.get("digest"):
        facts.append(parts.Fact("In a digest", f"{later['digest']:,}", note="get it together with other news"))
    return facts


def _out(why: str, count: int) -> str:
    return f"{count:,} {LEFT_OUT.get(why, why)}"


def numbers(row: Broadcast, verb: str, *, counted: Estimate | None) -> dict[str, Any]:
    """What is at stake in a decision: how many people, by which ways, and what has changed since it was asked."""
    if counted is None:
        return {"question": f"{verb} nobody yet", "card": parts.Facts("", [])}
    about = "about " if counted.about else ""
    asked = Estimate(**row.estimate) if row.asked_at and row.estimate else None
    return {
        "question": f"{verb} {about}{counted.people:,} people?",
        "changed": f"It was {asked.people:,} when approval was asked for."
        if asked and asked.people != counted.people
        else "",
        "card": parts.Facts(
            "Audience",
            [
                parts.Fact("To", whom(row)),
                *estimated(counted)[1:],
                parts.Fact("Begins", moment(row.start_at) if row.start_at else "at once, when it is approved"),
                parts.Fact("Pace", f"{row.per_minute:,} people a minute" if row.per_minute else "as fast as it goes"),
            ],
        ),
    }


def timing(row: Broadcast) -> parts.Facts:
    takes = ""
    if row.per_minute and row.estimate:
        takes = f"takes {_long(int(row.estimate['people']) / row.per_minute)}"
    return parts.Facts(
        "Time and pace",
        [
            ("Begins", moment(row.start_at) if row.start_at else "as soon as it is approved"),
            ("Expires", moment(row.expires_at) if row.expires_at else "never"),
            parts.Fact(
                "Pace", f"{row.per_minute:,} people a minute" if row.per_minute else "as fast as it goes", note=takes
            ),
        ],
    )


def _long(minutes: float) -> str:
    if minutes < 1:
        return "less than a minute"
    return f"about {minutes:.0f} minutes" if minutes < 90 else f"about {minutes / 60:.1f} hours"


def who(row: Broadcast) -> parts.Facts:
    facts = [parts.Fact("Begun by", person(row.created_by))]
    if row.asked_by:
        facts.append(parts.Fact("Asked by", person(row.asked_by)))
    facts.append(parts.Fact("Second person", person(row.approved_by) if row.approved_by else "needed"))
    return parts.Facts("Who", [*facts, parts.Fact("Broadcast", str(row.id), mono=True)])


def happened(row: Broadcast) -> parts.Timeline:
    moments = [parts.Moment(_DID[one.kind], one.at, who=person(one.by), note=one.note) for one in row.steps.all()]
    return parts.Timeline("What happened", moments)


def how_far(row: Broadcast) -> list[parts.Fact]:
    """For the dialogs of a broadcast under way."""
    if row.mailing is None:
        return []
    reached, expected = row.mailing.reached, max(row.mailing.expected, row.mailing.reached)
    channels = [
        parts.Fact(SHOWN[one.channel], f"{one.sent + one.delivered:,} have left", note=f"{one.queued:,} have not")
        for one in progress.of_id(row.mailing.id)
    ]
    return [parts.Fact("Told", f"{reached:,} of {expected:,} people", strong=True), *channels]


def looks(row: Broadcast, *, asked: str, page: str) -> list[parts.Card]:
    """How it looks in every channel, by the renderer that sends, in the language that the address names (`?in=fr`)."""
    if not queries.fits(row):
        return []
    there = queries.languages(row)
    locale = asked if asked in there else there[0]
    others = [parts.Fact(LANGUAGES.get(one, one), "See it", href=f"{page}?in={one}") for one in there if one != locale]
    try:
        found = queries.looks(row, locale)
    except (TemplateInvalid, TypeUnknown) as refusal:
        return [parts.Words("These words cannot be written", refusal.detail)]
    shown = [
        card
        for version, words in found
        for card in _look(version.template.channel, LANGUAGES.get(version.template.locale, ""), words)
    ]
    return [*shown, *([parts.Facts("To who reads another language", others)] if others else [])]


def _look(channel: str, locale: str, words: Rendered) -> list[parts.Card]:
    if channel == "email":
        return [
            parts.Preview(f"Mail, {locale}", words.html, subject=words.subject),
            parts.Words(f"As text, {locale}", words.text),
        ]
    title = f"{SHOWN[channel]}, {locale}"
    return [parts.Facts(title, [("Title", words.title), ("Body", words.body), ("Leads to", words.action_url)])]


def moment(at: datetime | None) -> str:
    return f"{at:%d %b %Y, %H:%M} UTC" if at else ""


def person(sub: str) -> str:
    """How staff call somebody whom a row knows by `sub`."""
    known = Staff.objects.filter(sub=sub).first() if len(sub) == 36 else None
    return str(known) if known else sub[:8]
