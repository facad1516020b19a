"""What to know about a running stack: its addresses as variables, and as a card with logins and calls to paste."""

from __future__ import annotations

from deploy.local import environment
from deploy.local.issuer.tokens import STAFF
from deploy.local.stack import ROOT, SERVICES, Stack


def variables(stack: Stack) -> dict[str, str]:
    """The running stack as variables (`make -s env`)."""
    urls = {f"BH_{name.upper()}_URL": stack.ports.url(name) for name in (*SERVICES, "stream", "issuer", "stripe", "mail")}
    databases = {f"DATABASE_URL_{service.upper()}": environment.database_url(stack, service) for service in SERVICES}
    stripe = environment.stripe(stack)
    return urls | databases | {
        "REDIS_URL": environment.redis_url(stack),
        "STRIPE_SECRET_KEY": stripe["STRIPE_SECRET_KEY"],
        "STRIPE_WEBHOOK_SECRET": stripe["STRIPE_WEBHOOK_SECRET"],
    }


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
    rows = "\n".join(
        f"  {name:<9}{ports.url(name)}/api/v1/docs   {ports.url(name)}/admin/" for name in SERVICES
    )
    campaign = "11111111-1111-4111-8111-111111111111"
    return f"""
Blessed Horizon is ready ({seconds:.0f} s).

  service  API                                staff
{rows}

  mails    {ports.url("mail")}/
  staff    {", ".join(STAFF)} (password: demo)
  logs     {stack.logs}

Try it: a campaign, a gift, and what the ledger makes of it
  TOKEN=$({make} token SERVICE=monolith AUD=payments)
  curl -sX PUT {ports.url("payments")}/api/v1/payments/campaigns/{campaign} -H "Authorization: Bearer $TOKEN" \\
    -H 'Content-Type: application/json' -d '{{"title":"A well for Kisumu","owner_id":"22222222-2222-4222-8222-222222222222","currency":"GBP","goal":"5000.00","status":"FUNDING"}}'
  curl -sX POST {ports.url("payments")}/api/v1/payments/create-intent -H "Idempotency-Key: $(cat /proc/sys/kernel/random/uuid)" \\
    -H 'Content-Type: application/json' -d '{{"campaign_id":"{campaign}","amount":"25.00","currency":"GBP","donor":{{"name":"Ada","email":"ada@demo.test"}}}}'
  curl -s {ports.url("payments")}/api/v1/payments/campaigns/{campaign}/totals
  make demo tells the whole story of one donation, make down stops everything and keeps the data.
"""
