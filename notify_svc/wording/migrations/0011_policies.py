"""Who may do what with words and their frame, as it is shipped."""

from __future__ import annotations

from functools import partial

from django.db import migrations

from bh_sdk.server.access import seed_policies
from notify_svc.policies import WORDING


class Migration(migrations.Migration):
    dependencies = [("notify_wording", "0010_the_second_frame"), ("bh_access", "0003_policies")]
    operations = [migrations.RunPython(partial(seed_policies, policies=WORDING), migrations.RunPython.noop)]
