"""The one place that makes the environment of a service program. Everything a service is told, it is told here."""

from __future__ import annotations

import os
from collections.abc import Mapping

from deploy.local import keys, mail_reports
from deploy.local.stack import SERVICES, Stack

# Each service has its own Celery queue in the shared Redis; database 0 holds the streams.
BROKERS = {"payments": 1, "trust": 2, "notify": 3, "kit": 4}


def redis_url(stack: Stack, given: Mapping[str, str] = os.environ) -> str:
    return given.get("REDIS_URL") or f"redis://127.0.0.1:{stack.ports.of('redis')}/0"


def database_url(stack: Stack, service: str, *, role: str = "bh_app", given: Mapping[str, str] = os.environ) -> str:
    """Where a service's data is. `DATABASE_URL_PAYMENTS` and its sisters name a server of the user's own.

    In the embedded one `bh_app` uses the tables, `bh_owner` made them and may change them.
    """
    if has_own_database(stack, service, given):
        return given[f"DATABASE_URL_{service.upper()}"]
    return stack.postgres.url(f"bh_{service}", role)


def has_own_database(stack: Stack, service: str, given: Mapping[str, str] = os.environ) -> bool:
    """True when the user brings the database. What `make env` printed, exported again, is not the user's own."""
    return given.get(f"DATABASE_URL_{service.upper()}") not in (None, "", stack.postgres.url(f"bh_{service}", "bh_app"))


def has_own_redis(stack: Stack, given: Mapping[str, str] = os.environ) -> bool:
    return redis_url(stack, given) != redis_url(stack, {})


def has_own_stripe(stack: Stack, given: Mapping[str, str] = os.environ) -> bool:
    """True when the user brings an account at Stripe."""
    return given.get("STRIPE_SECRET_KEY") not in (None, "", keys.read(stack.keys, "stripe"))


def stripe(stack: Stack, given: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The account at Stripe, or at its stand-in when the user brings none."""
    if has_own_stripe(stack, given):
        return {
            "STRIPE_SECRET_KEY": given["STRIPE_SECRET_KEY"],
            "STRIPE_WEBHOOK_SECRET": given.get("STRIPE_WEBHOOK_SECRET", ""),
            "STRIPE_API_BASE": given.get("STRIPE_API_BASE") or "https://api.stripe.com",
        }
    return {
        "STRIPE_SECRET_KEY": keys.read(stack.keys, "stripe"),
        "STRIPE_WEBHOOK_SECRET": keys.read(stack.keys, "stripe-webhook"),
        "STRIPE_API_BASE": stack.ports.url("stripe"),
    }


# Who issues receipts in a local stack: plainly nobody that a tax office knows.
DEMO_CHARITY = {
    "name": "Blessed Horizon Demo Charity (not a registered charity)",
    "address": "1 Example Street; London; EC1A 1AA; United Kingdom",
    "email": "receipts@demo.test",
    "ein": "00-0000000",
    "ca_registration": "00000 0000 RR0000",
    "ca_place": "Toronto, Ontario",
    "signatory": "Naomi Demo, Treasurer",
    "uk_charity_number": "0000000",
    "hmrc_reference": "XX00000",
}


def charity(given: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The particulars of the organisation on receipts: the user's own, else a demo's."""
    names = {f"BH_CHARITY_{name.upper()}": value for name, value in DEMO_CHARITY.items()}
    return {name: given.get(name) or value for name, value in names.items()}


def of(service: str, stack: Stack, *, given: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Every variable that a program of `service` reads. The keys of the stack must exist (`keys.make`)."""
    broker = f"redis://127.0.0.1:{stack.ports.of('redis')}/{BROKERS[service]}"
    own_url = stack.ports.url(service) if service in SERVICES else stack.ports.url("payments")
    ours = {
        "BH_ENV": "local",
        "BH_SERVICE": service,
        "BH_STATE": str(stack.state),
        "BH_SERVICE_URL": own_url,
        **{f"BH_{name.upper()}_URL": stack.ports.url(name) for name in SERVICES},
        "BH_STREAM_URL": stack.ports.url("stream"),
        "BH_USER_ISSUER": f"{stack.ports.url('issuer')}/auth/v1",
        "BH_USER_JWKS_URL": f"{stack.ports.url('issuer')}/auth/v1/.well-known/jwks.json",
        "BH_SIGNING_KEY_FILE": str(stack.keys / f"{service}.pem"),
        "BH_CLIENTS_FILE": str(stack.keys / "clients.json"),
        "BH_SEAL_KEYS": keys.read(stack.keys, "seal"),
        "BH_HASH_KEYS": keys.read(stack.keys, "hash"),
        "BH_LINK_KEY": keys.read(stack.keys, "link"),
        "BH_SECRET_KEY": keys.read(stack.keys, f"{service}.django"),
        "BH_CLOCK_FILE": str(stack.clock),
        "BH_OTP": given.get("BH_OTP", "off"),
        "BH_LIMITS": given.get("BH_LIMITS", "local"),
        "BH_SITE_URL": given.get("BH_SITE_URL") or "http://127.0.0.1:5173",
        "DATABASE_URL": database_url(stack, service, given=given),
        "REDIS_URL": redis_url(stack, given),
        "BROKER_URL": given.get("BROKER_URL") or broker,
    }
    if service == "payments":
        ours |= stripe(stack, given) | charity(given)
    if service == "notify":
        # Pushes reach only the browsers that the mail sink makes up, unless the user names a service of their own.
        ours["VAPID_PRIVATE_KEY_FILE"] = given.get("VAPID_PRIVATE_KEY_FILE") or str(stack.keys / "vapid.pem")
        ours["WEBPUSH_SERVICES"] = given.get("WEBPUSH_SERVICES") or stack.ports.url("mail")
        ours["SMTP_URL"] = given.get("SMTP_URL") or f"smtp://127.0.0.1:{stack.ports.of('smtp')}"
        ours["SENDGRID_WEBHOOK_KEY"] = given.get("SENDGRID_WEBHOOK_KEY") or mail_reports.public_key(stack.keys)
    return ours


def program(service: str, stack: Stack) -> dict[str, str]:
    """The whole environment of a child process: the caller's, without what would mislead it, and ours on top."""
    inherited = {
        name: value for name, value in os.environ.items() if name not in ("DJANGO_SETTINGS_MODULE", "DATABASE_URL")
    }
    if service == "kit":
        inherited["DJANGO_SETTINGS_MODULE"] = "tests.kit.project.settings"
    return inherited | of(service, stack)
