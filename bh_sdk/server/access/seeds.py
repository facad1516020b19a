"""Putting policies into the table from a migration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bh_sdk.server.access.roles import ALL, INCLUDES

if TYPE_CHECKING:
    from collections.abc import Iterable

# What the kit's own admin pages need in every service.
KIT_POLICIES: tuple[tuple[str, str, str], ...] = (
    *(("admin", noun, verb) for noun in ("policy", "revocation") for verb in ("view", "add", "delete")),
    *(("admin", "staff", verb) for verb in ("view", "add", "change")),
    *((role, "log", "view") for role in ("admin", "auditor")),
    *(("auditor", noun, "view") for noun in ("policy", "revocation", "staff")),
)


def seed_policies(apps: Any, schema_editor: Any, policies: Iterable[tuple[str, str, str]]) -> None:
    """Add the `(role, noun, verb)` lines that are not there yet. For `RunPython` in a service's data migration:

        migrations.RunPython(partial(seed_policies, policies=POLICIES), migrations.RunPython.noop)

    The migration depends on `("bh_access", "0003_policies")`. Running it again changes nothing, and what staff removed
    since stays removed only as long as nobody seeds it again. Raises ValueError on a role that does not exist.
    """
    lines = [("p", role, noun, verb) for role, noun, verb in policies]
    unknown = {role for _, role, _, _ in lines} - set(ALL)
    if unknown:
        raise ValueError(f"no such role: {', '.join(sorted(unknown))}")
    _add(apps, schema_editor, lines)


def seed_kit(apps: Any, schema_editor: Any) -> None:
    """Which role includes which, and who may work the kit's own admin pages."""
    _add(apps, schema_editor, [("g", role, included, "") for role, included in INCLUDES])
    seed_policies(apps, schema_editor, KIT_POLICIES)


def _add(apps: Any, schema_editor: Any, lines: Iterable[tuple[str, str, str, str]]) -> None:
    rows = apps.get_model("casbin_adapter", "CasbinRule").objects.using(schema_editor.connection.alias)
    there = set(rows.values_list("ptype", "v0", "v1", "v2"))
    new = [line for line in dict.fromkeys(lines) if line not in there]
    rows.bulk_create(rows.model(ptype=ptype, v0=v0, v1=v1, v2=v2, v3="", v4="", v5="") for ptype, v0, v1, v2 in new)
