"""The words that staff fill in themselves, and who may do what with broadcasts, as it is shipped."""

from __future__ import annotations

from functools import partial

from django.db import migrations

from bh_sdk.server.access import seed_policies
from notify_svc.policies import BROADCASTS
from notify_svc.wording.seeds import plant


class Migration(migrations.Migration):
    dependencies = [
        ("notify_broadcasts", "0002_guards"),
        ("notify_wording", "0013_words_of_the_catalogue"),
        ("bh_access", "0003_policies"),
    ]
    operations = [
        migrations.RunPython(plant, migrations.RunPython.noop),
        migrations.RunPython(partial(seed_policies, policies=BROADCASTS), migrations.RunPython.noop),
    ]
