#!/usr/bin/env python
"""`python payments_svc/manage.py …` and `python -m payments_svc.manage …` are the same program."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def main() -> None:
    # The script's own folder would give every module a second name.
    sys.path[0] = str(Path(__file__).resolve().parent.parent)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "payments_svc.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
