"""What other teams install: a light package that holds `bh_sdk` alone and never needs Django."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

from deploy.local.stack import ROOT

# Put before everything else in the child: whoever imports one of these learns that it is not there.
BLOCKED = ("django", "ninja", "rest_framework", "celery", "casbin", "stripe", "djstripe", "redis", "psycopg", "numpy")
IMPORT_ALL = f"""
import importlib, pathlib, sys
for name in {BLOCKED!r}:
    sys.modules[name] = None
room = pathlib.Path(sys.argv[1])
sys.path.insert(0, str(room))
for file in sorted((room / "bh_sdk").rglob("*.py")):
    parts = file.relative_to(room).with_suffix("").parts
    if "server" not in parts:
        importlib.import_module(".".join(parts).removesuffix(".__init__"))
import bh_sdk
assert pathlib.Path(bh_sdk.__path__[0]) == room / "bh_sdk", bh_sdk.__path__
"""


def check(room: Path) -> tuple[bool, str]:
    """Build the wheel, look into it, import every module of it."""
    built = _run("-m", "hatchling", "build", "-t", "wheel", "-d", str(room / "dist"))
    if built.returncode:
        return False, built.stdout + built.stderr
    (path,) = (room / "dist").glob("*.whl")
    with zipfile.ZipFile(path) as wheel:
        foreign = [name for name in wheel.namelist() if not name.startswith("bh_sdk/") and ".dist-info/" not in name]
        if foreign or "bh_sdk/py.typed" not in wheel.namelist():
            return False, f"not only bh_sdk, or no py.typed: {foreign}"
        wheel.extractall(room / "wheel")
    imported = _run("-I", "-c", IMPORT_ALL, str((room / "wheel").resolve()))
    return imported.returncode == 0, imported.stdout + imported.stderr


def _run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, text=True, check=False)
