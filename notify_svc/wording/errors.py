"""Why words are refused."""

from __future__ import annotations

from bh_sdk.errors import Conflict, Invalid


class TemplateInvalid(Invalid):
    """The template cannot be parsed, would not render its own samples, or would render something unsafe."""

    code, title = "template_invalid", "The template cannot be used"


class TypeUnknown(Invalid):
    code, title = "notification_type_unknown", "There is no template for this type"


class DataInvalid(Invalid):
    """`errors` point into `data`, per variable that the template declares."""

    code, title = "notification_data_invalid", "The data does not fit the template"


class VersionNotPublishable(Conflict):
    code, title = "version_not_publishable", "Only a draft or a retired version can go live"
