"""What is asked before words change hands."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpRequest

from bh_sdk.server.admin import Dialog
from notify_svc.delivery import outcomes
from notify_svc.wording import commands, queries


class Begin(Dialog):
    note = forms.CharField(max_length=200, required=False, label="What will change", help_text="For your colleagues")


class Reason(Dialog):
    why = forms.CharField(label="What should be different", min_length=3, max_length=150)


class Speak(Dialog):
    """The last look before words speak: what changes for whoever sends this type has to be confirmed by name."""

    facts_template = "wording/breaking.html"

    def __init__(self, request: HttpRequest, object_id: int | str | None = None, *args: Any, **kwargs: Any) -> None:
        super().__init__(request, object_id, *args, **kwargs)
        self.version = queries.version(UUID(str(object_id)))
        self.found = commands.what_breaks(self.version)
        if self.found.names:
            self.fields["told"] = forms.BooleanField(
                label=f"Everybody who sends {self.version.template.type} has changed what they send",
                error_messages={"required": "Without that their messages would be refused."},
            )

    def facts(self, request: HttpRequest, object_id: str | None) -> dict[str, Any]:
        kind = self.version.template.type
        senders = outcomes.senders(kind) if self.found.names else []
        by_facts = any(one.name == outcomes.BY_FACTS for one in senders)
        return {"breaks": self.found, "type": kind, "senders": senders, "by_facts": by_facts}

    def accepted(self) -> frozenset[str]:
        return self.found.names

    def told(self, done: str) -> str:
        """The sentence for the log: what was confirmed stands in it."""
        return f"{done}; confirmed: {', '.join(sorted(self.found.names))}" if self.found.names else done


class ToMyself(Dialog):
    facts_template = "wording/to_myself.html"

    def facts(self, request: HttpRequest, object_id: str | None) -> dict[str, Any]:
        return {"email": request.user.email}  # type: ignore[union-attr]  # nobody gets here without signing in
