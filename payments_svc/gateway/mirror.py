"""dj-stripe's read-only mirror of Stripe's objects, for staff. A task of its own: when it fails, money does not notice."""

from __future__ import annotations

import json
from datetime import timedelta

from django.db import transaction
from django.db.models import F
from djstripe.models import Charge, Customer, Dispute, Event, PaymentIntent, PaymentMethod

from bh_sdk.server.ops import clock
from bh_sdk.server.ops.logs import log
from payments_svc.gateway.masking import masked
from payments_svc.gateway.models import StripeEvent

_LEASE = timedelta(seconds=60)
_MOST_TRIES = 6
_MOST_GIVEN_UP = 100


@transaction.atomic
def claim() -> StripeEvent | None:
    """The next event to copy, ours for a while. One alone: what ends the worker costs no other event a try. One whose tries
    are used up without an end, because each ended with its worker, is given up here."""
    now = clock.now()
    due = StripeEvent.objects.select_for_update(skip_locked=True).filter(mirror_due_at__lte=now)
    for worn in due.filter(mirror_attempts__gte=_MOST_TRIES)[:_MOST_GIVEN_UP]:
        _give_up(worn, "no try came to an end")
    row = due.filter(mirror_attempts__lt=_MOST_TRIES).order_by("mirror_due_at").first()
    if row is not None:
        tried = F("mirror_attempts") + 1
        StripeEvent.objects.filter(id=row.id).update(mirror_due_at=now + _LEASE, mirror_attempts=tried)
    return row


def _give_up(row: StripeEvent, why: str) -> None:
    note = f"given up after {_MOST_TRIES} tries: {why}"
    StripeEvent.objects.filter(id=row.id).update(mirror_due_at=None, mirror_note=note)
    log("gateway").warning("mirror.given_up", event_id=row.id, type=row.type, why=why)


def copy(row: StripeEvent) -> bool:
    """Let dj-stripe refetch the event's objects and store them; False when it could not, and is to try later."""
    try:
        # dj-stripe refetches inside a transaction of its own; ours around it keeps what it copies unseen until it is masked.
        with transaction.atomic():
            if row.type == "customer.deleted":
                _forget_customer(str(row.object_id))
            else:
                Event.process(masked(json.loads(row.body.open())))
                _mask_objects(row.intent_id)
    except Exception as error:
        # dj-stripe raises whatever its many models raise; the mirror is a copy that may lag, so none of it may escape.
        kind = type(error).__name__
        if row.mirror_attempts + 1 >= _MOST_TRIES:
            _give_up(row, kind)
            return False
        due = clock.now() + timedelta(seconds=30) * 2**row.mirror_attempts
        StripeEvent.objects.filter(id=row.id).update(mirror_due_at=due, mirror_note=f"the last try failed: {kind}")
        log("gateway").warning("mirror.failed", event_id=row.id, type=row.type, error=kind)
        return False
    StripeEvent.objects.filter(id=row.id).update(mirror_due_at=None, mirror_note=None)
    return True


def _forget_customer(customer_id: str) -> None:
    """dj-stripe would delete the customer at Stripe once more, and a mirror changes nothing there."""
    for gone in Customer.objects.select_for_update().filter(id=customer_id):
        said = {"id": gone.id, "object": "customer", "deleted": True, "livemode": gone.livemode}
        Customer.objects.filter(pk=gone.pk).update(email="", subscriber=None, date_purged=clock.now(), stripe_data=said)


def _mask_objects(intent_id: str | None) -> None:
    """The mirror is for looking at: what names or reaches a person, and the secret that lets one pay, stays out of it."""
    intents, charges = PaymentIntent.objects.filter(id=intent_id), Charge.objects.filter(payment_intent_id=intent_id)
    customers = Customer.objects.filter(id__in=intents.values("customer_id"))
    methods = PaymentMethod.objects.filter(id__in=[*intents.values_list("payment_method_id", flat=True)])
    disputes = Dispute.objects.filter(payment_intent_id=intent_id)
    for kept in (intents, charges, customers, methods, disputes):
        for copied in kept.select_for_update():
            kept.filter(pk=copied.pk).update(stripe_data=masked(copied.stripe_data))
    customers.update(email="")
