"""One donation told step by step: who did what, and how long it took."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar
from uuid import uuid4

import httpx

from bh_sdk.clients import Feed
from bh_sdk.errors import NotFound
from bh_sdk.events import Event
from bh_sdk.tokens import ServiceAuth
from bh_sdk.wire.payments import GuestDonor
from bh_sdk.wire.trust import EvidenceFact
from deploy.local.demo.doors import Doors
from deploy.local.stack import Stack

T = TypeVar("T")
PATIENCE_SECONDS = 20.0


class Teller:
    """Says what happens and how long it took since the step before."""

    def __init__(self) -> None:
        self.began = self.last = time.perf_counter()
        self.number = 0

    def step(self, who: str, what: str) -> None:
        now = time.perf_counter()
        self.number += 1
        print(f"{self.number:>2}. {who:<9} {what}", f"({(now - self.last) * 1000:.0f} ms)", flush=True)
        self.last = now


def until(look: Callable[[], T | None], what: str) -> T:
    """The first thing that `look` finds. Raises SystemExit when it takes longer than anybody would wait."""
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        if (found := look()) is not None:
            return found
        time.sleep(0.05)
    raise SystemExit(f"Waited {PATIENCE_SECONDS:.0f} s for {what}; `make status` and the logs know more.")


def fact_of(doors: Doors, payment_id: object, kind: str) -> Event | None:
    """The recorded fact of a payment, from payments' own feed."""
    url = doors.stack.ports.url("payments")
    pem = (doors.stack.keys / "monolith.pem").read_text()
    auth = ServiceAuth(token_url=f"{url}/oauth2/token", client_id="monolith", signing_key_pem=pem, audience="payments")
    with Feed(url, auth=auth) as feed:
        after = ""
        while True:
            page = feed.page(after, 500)
            for event in page.results:
                if event.type == kind and event.subject == str(payment_id):
                    return event
            if not page.results or page.next == after:
                return None
            after = page.next


def mail_to(doors: Doors, address: str) -> dict[str, Any] | None:
    messages = httpx.get(f"{doors.stack.ports.url('mail')}/messages", timeout=5).json()
    return next((message for message in messages if address in str(message["to"])), None)


def tell(doors: Doors) -> None:
    """A new campaign, a guest's 25 pounds, and everything that follows from them."""
    teller, campaign, owner = Teller(), uuid4(), uuid4()
    donor = f"ruth.{campaign.hex[:8]}@demo.test"

    doors.notify.describe_contact(owner, email=f"grace.{campaign.hex[:8]}@demo.test", name="Grace Otieno")
    doors.payments.describe_campaign(
        campaign, title="Clean water for Kisumu", owner_id=owner, currency="GBP", goal="12000.00", status="FUNDING"
    )
    teller.step("platform", f"published the campaign {campaign}; payments stored it and tells trust and notify")

    gift = doors.guest.create_intent(
        campaign_id=campaign,
        amount="25.00",
        currency="GBP",
        cover_fees=True,
        message="For the well",
        donor=GuestDonor(name="Ruth Adler", email=donor),
    )
    teller.step(
        "payments",
        f"opened payment {gift.payment_id}: gift 25.00, charged {gift.charged}, at Stripe {gift.payment_intent_id}",
    )

    done = doors.guest.confirm(
        payment_intent_id=str(gift.payment_intent_id),
        client_secret=gift.client_secret,
        payment_method_id="pm_card_visa",
    )
    teller.step("stripe", f"charged the card; payments booked a balanced journal, status {done.status}")

    fact = until(lambda: fact_of(doors, gift.payment_id, "payments.donation.succeeded.v1"), "the fact in the feed")
    teller.step("road", f"numbered the fact {fact.number} and published it")

    totals = until(
        lambda: next((t for t in [doors.guest.campaign_totals(campaign)] if t.gifts), None), "the campaign's totals"
    )
    teller.step("payments", f"counted it: raised {totals.raised} {totals.currency} from {totals.donors} donor")

    def scored() -> Any:
        try:
            score = doors.trust.campaign(campaign)
        except NotFound:
            return None
        return score if any(factor.contribution for factor in score.factors) else None

    score = until(scored, "the trust score")
    shown = f"score {score.score}, tier {score.tier}" if score.rated else "not rated yet: one gift is thin evidence"
    teller.step("trust", f"added the evidence and scored the campaign ({shown})")

    thanks = until(lambda: mail_to(doors, donor), "the thank-you mail")
    teller.step("notify", f"sent the thank-you to {donor}: {thanks['subject']!r}")
    told = until(lambda: mail_to(doors, f"grace.{campaign.hex[:8]}@demo.test"), "the organiser's mail")
    teller.step("notify", f"told the organiser: {told['subject']!r}")

    known = EvidenceFact.model_validate(
        {
            "id": uuid4(),
            "type": "verification.granted",
            "time": fact.time,
            "subject": {"kind": "user", "id": owner},
            "data": {"item": "identity"},
        }
    )
    doors.trust.evidence(known)
    before = score.confidence, [factor.contribution for factor in score.factors]
    again = until(
        lambda: next(
            (
                s
                for s in [doors.trust.campaign(campaign)]
                if (s.confidence, [f.contribution for f in s.factors]) != before
            ),
            None,
        ),
        "the new score",
    )
    gained = next(factor for factor in again.factors if factor.name == "verification").contribution
    teller.step("trust", f"took the organiser's identity check as evidence: verification now gives {gained:.1f} points")
    print(
        f"\nAll of it in {time.perf_counter() - teller.began:.1f} s. The payment: {doors.stack.ports.url('payments')}/admin/"
    )


if __name__ == "__main__":
    tell(Doors(Stack.here()))
