"""Templates and their versions. A version's words never change: an edit is a new version, and the database insists."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.db import models

from notify_svc.wording import rules
from notify_svc.wording.rendering import Source


class Layout(models.Model):
    """The frame around every mail, numbered and immutable, so that an old mail can be shown as it was."""

    name = models.CharField(max_length=40)
    number = models.PositiveIntegerField()
    html = models.TextField()
    text = models.TextField()
    created_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["name", "number"], name="notify_layout_number")
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.number}"


class Template(models.Model):
    """What one type of message says in one channel and locale. Its words are in its versions."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    type = models.CharField(max_length=64)
    channel = models.CharField(max_length=8, choices=[(name, name) for name in ("email", "in_app")])
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


class TemplateVersion(models.Model):
    """One edition of a template: draft, live (at most one) or retired."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    template = models.ForeignKey(Template, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=8, choices=[(name, name) for name in rules.STATES], default="draft")
    layout = models.ForeignKey(Layout, on_delete=models.PROTECT, null=True, related_name="+")
    subject = models.TextField(help_text="The subject of a mail, the title of a feed entry")
    preheader = models.TextField(blank=True, help_text="What inboxes show after the subject")
    html = models.TextField(blank=True)
    text = models.TextField(help_text="The text part of a mail, the body of a feed entry")
    action = models.TextField(blank=True, help_text="Where a feed entry leads")
    variables = models.JSONField(default=list)
    note = models.CharField(max_length=200, blank=True)
    created_by = models.CharField(max_length=64)
    created_at = models.DateTimeField()
    published_by = models.CharField(max_length=64, blank=True)
    published_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["template", "-number"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["template", "number"], name="notify_version_number"),
            models.UniqueConstraint(
                fields=["template"], condition=models.Q(state="live"), name="notify_version_one_live"
            ),
            models.CheckConstraint(condition=models.Q(state__in=rules.STATES), name="notify_version_state"),
        ]

    def __str__(self) -> str:
        return f"{self.template} v{self.number}"

    @property
    def source(self) -> Source:
        """The words, ready for `render`."""
        return Source(
            channel=self.template.channel,
            category=self.template.category,
            subject=self.subject,
            preheader=self.preheader,
            html=self.html,
            text=self.text,
            action=self.action,
            layout_html=self.layout.html if self.layout else "{{ content }}",
            layout_text=self.layout.text if self.layout else "{{ content }}",
            variables=self.declared,
        )

    @property
    def declared(self) -> tuple[rules.Variable, ...]:
        return rules.declared(self.variables)

    @property
    def sample(self) -> dict[str, Any]:
        return rules.samples(self.declared)
