"""Logs: a JSON object a line on standard error, an event and its fields; never a body or personal data."""

from __future__ import annotations

import logging
import re
import sys
import traceback
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog
from pydantic import ValidationError

from bh_sdk.server.ops import cards, trace

# What must not be in a log, even when somebody's exception or library puts it there.
_SECRETS = (
    (re.compile(r"[^\s@\"'<>=(,;:]{1,64}@[^\s@\"'<>),;]{1,255}\.[A-Za-z]{2,}"), "<mail>"),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"), "<token>"),
    (re.compile(r"(?i)\bbearer\s+[A-Za-z0-9._~+/-]+=*"), "Bearer <token>"),
    (re.compile(r"\b(?:sk|rk|pk)_(?:test|live)_[A-Za-z0-9]+|\bwhsec_[A-Za-z0-9+/=]+|\b\w+_secret_\w+"), "<secret>"),
    (re.compile(r"(?<![\w-])(?:\d[ -]?){12,18}\d(?![\w-])"), "<number>"),
    (re.compile(r"://[^/\s:@]+:[^/\s@]+@"), "://<login>@"),
)
_LONGEST = 16_384
# The values in PostgreSQL's own words: DETAIL names the offending row.
_DETAIL = re.compile(r"\n(?:DETAIL|CONTEXT|HINT|LINE \d+).*", re.DOTALL)


def clean(text: str) -> str:
    """`text` without mail addresses, tokens, keys, card numbers and what looks like them, and logins. A long one is cut:
    nobody reads it, and looking through it takes its time."""
    if len(text) > _LONGEST:
        text = text[:_LONGEST] + "…"
    for pattern, word in _SECRETS:
        text = pattern.sub(word, text)
    return cards.masked(text)


def failure(error: BaseException) -> dict[str, Any]:
    """An exception as fields: its class, its cleaned words, and where it happened; no local variables, no row's values."""
    words = _DETAIL.sub("", str(error))
    if isinstance(error, ValidationError):
        # Its own words would print the input it refuses.
        words = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['type']}" for each in error.errors()[:5])
    frames = traceback.extract_tb(error.__traceback__)[-12:]
    where = [f"{frame.filename.rpartition('site-packages/')[2]}:{frame.lineno} {frame.name}" for frame in frames]
    kind = f"{type(error).__module__}.{type(error).__qualname__}"
    found: dict[str, Any] = {"error": kind, "error_detail": clean(words)[:500], "error_where": where}
    cause = error.__cause__ or error.__context__
    if cause is not None and cause is not error:
        found["error_cause"] = f"{type(cause).__module__}.{type(cause).__qualname__}"
    return found


class _Standing:
    """Adds what every line has."""

    def __init__(self, service: str, program: str) -> None:
        self.service = service
        self.program = program

    def __call__(self, logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event["service"] = self.service
        event["program"] = self.program
        if request_id := trace.request_id():
            event.setdefault("request_id", request_id)
        if traceparent := trace.traceparent():
            event.setdefault("traceparent", traceparent)
        return event


def _failures(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    error = event.pop("exc_info", None)
    if error is True:
        error = sys.exc_info()
    if isinstance(error, tuple):
        error = error[1]
    if isinstance(error, BaseException):
        event.update(failure(error))
    return event


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, Mapping):
        return {_cleaned(key): _cleaned(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_cleaned(inner) for inner in value]
    if isinstance(value, float | bool | None) or (isinstance(value, int) and abs(value) < _SHORTEST_CARD):
        return value
    return clean(str(value))


_SHORTEST_CARD = 10**12

# Made by us or checked by us, and looked at for every line: not worth a search.
_KNOWN = {
    "timestamp",
    "level",
    "service",
    "program",
    "request_id",
    "traceparent",
    "event",
    "route",
    "method",
    "error_where",
}


def _redact(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for name, value in event.items():
        if name not in _KNOWN:
            event[name] = _cleaned(value)
    return event


def _redact_sentence(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    # Libraries log sentences, and those may hold anything.
    event["event"] = clean(str(event.get("event", "")))[:1000]
    return event


class _Stderr:
    """Writes to whatever standard error is at the time of writing."""

    def msg(self, line: str) -> None:
        sys.stderr.write(line + "\n")

    log = debug = info = warning = error = critical = exception = fatal = msg


class _StderrHandler(logging.StreamHandler[Any]):
    def __init__(self) -> None:
        super().__init__(sys.stderr)

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr
        super().emit(record)


def configure(service: str, program: str, level: str = "INFO") -> dict[str, Any]:
    """Set structlog up and return Django's `LOGGING`, so that libraries' lines take the same road."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _Standing(service, program),
        _failures,
        _redact,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=lambda *_: _Stderr(),
        cache_logger_on_first_use=True,
    )
    formatter = {
        "()": structlog.stdlib.ProcessorFormatter,
        "processors": [
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.JSONRenderer(),
        ],
        "foreign_pre_chain": [structlog.stdlib.add_logger_name, _redact_sentence, *shared],
    }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": formatter},
        "handlers": {"stderr": {"()": _StderrHandler, "formatter": "json"}},
        "root": {"handlers": ["stderr"], "level": level if level != "DEBUG" else "INFO"},
        "loggers": {
            "django": {"handlers": [], "level": "INFO", "propagate": True},
            # Its lines carry raw paths, and paths may carry tokens; our own request line names the route.
            "django.request": {"level": "CRITICAL"},
            "django.server": {"handlers": [], "level": "WARNING", "propagate": True},
            "django.db.backends": {"level": "WARNING"},
            "casbin": {"level": "WARNING"},
            "httpx": {"level": "WARNING"},
            "httpcore": {"level": "WARNING"},
            # Sweeps run every second; what they did is told by those who did it.
            "celery.app.trace": {"level": "WARNING"},
            "celery.beat": {"level": "WARNING"},
            "celery.worker.strategy": {"level": "WARNING"},
            "stripe": {"level": "WARNING"},
        },
    }


def log(room: str | None = None) -> Any:
    """A logger of events: `log("events").info("relay_started", epoch=…)`. `room` stands in every line of it."""
    return structlog.get_logger(room=room) if room else structlog.get_logger()
