"""Reading words: which version speaks for a type, a channel and a locale."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from notify_svc.wording import rules
from notify_svc.wording.errors import DataInvalid, TypeUnknown
from notify_svc.wording.models import Layout, Template, TemplateVersion
from notify_svc.wording.rendering import Rendered, sampled


class Wordings:
    """The live versions of one type, read once; then asked per channel and locale without the database.

    With `agreed` those versions instead, whether they are still live or not: words that somebody has approved.
    """

    def __init__(self, type: str, agreed: Collection[UUID] = ()) -> None:
        self.type = type
        versions = TemplateVersion.objects.filter(template__type=type).select_related("template", "layout")
        spoken = versions.filter(id__in=agreed) if agreed else versions.filter(state="live")
        self._live = {(version.template.channel, version.template.locale): version for version in spoken}
        if not self._live:
            raise TypeUnknown(errors=[{"pointer": "#/type", "message": "there is no template for this type"}])

    @property
    def channels(self) -> tuple[str, ...]:
        return tuple(sorted({channel for channel, _ in self._live}))

    @property
    def versions(self) -> list[TemplateVersion]:
        """All of them, by channel and locale."""
        return [self._live[key] for key in sorted(self._live)]

    @property
    def declared(self) -> dict[str, rules.Variable]:
        """What callers may and must send, over all channels and locales together."""
        return rules.merged(version.declared for version in self.versions)

    @property
    def category(self) -> str:
        return next(iter(self._live.values())).template.category

    def pick(
        self, channel: str, locale: str | None, *, fitting: Mapping[str, Any] | None = None
    ) -> TemplateVersion | None:
        """The version for this locale, or for its language, or the default; None when the channel has no words.

        `fitting`: only what this data, which was accepted earlier, can still fill.
        """
        for candidate in rules.locale_chain(locale):
            found = self._live.get((channel, candidate))
            if found and (fitting is None or not rules.misfits(found.declared, _of(found, fitting))):
                return found
        return None

    def check(self, data: Mapping[str, Any], *, channels: Collection[str]) -> None:
        """Raises DataInvalid, with a pointer per variable, unless the data fills every version of these channels."""
        wrong = self.misfits(data, channels=channels)
        if wrong:
            raise DataInvalid(errors=wrong)

    def misfits(self, data: Mapping[str, Any], *, channels: Collection[str]) -> list[dict[str, str]]:
        """What keeps the data from filling every version of these channels."""
        variables: dict[str, rules.Variable] = {}
        for (channel, _), version in self._live.items():
            for one in version.declared:
                needed = one.required and channel in channels
                known = variables.get(one.name)
                variables[one.name] = replace(one, required=needed or (known is not None and known.required))
        return rules.misfits(tuple(variables.values()), data)


def _of(version: TemplateVersion, data: Mapping[str, Any]) -> dict[str, Any]:
    """What of this data the version reads: each channel of a type may declare other variables."""
    names = {one.name for one in version.declared}
    return {name: value for name, value in data.items() if name in names}


def types() -> list[tuple[str, str]]:
    """Every type that has live words, with what staff call it (as its mail is called, where it has one)."""
    rows = TemplateVersion.objects.filter(state="live", template__locale=rules.DEFAULT_LOCALE)
    found: dict[str, str] = {}
    for type, channel, title in rows.values_list("template__type", "template__channel", "template__title"):
        if channel == "email" or type not in found:
            found[type] = title
    return sorted(found.items())


def named(template_id: UUID) -> tuple[str, str]:
    """The type and the channel of a template with live words. Raises TypeUnknown."""
    found = TemplateVersion.objects.filter(template_id=template_id, state="live").select_related("template").first()
    if found is None:
        raise TypeUnknown(errors=[{"pointer": "#/template_id", "message": "there is no such template with live words"}])
    return found.template.type, found.template.channel


def version(version_id: UUID) -> TemplateVersion:
    return TemplateVersion.objects.select_related("template", "layout").get(id=version_id)


def versions(ids: set[UUID]) -> dict[UUID, TemplateVersion]:
    return TemplateVersion.objects.select_related("template", "layout").in_bulk(list(ids))


def preview(version: TemplateVersion) -> Rendered:
    """How a version looks with its own samples."""
    return sampled(version.source)


def open_version(template: Template) -> TemplateVersion | None:
    """The draft or the version in review, if there is one."""
    return template.versions.filter(state__in=rules.OPEN).first()


def blocks() -> dict[str, str]:
    """The blocks of the layout that is live."""
    layout = Layout.objects.filter(state="live").order_by("-number").first()
    return dict(layout.blocks) if layout else {}


def history(template: Template) -> list[TemplateVersion]:
    return list(template.versions.select_related("template", "layout").order_by("-number"))
