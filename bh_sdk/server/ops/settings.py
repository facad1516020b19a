"""Everything the settings of the three services share. A service's `settings.py` is

globals().update(service_settings("payments", apps=["payments_svc.donations.apps.Donations", …]))
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.conf import settings

from bh_sdk.server.admin import theme
from bh_sdk.server.ops import env, logs

# Whose facts a service listens to.
_CONSUMES = {"trust": ("payments",), "notify": ("payments", "trust")}

_KIT = [
    "bh_sdk.server.ops.apps.Ops",
    "bh_sdk.server.api.apps.Api",
    "bh_sdk.server.access.apps.Policies",
    "bh_sdk.server.access.apps.Access",
    "bh_sdk.server.events.apps.Events",
]

# What the admin's pages may load: themselves. Alpine evaluates its attributes, hence 'unsafe-eval'.
SITE_CSP = (
    "default-src 'self'; script-src 'self' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


def setting(name: str) -> Any:
    """A setting of ours, for readers that a type checker looks at: it knows only Django's own."""
    return getattr(settings, name)


def database(
    url: str, *, application_name: str = "", statement_timeout_ms: int = 15_000, prepared: bool = True
) -> dict[str, Any]:
    """Django's settings for a `postgresql://` URL: persistent, prepared, bound on the server, patient with a restart.

    A migration is not `prepared`: it may send several statements at once.
    The URL's query goes to libpq; its `options` replace our time limits (a pooler that takes none needs `?options=`).
    """
    parts = urlsplit(url)
    given = dict(parse_qsl(parts.query, keep_blank_values=True))
    limits = {
        "statement_timeout": statement_timeout_ms,
        "lock_timeout": 5_000,
        "idle_in_transaction_session_timeout": 60_000,
        # A client that died mid-query is noticed, and its locks are free.
        "client_connection_check_interval": 500,
    }
    options: dict[str, Any] = {
        "server_side_binding": prepared,
        "prepare_threshold": 0 if prepared else None,
        "connect_timeout": 3,
        "application_name": application_name,
        "options": " ".join(f"-c {name}={value}" for name, value in limits.items()),
        # A server that vanished without a word is noticed after half a minute.
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 4,
    } | given
    if not options["options"]:
        del options["options"]
    return {
        "ENGINE": "bh_sdk.server.ops.postgres",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": options.pop("host", None) or unquote(parts.hostname or ""),
        "PORT": str(options.pop("port", None) or parts.port or ""),
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
        "ATOMIC_REQUESTS": False,
        "OPTIONS": options,
    }


def _origin(url: str) -> str:
    """What a browser calls the place of a page: scheme, host and port."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""


def files(url: str, service: str, state: Path) -> dict[str, Any]:
    """Where files are kept that staff and donors come back for: a private folder, or `s3://bucket/prefix` elsewhere.

    Nothing of it is ever served by a web server: a door asks who wants it. The bucket is private and keeps its region,
    endpoint and credentials where boto3 looks for them.
    """
    parts = urlsplit(url)
    if parts.scheme == "s3":
        return {
            "BACKEND": "storages.backends.s3.S3Storage",
            "OPTIONS": {
                "bucket_name": parts.netloc,
                "location": f"{parts.path.strip('/')}/{service}".lstrip("/"),
                "default_acl": None,
                "querystring_auth": True,
                "file_overwrite": True,
            },
        }
    folder = Path(parts.path) if parts.scheme == "file" else state / "files"
    return {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {
            "location": str(folder / service),
            "file_permissions_mode": 0o600,
            "directory_permissions_mode": 0o700,
            "allow_overwrite": True,
        },
    }


def celery(service: str, broker_url: str) -> dict[str, Any]:
    """Celery's settings: a task is acknowledged when it is done, and may therefore run twice."""
    state = Path(env.text("BH_STATE", tempfile.gettempdir()))
    return {
        "CELERY_BROKER_URL": broker_url,
        "CELERY_BROKER_TRANSPORT_OPTIONS": {
            "global_keyprefix": f"{service}:",
            "visibility_timeout": 600,
            "socket_connect_timeout": 2,
            # Longer than a worker's blocking read.
            "socket_timeout": 30,
            "socket_keepalive": True,
            "health_check_interval": 20,
        },
        "CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP": True,
        "CELERY_BROKER_CONNECTION_MAX_RETRIES": None,
        "CELERY_TASK_DEFAULT_QUEUE": service,
        "CELERY_TASK_ACKS_LATE": True,
        "CELERY_TASK_REJECT_ON_WORKER_LOST": True,
        "CELERY_TASK_IGNORE_RESULT": True,
        "CELERY_WORKER_PREFETCH_MULTIPLIER": 1,
        "CELERY_WORKER_HIJACK_ROOT_LOGGER": False,
        "CELERY_WORKER_REDIRECT_STDOUTS": False,
        "CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS": False,
        # Between tasks the connection to PostgreSQL stays, and is checked before the next.
        "CELERY_DB_REUSE_MAX": 1_000,
        "CELERY_TIMEZONE": "UTC",
        "CELERY_ENABLE_UTC": True,
        "CELERY_BEAT_SCHEDULE_FILENAME": str(state / f"{service}-beat"),
        "CELERY_BEAT_SCHEDULE": {
            "bh_api.purge_idempotency_keys": {"task": "bh_api.purge_idempotency_keys", "schedule": 3600.0},
        },
    }


