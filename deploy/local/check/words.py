"""Where the tools of this virtual environment are."""

from __future__ import annotations

import sysconfig
from pathlib import Path

BIN = Path(sysconfig.get_path("scripts"))
