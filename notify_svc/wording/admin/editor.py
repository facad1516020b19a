"""The editor: source and live preview side by side. What it shows is rendered by the renderer that sends."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import path, reverse

from bh_sdk.errors import BHError
from bh_sdk.server.admin import Guarded
from notify_svc.delivery import outcomes
from notify_svc.delivery.errors import NotificationNotFound
from notify_svc.wording import advice, commands, liquid, plain, queries, rendering, rules
from notify_svc.wording.admin import looks
from notify_svc.wording.errors import TemplateInvalid
from notify_svc.wording.models import TemplateVersion

SAMPLES = (
    ("sample", "Its samples"),
    ("bare", "Only what has to be there"),
    ("awkward", "Long, odd and empty"),
)
# What stands where nobody's name may be shown.
NO_NAME = "•••••"
# How each channel's fields are called; what is not named here is not asked for.
FIELDS: dict[str, dict[str, str]] = {
    "email": {"subject": "Subject", "preheader": "Shown after the subject in an inbox", "text": "Text part"},
    "in_app": {"subject": "Title", "text": "Body", "action": "Leads to"},
    "push": {"subject": "Title", "text": "Body", "action": "Leads to"},
    "sms": {"text": "Message"},
}


class Editor(Guarded):
    """The addresses of the editor, for the page of versions."""

    class Media:
        css = {"all": ("wording/wording.css",)}

    def get_urls(self) -> list[Any]:
        own = [
            path(
                f"<uuid:version_id>/{name}/",
                self.admin_site.admin_view(view),
                name=f"notify_wording_templateversion_{name}",
            )
            for name, view in (("write", self.write), ("look", self.look), ("keep", self.keep))
        ]
        return [*own, *super().get_urls()]

    def writing_address(self, version: TemplateVersion) -> str:
        return reverse(f"{self.admin_site.name}:notify_wording_templateversion_write", args=[version.pk])

    def write(self, request: HttpRequest, version_id: UUID) -> HttpResponse:
        """The editor of one draft. What is no draft any more has only its page."""
        version = self._version(request, version_id)
        if version.state != "draft":
            self.message_user(request, f"Version {version.number} is {version.state}: its words stand.", messages.INFO)
            return HttpResponseRedirect(self.address(version))
        template = version.template
        context = {
            **self.admin_site.each_context(request),
            "title": f"{template.title}, version {version.number}",
            "opts": self.opts,
            "version": version,
            "page_address": self.address(version),
            "last_by": looks.person(version.edited_by or version.created_by),
            "fields": FIELDS[template.channel],
            "email": template.channel == "email",
            "samples": SAMPLES,
            "past": outcomes.past(template.type),
            "unmasked": self._may_open(request),
            "media": self.media,
            "desk": {
                "words": {field: getattr(version, field) for field in commands.WORDS},
                "variables": version.variables,
                "revision": version.revision,
                "kinds": {name: says for name, (_, says) in rules.KINDS.items()},
                "blocks": _palette(),
                "channel": template.channel,
                "rtl": rules.direction(template.locale) == "rtl",
                "look": reverse(f"{self.admin_site.name}:notify_wording_templateversion_look", args=[version.pk]),
                "keep": reverse(f"{self.admin_site.name}:notify_wording_templateversion_keep", args=[version.pk]),
            },
        }
        return TemplateResponse(request, "wording/editor.html", context)

    def look(self, request: HttpRequest, version_id: UUID) -> HttpResponse:
        """How the words in the editor look, and what there is to say about them. Nothing is written."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        version = self._version(request, version_id)
        try:
            words, declared, asked = _read(request)
            unwritten = commands.unwritten(version.template, words, declared)
            data, name = self._filling(request, unwritten, str(asked.get("sample", "sample")))
        except TemplateInvalid as refusal:
            return JsonResponse({"findings": _refused(refusal)})
        found = [asdict(each) for each in advice.findings(unwritten.source)]
        try:
            shown = rendering.render(unwritten.source, data, recipient_name=name, links=rendering.SAMPLE_LINKS)
        except TemplateInvalid as refusal:
            return JsonResponse({"findings": found or _refused(refusal)})
        # What a reader's program would run must not even reach the frame, although the frame runs nothing.
        unsafe = any(each["level"] == "error" for each in found)
        answer = asdict(shown) | {"findings": found, "derived": _derived(unwritten)}
        return JsonResponse(answer | ({"html": ""} if unsafe else {}))

    def keep(self, request: HttpRequest, version_id: UUID) -> HttpResponse:
        """Save the draft. 409 when somebody else saved meanwhile, 422 with findings when it cannot be used."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        version = self._version(request, version_id)
        try:
            words, declared, asked = _read(request)
            saved = commands.edit(
                version_id=version.id,
                revision=int(asked.get("revision") or 0),
                words=words,
                variables=declared,
                by=self.actor(request),
                note=str(asked.get("note", ""))[:200],
            )
        except TemplateInvalid as refusal:
            return JsonResponse({"findings": _refused(refusal)}, status=422)
        except BHError as refusal:
            who = looks.person(str(refusal.facts.get("by", "")))
            said = f"{who} saved this draft meanwhile" if "by" in refusal.facts else refusal.detail
            return JsonResponse({"refused": said}, status=refusal.status)
        self.log_change(request, saved, "Saved the draft")
        return JsonResponse({"revision": saved.revision})

    def _version(self, request: HttpRequest, version_id: UUID) -> TemplateVersion:
        if not self.may(request, "draft"):
            raise PermissionDenied
        found = TemplateVersion.objects.select_related("template", "layout").filter(id=version_id).first()
        if found is None:
            raise Http404
        return found

    def _may_open(self, request: HttpRequest) -> bool:
        return bool(request.user.may("notification", "open"))  # type: ignore[union-attr]  # signed in by now

    def _filling(self, request: HttpRequest, version: TemplateVersion, sample: str) -> tuple[dict[str, Any], str]:
        """The data to look with and a name. A real notification is shown with its free text hidden, unless a policy
        lets the caller open it; its recipient's name is shown to nobody."""
        declared = version.declared
        if sample == "bare":
            return rules.bare(declared), ""
        if sample == "awkward":
            return rules.awkward(declared), "Ngũgĩ & “Søn” <3"
        if sample == "sample":
            return version.sample, rendering.SAMPLE_NAME
        try:
            data = outcomes.past_data(UUID(sample), type=version.template.type)
        except (ValueError, NotificationNotFound) as error:
            raise TemplateInvalid("this notification is not there any more") from error
        if not self._may_open(request):
            return rules.masked(declared, data), NO_NAME
        self.log_reading(request, version.template, f"Looked with notification {sample}")
        return data, NO_NAME