def service_settings(
    service: str,
    apps: Sequence[str] = (),
    *,
    package: str | None = None,
    beat: Mapping[str, Any] | None = None,
    **extra: Any,
) -> dict[str, Any]:
    """The Django settings of `service`.

    `apps` are its slices, `package` the Python package that holds urls, wsgi and celery (default `<service>_svc`); `beat`
    entries join the schedule; `extra` settings replace ours of the same name (lists are not merged).
    """
    package = package or f"{service}_svc"
    place = env.choice("BH_ENV", ("local", "test", "production"), "production")
    program = env.program()
    production = place == "production"
    own_url = env.url("BH_SERVICE_URL")
    secure = own_url.startswith("https:")
    redis_url = env.url("REDIS_URL")
    clocked = celery(service, env.url("BROKER_URL", redis_url))
    clocked["CELERY_BEAT_SCHEDULE"] |= dict(beat or {})
    sources = {source: {"url": env.url(f"BH_{source.upper()}_URL")} for source in _CONSUMES.get(service, ())}
    if given := env.text("BH_EVENT_SOURCES", ""):
        sources = json.loads(given)
    state = Path(env.text("BH_STATE", tempfile.gettempdir()))
    static_root = env.text("BH_STATIC_ROOT", "")

    ours: dict[str, Any] = {
        "BH_SERVICE": service,
        "BH_ENV": place,
        "BH_PROGRAM": program,
        "BH_SERVICE_URL": own_url,
        "BH_CELERY_APP": f"{package}.celery.app",
        "BH_EVENT_SOURCES": sources,
        # The web pages that may call the API from a browser.
        "BH_ALLOWED_ORIGINS": frozenset(env.words("BH_ALLOWED_ORIGINS", _origin(env.text("BH_SITE_URL", "")))),
        # How many proxies of ours stand before the service and write X-Forwarded-For; with none nobody's word counts.
        "BH_PROXY_HOPS": env.number("BH_PROXY_HOPS", 0),
        # A laptop is one donor at one address: there every limit that counts is a thousand times as high, unless told.
        "BH_LIMIT_FACTOR": 1000
        if env.choice("BH_LIMITS", ("real", "local"), "real") == "local" and not production
        else 1,
        "BH_DRAIN_FILE": env.text("BH_DRAIN_FILE", str(state / f"{service}.draining")),
        "REDIS_URL": redis_url,
        "DEBUG": False,
        "SECRET_KEY": env.secret("BH_SECRET_KEY"),
        "ALLOWED_HOSTS": env.words("BH_ALLOWED_HOSTS", (urlsplit(own_url).hostname or "") if production else "*"),
        "ROOT_URLCONF": f"{package}.urls",
        "WSGI_APPLICATION": f"{package}.wsgi.application",
        "APPEND_SLASH": True,
        "INSTALLED_APPS": [
            *apps,
            *_KIT,
            *theme.APPS,
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "django.contrib.messages",
            "django.contrib.staticfiles",
            "django.contrib.humanize",
            "rest_framework",
            "ninja",
        ],
        "AUTH_USER_MODEL": "bh_access.Staff",
        "AUTHENTICATION_BACKENDS": ["bh_sdk.server.access.backends.StaffBackend"],
        "UNFOLD": theme.unfold(service),
        "DEFAULT_AUTO_FIELD": "django.db.models.BigAutoField",
        # `Doors` answers the API itself, by a handler without any of the middleware below it.
        "MIDDLEWARE": [
            "bh_sdk.server.api.doors.Doors",
            "django.middleware.security.SecurityMiddleware",
            "whitenoise.middleware.WhiteNoiseMiddleware",
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.common.CommonMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "bh_sdk.server.api.card_numbers.Guard",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "bh_sdk.server.access.acting.Acting",
            "django.contrib.messages.middleware.MessageMiddleware",
            "django.middleware.clickjacking.XFrameOptionsMiddleware",
        ],
        "TEMPLATES": [
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "DIRS": [],
                "APP_DIRS": True,
                "OPTIONS": {
                    "context_processors": [
                        "django.template.context_processors.request",
                        "django.contrib.auth.context_processors.auth",
                        "django.contrib.messages.context_processors.messages",
                    ]
                },
            }
        ],
        "DATABASES": {
            "default": database(
                env.secret("DATABASE_URL"),
                application_name=f"{service} {program}",
                # A migration or a rebuild takes as long as it takes.
                statement_timeout_ms={"api": 15_000, "worker": 120_000, "road": 120_000}.get(program, 0),
                prepared=program != "migrate",
            )
        },
        "STORAGES": {
            "default": files(env.text("BH_FILES_URL", ""), service, state),
            "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
        },
        "CACHES": {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}},
        # Staff reports: the admin's session, read by those whom a policy lets; the rest is each view's.
        "REST_FRAMEWORK": {
            "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"],
            "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAdminUser"],
            "EXCEPTION_HANDLER": "bh_sdk.server.api.problems.for_staff",
            "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
        },
        "LANGUAGE_CODE": "en-gb",
        "FORMAT_MODULE_PATH": "bh_sdk.server.admin.formats",
        "TIME_ZONE": "UTC",
        "USE_TZ": True,
        "USE_I18N": True,
        "STATIC_URL": "/static/",
        # An image collects static files at build time; elsewhere they are served from where they lie.
        "STATIC_ROOT": static_root or None,
        "WHITENOISE_USE_FINDERS": not static_root,
        "WHITENOISE_AUTOREFRESH": False,
        # Three admins on one host, each with its own session.
        "SESSION_COOKIE_NAME": f"bh_{service}_session",
        "SESSION_COOKIE_SECURE": secure,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_AGE": 12 * 3600,
        "CSRF_COOKIE_NAME": f"bh_{service}_csrf",
        "CSRF_COOKIE_SECURE": secure,
        "CSRF_COOKIE_HTTPONLY": True,
        "CSRF_TRUSTED_ORIGINS": [own_url] if secure else [],
        "SECURE_PROXY_SSL_HEADER": ("HTTP_X_FORWARDED_PROTO", "https") if env.flag("BH_BEHIND_TLS_PROXY") else None,
        "SECURE_CONTENT_TYPE_NOSNIFF": True,
        "SECURE_REFERRER_POLICY": "same-origin",
        "SECURE_CROSS_ORIGIN_OPENER_POLICY": "same-origin",
        "SECURE_HSTS_SECONDS": 31_536_000 if secure and production else 0,
        "X_FRAME_OPTIONS": "DENY",
        "BH_SITE_CSP": SITE_CSP,
        "LOGIN_URL": "/admin/login/",
        "DATA_UPLOAD_MAX_MEMORY_SIZE": 2 * 1024 * 1024,
        "DATA_UPLOAD_MAX_NUMBER_FIELDS": 2_000,
        "LOGGING": logs.configure(service, program, env.text("BH_LOG_LEVEL", "INFO").upper()),
        **clocked,
    }
    return ours | extra
