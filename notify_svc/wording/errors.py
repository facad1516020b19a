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
    code, title = (
        "version_not_publishable",
        "Only what is in review can be published, and only what was live before comes back",
    )


class VersionNotOpen(Conflict):
    code, title = "version_not_open", "This edition is not open for that any more"


class DraftChanged(Conflict):
    """`by` saved it, `revision` is what it has become."""

    code, title = "draft_changed", "Somebody else saved this draft meanwhile"


class DraftOpen(Conflict):
    """`version_id` is the one that is open."""

    code, title = "draft_open", "There is an open draft already: go on with that one, or drop it"


class BreakingChange(Conflict):
    """`required`, `removed` and `changed` name the variables that callers have to change first."""

    code, title = "breaking_change", "Who sends this type has to change what it sends"


class FrameChanged(Conflict):
    code, title = (
        "frame_changed",
        "The frame of mails has changed meanwhile: send this back, look at it again and hand it in",
    )
