"""mypy, strictly: once per Django project, because its plugin knows one settings module; once for what needs no Django."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.local.check.words import BIN
from deploy.local.stack import ROOT, SERVICES, is_built


@dataclass(frozen=True)
class Run:
    """One run of mypy over some folders; `project` names the Django project whose settings it takes."""

    name: str
    folders: tuple[str, ...]
    project: str | None = None

    def command(self, room: Path) -> list[Path | str]:
        folders = [folder for folder in self.folders if (ROOT / folder).exists()]
        cache = ROOT / ".mypy_cache" / self.name
        return [BIN / "mypy", "--config-file", self._config(room), "--cache-dir", cache, *folders]

    def env(self, envs: Mapping[str, Mapping[str, str]]) -> Mapping[str, str]:
        if self.project is None:
            return os.environ
        settings = "tests.kit.project.settings" if self.project == "kit" else f"{self.project}_svc.settings"
        return {**envs[self.project], "DJANGO_SETTINGS_MODULE": settings}

    def _config(self, room: Path) -> Path:
        """The project's own configuration; with the Django plugin switched on where there are settings."""
        own = ROOT / "pyproject.toml"
        if self.project is None:
            return own
        path = room / f"mypy-{self.name}.toml"
        plugins = 'plugins = ["mypy_django_plugin.main", "pydantic.mypy"]'
        path.write_text(own.read_text().replace("[tool.mypy]", f"[tool.mypy]\n{plugins}", 1))
        return path


def runs() -> list[Run]:
    services = [Run(name, (f"{name}_svc", f"tests/{name}"), name) for name in SERVICES if is_built(name)]
    has_kit = (ROOT / "tests/kit/project/settings.py").exists()
    kit = [Run("kit", ("bh_sdk/server", "tests/kit"), "kit")] if has_kit else []
    sdk = tuple(str(path.relative_to(ROOT)) for path in sorted((ROOT / "bh_sdk").iterdir()) if _is_light(path))
    suites = [f"tests/{name}" for name in ("sdk", "house", "standin", "e2e", "faults", "contracts")]
    tools = ("deploy", "docs", "bench", "tests/suites.py", "tests/databases.py", "tests/conftest.py", *suites)
    return [*services, *kit, Run("sdk", sdk), Run("tools", tools)]


def _is_light(path: Path) -> bool:
    """True for what the plain SDK consists of."""
    return path.name not in ("server", "__pycache__") and (path.is_dir() or path.suffix == ".py")
