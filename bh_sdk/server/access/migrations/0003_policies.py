"""Which role includes which, and who works the kit's own admin pages."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations

from bh_sdk.server.access.seeds import seed_kit


class Migration(migrations.Migration):
    dependencies: ClassVar = [("bh_access", "0002_stamps")]

    operations: ClassVar = [migrations.RunPython(seed_kit, migrations.RunPython.noop)]
