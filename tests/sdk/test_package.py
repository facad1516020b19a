"""The light SDK is light: it needs no Django, and loads what is used."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import bh_sdk

WITHOUT_DJANGO = """
import sys
class Shut:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"django", "ninja", "celery", "redis", "psycopg", "stripe", "casbin", "rest_framework"}:
            raise ImportError(name + " is not part of the light SDK")
sys.meta_path.insert(0, Shut())
"""


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_everything_outside_the_kit_imports_without_django() -> None:
    code = (
        WITHOUT_DJANGO
        + """
import pkgutil, importlib, bh_sdk
names = [m.name for m in pkgutil.walk_packages(bh_sdk.__path__, "bh_sdk.", onerror=lambda name: None)
         if not m.name.startswith("bh_sdk.server")]
for name in names:
    importlib.import_module(name)
print(len(names))
"""
    )
    # walk_packages would import the kit to look inside; it is left out by name above and by the blocked imports.
    assert int(run(code)) >= 25


def test_the_package_itself_loads_nothing() -> None:
    code = (
        "import sys, bh_sdk; print([name for name in ('httpx', 'pydantic', 'jwt', 'asyncio') if name in sys.modules])"
    )
    assert run(code) == "[]"


@pytest.mark.parametrize("name", bh_sdk.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(bh_sdk, name) is not None
    assert name in dir(bh_sdk)


def test_the_version_is_the_distributions() -> None:
    project = tomllib.loads((Path(bh_sdk.__file__).parents[1] / "pyproject.toml").read_text())["project"]
    assert bh_sdk.__version__ == project["version"]


def test_other_names_are_not() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Nonsense'"):
        _ = bh_sdk.Nonsense
