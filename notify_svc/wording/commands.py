"""Changing words: draft a version, publish it (which retires the one before), retire it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import transaction

from bh_sdk.server.ops import clock
from notify_svc.wording import rules
from notify_svc.wording.errors import TemplateInvalid, VersionNotPublishable
from notify_svc.wording.models import Layout, Template, TemplateVersion
from notify_svc.wording.rendering import Rendered, check

WORDS = ("subject", "preheader", "html", "text", "action")


def prove(*, template_id: UUID, words: Mapping[str, str], variables: Sequence[dict[str, Any]]) -> Rendered:
    """How a version with these words would look with its samples; writes nothing. Raises TemplateInvalid."""
    return check(_version(Template.objects.get(id=template_id), words, variables).source)


@transaction.atomic
def draft(
    *, template_id: UUID, words: Mapping[str, str], variables: Sequence[dict[str, Any]], by: str, note: str = ""
) -> TemplateVersion:
    """Write the next version of a template, proven to parse and to render its samples; nobody gets it yet.

    Raises TemplateInvalid with a pointer per field.
    """
    template = Template.objects.select_for_update().get(id=template_id)
    last = template.versions.order_by("-number").first()
    version = _version(template, words, variables)
    version.number = (last.number if last else 0) + 1
    version.note, version.created_by, version.created_at = note, by, clock.now()
    check(version.source)
    version.save(force_insert=True)
    return version


def _version(template: Template, words: Mapping[str, str], variables: Sequence[dict[str, Any]]) -> TemplateVersion:
    """A version that is not written yet. Raises TemplateInvalid for a declaration that cannot be read."""
    try:
        declared = rules.declared(variables)
    except (TypeError, ValueError) as error:
        raise TemplateInvalid(errors=[{"pointer": "#/variables", "message": str(error)}]) from error
    return TemplateVersion(
        template=template,
        layout=Layout.objects.order_by("-number").first() if template.channel == "email" else None,
        variables=[one.as_json() for one in declared],
        **{field: words.get(field, "") for field in WORDS},
    )


@transaction.atomic
def publish(*, version_id: UUID, by: str) -> TemplateVersion:
    """Let a draft speak, or a retired version again. The one that spoke until now is retired.

    Locks the template, so two editors never leave two live versions. Raises VersionNotPublishable, TemplateInvalid.
    """
    template = Template.objects.select_for_update().get(versions=version_id)
    version = template.versions.select_related("template", "layout").get(id=version_id)
    if (version.state, "live") not in rules.STATE_MOVES:
        raise VersionNotPublishable(state=version.state)
    check(version.source)
    template.versions.filter(state="live").update(state="retired")
    version.state, version.published_by, version.published_at = "live", by, clock.now()
    version.save(update_fields=["state", "published_by", "published_at"])
    return version