def _read(request: HttpRequest) -> tuple[dict[str, str], list[dict[str, Any]], dict[str, Any]]:
    """What the editor sends: words, variables and the rest. Raises TemplateInvalid for anything else."""
    try:
        asked = json.loads(request.body)
        words = {field: asked["words"].get(field) or "" for field in commands.WORDS}
        declared = asked["variables"]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise TemplateInvalid("this is not what the editor sends") from error
    if not isinstance(declared, list) or not all(
        isinstance(each, str) and "\x00" not in each for each in words.values()
    ):
        raise TemplateInvalid("this is not what the editor sends")
    return words, declared, asked


def _refused(refusal: TemplateInvalid) -> list[dict[str, str]]:
    told = refusal.facts.get("errors") or [{"pointer": "#/text", "message": refusal.detail}]
    return [
        {"level": "error", "field": entry["pointer"].removeprefix("#/"), "message": entry["message"]} for entry in told
    ]


def _palette() -> list[dict[str, Any]]:
    """The blocks with what each is given."""
    return [
        {"name": name, "takes": sorted(liquid.parameters(source))} for name, source in sorted(queries.blocks().items())
    ]


def _derived(version: TemplateVersion) -> str:
    """The text part as a template: what the HTML says, with its variables still in it."""
    return plain.text_of(version.html) if version.template.channel == "email" else ""
