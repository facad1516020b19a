"""The environment, the clock and the settings made of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from bh_sdk.server.ops import clock, env, logs
from bh_sdk.server.ops.settings import database, service_settings


@pytest.fixture(autouse=True)
def our_own_logs_again() -> Iterator[None]:
    """Making another service's settings sets its logs up too."""
    yield
    logs.configure("kit", env.program())


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BH_X", "  ")
    with pytest.raises(ImproperlyConfigured, match="BH_X is not set"):
        env.text("BH_X")
    assert env.text("BH_X", "else") == "else"


def test_values_are_read_as_what_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"A": "On", "B": "no", "C": "12", "D": "http://x.test/a/", "E": "a, b,,c"}
    for name, value in given.items():
        monkeypatch.setenv(f"BH_{name}", value)
    assert (env.flag("BH_A"), env.flag("BH_B", True), env.flag("BH_ABSENT", True)) == (True, False, True)
    assert env.number("BH_C") == 12
    assert env.url("BH_D") == "http://x.test/a"
    assert env.words("BH_E") == ["a", "b", "c"]


@pytest.mark.parametrize("read", [env.flag, env.number, env.url, lambda name: env.choice(name, ("a", "b"))])
def test_a_wrong_value_is_named_and_not_guessed(monkeypatch: pytest.MonkeyPatch, read: object) -> None:
    monkeypatch.setenv("BH_X", "perhaps")
    with pytest.raises(ImproperlyConfigured, match="BH_X"):
        read("BH_X")  # type: ignore[operator]


def test_a_secret_may_lie_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("hidden\n")
    monkeypatch.setenv("BH_X_FILE", str(file))
    assert env.secret("BH_X") == "hidden"
    monkeypatch.setenv("BH_X_FILE", str(tmp_path / "absent"))
    with pytest.raises(ImproperlyConfigured, match="BH_X_FILE"):
        env.secret("BH_X")


@pytest.mark.parametrize(
    ("argv", "program"),
    [
        (["/x/bin/celery", "-A", "payments_svc.celery", "worker"], "worker"),
        (["/x/celery/__main__.py"], "worker"),
        (["/x/bin/granian"], "api"),
        (["/x/payments_svc/manage.py", "road"], "road"),
        (["/x/payments_svc/manage.py", "migrate"], "migrate"),
        (["/x/payments_svc/manage.py"], "manage"),
        ([], "manage"),
    ],
)
def test_a_program_knows_which_it_is(monkeypatch: pytest.MonkeyPatch, argv: list[str], program: str) -> None:
    monkeypatch.delenv("BH_PROGRAM", raising=False)
    monkeypatch.setattr("sys.argv", argv)
    assert env.program() == program


def test_the_clock_moves_by_the_seconds_in_its_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "clock"
    monkeypatch.setenv("BH_CLOCK_FILE", str(file))
    assert clock.shift() == timedelta()
    file.write_text("259200\n")
    assert clock.shift() == timedelta(days=3)
    ahead = clock.now() - datetime.now(UTC)
    assert abs(ahead - timedelta(days=3)) < timedelta(seconds=5)
    file.write_text("-86400.5 ")
    assert clock.shift() == timedelta(seconds=-86400.5)
    file.write_text("not a numb")
    assert clock.shift() == timedelta(seconds=-86400.5)
    file.unlink()
    assert clock.shift() == timedelta()


def test_production_has_no_movable_clock(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "clock").write_text("3600")
    monkeypatch.setenv("BH_CLOCK_FILE", str(tmp_path / "clock"))
    monkeypatch.setenv("BH_ENV", "production")
    assert clock.shift() == timedelta()


def test_a_database_url_becomes_a_persistent_prepared_connection() -> None:
    made = database(
        "postgresql://us%40er:p%2Fw@db.test:5433/bh_payments?sslmode=require", application_name="payments api"
    )
    assert (made["USER"], made["PASSWORD"], made["HOST"], made["PORT"], made["NAME"]) == (
        "us@er",
        "p/w",
        "db.test",
        "5433",
        "bh_payments",
    )
    assert (made["CONN_MAX_AGE"], made["CONN_HEALTH_CHECKS"], made["ATOMIC_REQUESTS"]) == (None, True, False)
    assert made["OPTIONS"]["sslmode"] == "require"
    assert (made["OPTIONS"]["server_side_binding"], made["OPTIONS"]["prepare_threshold"]) == (True, 0)
    assert "client_connection_check_interval=500" in made["OPTIONS"]["options"]
    assert "options" not in database("postgresql://h/d?options=")["OPTIONS"]
    assert database("postgresql:///d?host=/run/pg")["HOST"] == "/run/pg"


def test_three_admins_on_one_host_have_their_own_cookies() -> None:
    ours = service_settings("kit")
    theirs = service_settings("payments")
    assert ours["SESSION_COOKIE_NAME"] != theirs["SESSION_COOKIE_NAME"]
    assert ours["CSRF_COOKIE_NAME"] != theirs["CSRF_COOKIE_NAME"]


def test_a_service_listens_to_those_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PAYMENTS", "TRUST"):
        monkeypatch.setenv(f"BH_{name}_URL", f"http://{name.lower()}.test/")
    payments, trust, notify = (service_settings(name)["BH_EVENT_SOURCES"] for name in ("payments", "trust", "notify"))
    assert payments == {}
    assert trust == {"payments": {"url": "http://payments.test"}}
    assert notify == {"payments": {"url": "http://payments.test"}, "trust": {"url": "http://trust.test"}}
    monkeypatch.setenv("BH_EVENT_SOURCES", json.dumps({"other": {"url": "http://o.test"}}))
    assert service_settings("payments")["BH_EVENT_SOURCES"] == {"other": {"url": "http://o.test"}}


def test_production_over_tls_asks_browsers_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BH_ENV", "production")
    monkeypatch.setenv("BH_SERVICE_URL", "https://payments.example.org")
    made = service_settings("payments")
    assert made["ALLOWED_HOSTS"] == ["payments.example.org"]
    assert made["SESSION_COOKIE_SECURE"] is made["CSRF_COOKIE_SECURE"] is True
    assert made["SECURE_HSTS_SECONDS"] > 0
    assert made["DEBUG"] is False


def test_the_sites_own_pages_may_call_unless_others_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BH_SITE_URL", "https://site.example/start/")
    assert service_settings("kit")["BH_ALLOWED_ORIGINS"] == {"https://site.example"}
    monkeypatch.setenv("BH_ALLOWED_ORIGINS", "https://a.example, https://b.example")
    assert service_settings("kit")["BH_ALLOWED_ORIGINS"] == {"https://a.example", "https://b.example"}


def test_extra_settings_and_beat_entries_are_taken() -> None:
    made = service_settings("kit", beat={"x": {"task": "x", "schedule": 1.0}}, EMAIL_HOST="mail.test")
    assert made["EMAIL_HOST"] == "mail.test"
    assert {"x", "bh_api.purge_idempotency_keys"} <= set(made["CELERY_BEAT_SCHEDULE"])


def test_requests_are_not_wrapped_in_transactions() -> None:
    assert settings.DATABASES["default"]["ATOMIC_REQUESTS"] is False
