"""Templates, layouts and their editions. Words that have left the desk never change: an edit is a new edition, and the
database insists."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.db import models
from django.db.models import F, Q

from notify_svc.wording import rules
from notify_svc.wording.rendering import Source

_BEFORE = (*rules.OPEN, "dropped")


def _life(of: str, *, one: list[str]) -> list[models.BaseConstraint]:
    """What the database itself sees to in the life of an edition. `one` names what has one live and one open edition."""
    return [
        models.UniqueConstraint(fields=[*one, "number"], name=f"notify_{of}_number"),
        models.UniqueConstraint(fields=one, condition=Q(state="live"), name=f"notify_{of}_one_live"),
        models.UniqueConstraint(fields=one, condition=Q(state__in=rules.OPEN), name=f"notify_{of}_one_open"),
        models.CheckConstraint(condition=Q(state__in=rules.STATES), name=f"notify_{of}_state"),
        models.CheckConstraint(
            condition=Q(two_people=False)
            | Q(state__in=_BEFORE, published_by="")
            | (
                ~Q(state__in=_BEFORE)
                & ~Q(published_by="")
                & ~Q(published_by=F("created_by"))
                & ~Q(published_by=F("edited_by"))
            ),
            name=f"notify_{of}_two_people",
        ),
    ]


class Edition(models.Model):
    """One numbered edition of something written: a draft that may be edited, then words that stay.

    `published_by` let it speak first; `restored_by` brought it back later. With `two_people` neither its author nor its
    last editor publishes it.
    """

    number = models.PositiveIntegerField()
    state = models.CharField(max_length=8, choices=[(name, name) for name in rules.STATES], default="draft")
    two_people = models.BooleanField(default=False, db_default=False)
    # Counts the savings of a draft, so that nobody saves over what somebody else wrote meanwhile.
    revision = models.PositiveIntegerField(default=1, db_default=1)
    note = models.CharField(max_length=200, blank=True, db_default="")
    created_by = models.CharField(max_length=64, db_default="seed")
    created_at = models.DateTimeField()
    edited_by = models.CharField(max_length=64, blank=True, db_default="")
    edited_at = models.DateTimeField(null=True)
    published_by = models.CharField(max_length=64, blank=True, db_default="")
    published_at = models.DateTimeField(null=True)
    restored_by = models.CharField(max_length=64, blank=True, db_default="")
    restored_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True

    @property
    def writers(self) -> set[str]:
        """Who may not be the second person."""
        return {self.created_by, self.edited_by} - {""}


class Layout(Edition):
    """The frame around every mail with the blocks that its words may use, so that an old mail can be shown as it was."""

    name = models.CharField(max_length=40)
    html = models.TextField()
    text = models.TextField()
    blocks = models.JSONField(default=dict, db_default=models.Value({}, models.JSONField()))

    class Meta:
        ordering: ClassVar[list[str]] = ["name", "-number"]
        constraints: ClassVar[list[models.BaseConstraint]] = _life("layout", one=["name"])

    def __str__(self) -> str:
        return f"{self.name} {self.number}"


class Template(models.Model):
    """What one type of message says in one channel and locale. Its words are in its versions."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    type = models.CharField(max_length=64)
    channel = models.CharField(max_length=8, choices=[(name, name) for name in rules.CHANNELS])
    locale = models.CharField(max_length=5)
    title = models.CharField(max_length=120, help_text="What staff call it")
    category = models.CharField(max_length=16, choices=[(name, name) for name in rules.CATEGORIES])
    created_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar[list[str]] = ["type", "channel", "locale"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["type", "channel", "locale"], name="notify_template_once"),
            models.CheckConstraint(condition=models.Q(category__in=rules.CATEGORIES), name="notify_template_category"),
        ]

    def __str__(self) -> str:
        return f"{self.title} · {self.channel} · {self.locale}"


class TemplateVersion(Edition):
    """One edition of a template: at most one is live, at most one is open."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    template = models.ForeignKey(Template, on_delete=models.PROTECT, related_name="versions")
    layout = models.ForeignKey(Layout, on_delete=models.PROTECT, null=True, related_name="+")
    subject = models.TextField(help_text="The subject of a mail, the title of a feed entry or a push")
    preheader = models.TextField(blank=True, help_text="What inboxes show after the subject")
    # Written as MJML, `html` is what came of it when it was saved: a mail never waits for a compiler.
    mjml = models.TextField(blank=True, db_default="")
    html = models.TextField(blank=True)
    text = models.TextField(
        blank=True, help_text="The text part of a mail (empty: taken from its HTML), the body of everything else"
    )
    action = models.TextField(blank=True, help_text="Where a feed entry or a push leads")
    variables = models.JSONField(default=list)

    class Meta:
        ordering: ClassVar[list[str]] = ["template", "-number"]
        constraints: ClassVar[list[models.BaseConstraint]] = _life("version", one=["template"])

    def __str__(self) -> str:
        return f"{self.template} v{self.number}"

    @property
    def source(self) -> Source:
        """The words, ready for `render`."""
        return Source(
            channel=self.template.channel,
            category=self.template.category,
            locale=self.template.locale,
            subject=self.subject,
            preheader=self.preheader,
            html=self.html,
            text=self.text,
            action=self.action,
            whole=bool(self.mjml),
            layout_html=self.layout.html if self.layout else "{{ content }}",
            layout_text=self.layout.text if self.layout else "{{ content }}",
            blocks=self.layout.blocks if self.layout else {},
            variables=self.declared,
        )

    @property
    def declared(self) -> tuple[rules.Variable, ...]:
        return rules.declared(self.variables)

    @property
    def sample(self) -> dict[str, Any]:
        return rules.samples(self.declared)
