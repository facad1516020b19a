"""Typed reading of the environment. What is missing or wrong is named at start-up, never guessed."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

_TRUE = {"1", "on", "true", "yes"}
_FALSE = {"0", "off", "false", "no", ""}


def text(name: str, default: str | None = None, *, given: Mapping[str, str] | None = None) -> str:
    """The variable's value; without a default it must be set."""
    value = (os.environ if given is None else given).get(name)
    if value is not None and value.strip():
        return value.strip()
    if default is None:
        raise ImproperlyConfigured(f"The environment variable {name} is not set")
    return default


def flag(name: str, default: bool = False) -> bool:
    """`on off true false yes no 1 0`, in any case."""
    value = text(name, "on" if default else "off").lower()
    if value in _TRUE:
        return True
    if value in _FALSE:
        return False
    raise ImproperlyConfigured(f"The environment variable {name} must be on or off")


def number(name: str, default: int | None = None) -> int:
    value = text(name, None if default is None else str(default))
    try:
        return int(value)
    except ValueError:
        raise ImproperlyConfigured(f"The environment variable {name} must be a whole number") from None


def choice(name: str, among: tuple[str, ...], default: str | None = None) -> str:
    value = text(name, default)
    if value not in among:
        raise ImproperlyConfigured(f"The environment variable {name} must be one of {', '.join(among)}")
    return value


def words(name: str, default: str = "") -> list[str]:
    """A list separated by commas."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def url(name: str, default: str | None = None) -> str:
    """An absolute URL, without a slash at its end."""
    value = text(name, default).rstrip("/")
    parts = urlsplit(value)
    if not parts.scheme or not (parts.netloc or parts.path):
        raise ImproperlyConfigured(f"The environment variable {name} must be a URL")
    return value


def secret(name: str, default: str | None = None) -> str:
    """The value of `name`, or the content of the file that `name_FILE` names (as container platforms mount secrets)."""
    if path := os.environ.get(f"{name}_FILE"):
        try:
            return Path(path).read_text().strip()
        except OSError as error:
            raise ImproperlyConfigured(f"The file that {name}_FILE names cannot be read: {error.strerror}") from None
    return text(name, default)


def program() -> str:
    """Which of the service's programs this process is: `api`, `worker`, `road`, `migrate`, or `manage` for the rest.

    `BH_PROGRAM` says so; else the command line does.
    """
    if named := os.environ.get("BH_PROGRAM"):
        return named
    started_as = Path(sys.argv[0]) if sys.argv else Path()
    if "celery" in started_as.parts:
        return "worker"
    if "granian" in started_as.parts:
        return "api"
    if len(sys.argv) > 1 and sys.argv[1] in ("road", "migrate"):
        return sys.argv[1]
    return "manage"
