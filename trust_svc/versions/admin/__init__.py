"""The desk of parameter sets: what one is, what it would do, and the buttons of its life. Nobody edits one."""

from trust_svc.versions.admin import sets

__all__ = ["sets"]
