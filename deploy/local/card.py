"""What to know about a running stack: its addresses as variables, and as a card with logins and calls to paste."""

from __future__ import annotations

import json

from deploy.local import environment
from deploy.local.issuer.tokens import STAFF
from deploy.local.stack import ROOT, SERVICES, Stack


def variables(stack: Stack) -> dict[str, str]:
    """The running stack as variables (`make -s env`)."""
    urls = {
        f"BH_{name.upper()}_URL": stack.ports.url(name) for name in (*SERVICES, "stream", "issuer", "stripe", "mail")
    }
    databases = {f"DATABASE_URL_{service.upper()}": environment.database_url(stack, service) for service in SERVICES}
    stripe = environment.stripe(stack)
    return (
        urls
        | databases
        | {
            "REDIS_URL": environment.redis_url(stack),
            "STRIPE_SECRET_KEY": stripe["STRIPE_SECRET_KEY"],
            "STRIPE_WEBHOOK_SECRET": stripe["STRIPE_WEBHOOK_SECRET"],
        }
    )


def make_words(stack: Stack) -> str:
    """`make`, with the variables that a stack of another place needs."""
    words = ["make -s"]
    if stack.state != ROOT / ".local":
        words.append(f"BH_STATE={stack.state}")
    if stack.ports.base != 8000:
        words.append(f"BH_PORT_BASE={stack.ports.base}")
    return " ".join(words)


def card(stack: Stack, seconds: float) -> str:
    """The lines that `make up` ends with."""
    ports, make = stack.ports, make_words(stack)
    rows = "\n".join(f"  {name:<9}{ports.url(name)}/api/v1/docs   {ports.url(name)}/admin/" for name in SERVICES)
    payments, campaign = ports.url("payments") + "/api/v1/payments", "11111111-1111-4111-8111-111111111111"
    facts = {"title": "A well for Kisumu", "owner_id": "22222222-2222-4222-8222-222222222222", "currency": "GBP"}
    facts |= {"goal": "5000.00", "status": "FUNDING"}
    gift = {"campaign_id": campaign, "amount": "25.00", "currency": "GBP"}
    donor = {"donor": {"name": "Ada", "email": "ada@demo.test"}}
    return f"""
Blessed Horizon is ready ({seconds:.0f} s).

  service  API                                staff
{rows}

  mails    {ports.url("mail")}/
  staff    {", ".join(STAFF)} (password: demo)
  logs     {stack.logs}

Try it: a campaign, a gift, and what donors see of it
  TOKEN=$({make} token SERVICE=monolith AUD=payments)
  curl -sX PUT {payments}/campaigns/{campaign} -H "Authorization: Bearer $TOKEN" \\
    -H 'Content-Type: application/json' -d '{json.dumps(facts)}'
  curl -sX POST {payments}/create-intent -H "Idempotency-Key: $(python3 -c 'import uuid; print(uuid.uuid4())')" \\
    -H 'Content-Type: application/json' -d '{json.dumps(gift | donor)}'
  curl -s {payments}/campaigns/{campaign}/totals

`make demo` tells the whole story of one donation; `make down` stops everything and keeps the data.
"""
