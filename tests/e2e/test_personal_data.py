"""What people tell us stays where it belongs: planted words are looked for everywhere else."""

from __future__ import annotations

from uuid import UUID, uuid4

import httpx
import pytest

from bh_sdk.clients import Trust
from bh_sdk.wire.payments import GuestDonor
from tests.e2e.scene import (
    AT_MOST,
    DECLINED,
    a_campaign,
    facts,
    give,
    in_the_browser,
    link_in,
    one_mail,
    pay,
    payment_when,
    user_auth,
)
from tests.stack import House, until

SERVICES = ("payments", "trust", "notify")


@pytest.fixture(scope="module")
def planted(house: House) -> dict[str, str]:
    """A guest and a user go through everything that can happen to them, with words that occur nowhere else."""
    mark = uuid4().hex
    words = {
        "guest name": f"Gn{mark[:10]}",
        "guest mail": f"ge{mark[2:12]}",
        "guest message": f"gm{mark[4:14]}",
        "user name": f"Un{mark[6:16]}",
        "user mail": f"ue{mark[8:18]}",
        "user phone": f"+4477{int(mark[:8], 16):010d}"[:15],
        "refused mail": f"re{mark[10:20]}",
        "report": f"rp{mark[12:22]}",
    }
    campaign = a_campaign(house)
    guest = GuestDonor(name=words["guest name"], email=f"{words['guest mail']}@demo.test")
    gift = give(house, campaign, "17.00", guest, message=words["guest message"], cover_fees=True)
    words["client secret"] = gift.client_secret.partition("_secret_")[2]
    in_the_browser(house, gift.client_secret, DECLINED)
    one_mail(house, guest.email, "the failed notice", containing="did not go through")
    in_the_browser(house, gift.client_secret)
    payment_when(house, gift.payment_id, "the gift", status="succeeded")
    _, words["link"] = link_in(one_mail(house, guest.email, "the thank-you", containing="Thank you"))
    house.doors.guest.payment(gift.payment_id, link=words["link"])
    house.doors.stripe.v1.refunds.create({"payment_intent": str(gift.payment_intent_id), "amount": 200})
    payment_when(house, gift.payment_id, "the refund", refunded_amount="2.00")
    one_mail(house, guest.email, "the refund's mail", containing="back")

    user = uuid4()
    house.doors.notify.describe_contact(
        user, email=f"{words['user mail']}@demo.test", name=words["user name"], phone=words["user phone"]
    )
    pay(house, give(house, campaign, "18.00", user), user)
    one_mail(house, f"{words['user mail']}@demo.test", "the user's thank-you")
    with Trust(house.url("trust"), auth=user_auth(house, user), timeout=30) as trust:
        description = f"Nobody has heard of this; ask {words['report']} about it."
        trust.report(entity_type="campaign", entity_id=campaign.id, kind="fraud", description=description)
    until(lambda: facts(house, "trust"), "trust's fact about the report", seconds=AT_MOST)
    words["user token"] = user_auth(house, UUID(int=1)).token().rpartition(".")[2]
    _refused(house, campaign.id, words)
    # Both gifts were told to the owner, whose mail holds the guest name.
    until(lambda: len(house.mails(campaign.owner_mail)) == 2 or None, "the owner's mails", seconds=AT_MOST)
    return words


def _refused(house: House, campaign: UUID, words: dict[str, str]) -> None:
    """Refusals are logged too, and answered with reasons."""
    gift = {"campaign_id": str(campaign), "amount": "1.00", "currency": "GBP", "surprise": words["refused mail"]}
    gift |= {"donor": {"name": words["guest name"], "email": f"{words['refused mail']} @demo.test"}}  # type: ignore[dict-item]
    headers = {"Idempotency-Key": str(uuid4())}
    url = house.url("payments")
    answers = [
        httpx.post(f"{url}/api/v1/payments/create-intent", json=gift, headers=headers, trust_env=False),
        httpx.get(f"{url}/api/v1/payments/{words['refused mail']}@demo.test", trust_env=False),
        httpx.get(
            f"{url}/api/v1/payments/history/{uuid4()}",
            headers={"Authorization": f"Bearer x.y.{words['user token']}"},
            trust_env=False,
        ),
    ]
    assert [answer.status_code for answer in answers] == [422, 404, 401]
    for answer in answers:
        assert words["refused mail"] not in answer.text


def found_in(planted: dict[str, str], text: str | bytes) -> list[str]:
    raw = text.encode() if isinstance(text, str) else text
    return [what for what, word in planted.items() if word.encode() in raw]


@pytest.mark.parametrize("service", SERVICES)
def test_it_is_in_no_fact(house: House, planted: dict[str, str], service: str) -> None:
    feed = facts(house, service)
    assert feed
    assert found_in(planted, "\n".join(event.model_dump_json() for event in feed)) == []


def test_it_is_nowhere_in_redis(house: House, planted: dict[str, str]) -> None:
    held = list(house.redis())
    assert sum(name.startswith(b"bh:events:") for name, _ in held) >= 3
    assert {name: found for name, value in held if (found := found_in(planted, name + value))} == {}


def test_it_is_in_no_log(house: House, planted: dict[str, str]) -> None:
    logs = house.log_files()
    assert len(logs) >= 12
    assert {log.name: found for log in logs if (found := found_in(planted, log.read_bytes()))} == {}


@pytest.mark.parametrize("service", SERVICES)
def test_no_row_shows_an_address_a_number_or_a_secret(house: House, planted: dict[str, str], service: str) -> None:
    """Names and messages are shown to those they were written for; addresses and secrets are sealed or hashed.

    The mirror of Stripe's objects holds them as Stripe does, secrets of intents included; nobody but staff sees it.
    """
    shown = ("name", "message", "report")
    secret = {what: word for what, word in planted.items() if what.rpartition(" ")[2] not in shown}
    tables = house.rows(
        service, "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE 'djstripe_%'"
    )
    found = {}
    for (table,) in tables:
        text = house.value(service, f"SELECT coalesce(string_agg(t::text, chr(10)), '') FROM \"{table}\" t")
        if seen := found_in(secret, text):
            found[table] = seen
    assert found == {}


@pytest.mark.parametrize("service", SERVICES)
def test_no_stored_answer_shows_anything(house: House, planted: dict[str, str], service: str) -> None:
    stored = house.value(service, "SELECT coalesce(string_agg(t::text, chr(10)), '') FROM bh_api_idempotencykey t")
    assert found_in(planted, stored) == []
