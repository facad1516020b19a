#!/usr/bin/env python
"""`python trust_svc/manage.py …` and `python -m trust_svc.manage …` are the same program."""

from __future__ import annotations

import os
import sys
from pathlib import Path

# What works on files alone must not ask for a database or a secret.
OFFLINE = ("score_events", "calibrate")


def main() -> None:
    # The script's own folder would give every module a second name.
    sys.path[0] = str(Path(__file__).resolve().parent.parent)
    if sys.argv[1:2] and sys.argv[1] in OFFLINE:
        os.environ["DJANGO_SETTINGS_MODULE"] = "trust_svc.offline"
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "trust_svc.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
