"""Who answers a bank, as it is shipped."""

from __future__ import annotations

from typing import Any

from django.db import migrations

from bh_sdk.server.access import seed_policies
from payments_svc.policies import DISPUTES


def seed(apps: Any, schema_editor: Any) -> None:
    seed_policies(apps, schema_editor, DISPUTES)


class Migration(migrations.Migration):
    dependencies = [("payments_disputes", "0003_guards"), ("bh_access", "0003_policies")]
    operations = [migrations.RunPython(seed, migrations.RunPython.noop)]
