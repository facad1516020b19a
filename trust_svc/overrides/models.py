"""Overrides: what staff set by hand, why, until when, and who agreed.

What the commands promise the database holds too: who asked never approves, what takes two people is in force only with two,
nothing lasts longer than 180 days, and (migration 0002) the words of an override never change and its states only go forward.
"""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Abs, Length
from django.db.models.lookups import GreaterThanOrEqual, LessThanOrEqual

from trust_svc.overrides import rules
from trust_svc.overrides.rules import Wish
from trust_svc.scoring.engine import FACTORS, TIERS

_PLACED = (rules.ACTIVE, rules.ENDED)


def _choices(*names: str) -> list[tuple[str, str]]:
    return [(name, name) for name in names]


class Override(models.Model):
    """One override of the score of a campaign or a person: all of it, the shown tier, or one factor.

    `computed` and `cap` are what was calculated when it was asked for, `change` how many points it goes from there.
    `over_cap` is the cap that it goes over, with the consent of a second person.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    entity_kind = models.TextField(choices=_choices("campaign", "user"))
    entity_id = models.UUIDField()
    owner_id = models.UUIDField(null=True)
    what = models.TextField(choices=_choices("score", "tier", "factor"))
    value = models.FloatField(null=True)
    tier = models.TextField(null=True, choices=_choices(*TIERS))
    factor = models.TextField(null=True, choices=_choices(*FACTORS))
    reason = models.TextField(choices=list(rules.REASONS.items()))
    note = models.TextField()
    days = models.IntegerField(default=rules.DAYS)

    computed = models.FloatField()
    cap = models.FloatField()
    change = models.FloatField()
    over_cap = models.FloatField(null=True)
    second_person = models.BooleanField()

    state = models.TextField(choices=_choices(*rules.STATES), default=rules.WAITING)
    requested_by = models.UUIDField()
    requested_at = models.DateTimeField()
    approved_by = models.UUIDField(null=True)
    rejected_by = models.UUIDField(null=True)
    decided_at = models.DateTimeField(null=True)
    decision_note = models.TextField(default="")
    replaces = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="replaced_by")
    placed_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    ended_by = models.UUIDField(null=True)
    ended_because = models.TextField(null=True, choices=_choices(*rules.BECAUSE))
    end_note = models.TextField(default="")

    class Meta:
        ordering = ("-requested_at", "-id")
        indexes: ClassVar = [
            models.Index(fields=("entity_kind", "entity_id", "-requested_at"), name="trust_override_of_entity"),
            models.Index(fields=("expires_at",), condition=Q(state="active"), name="trust_override_due"),
            models.Index(fields=("-requested_at", "-id"), name="trust_override_newest"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=("entity_kind", "entity_id"), condition=Q(state="active"), name="trust_one_active_override"
            ),
            models.UniqueConstraint(
                fields=("entity_kind", "entity_id"), condition=Q(state="waiting"), name="trust_one_waiting_override"
            ),
            models.CheckConstraint(condition=Q(state__in=rules.STATES), name="trust_override_state_known"),
            models.CheckConstraint(
                condition=Q(what="score", value__isnull=False, value__range=(0, 100), tier=None, factor=None)
                | Q(what="tier", value=None, tier__isnull=False, tier__in=TIERS, factor=None)
                | Q(what="factor", value__isnull=False, value__range=(0, 1), tier=None)
                & Q(factor__isnull=False, factor__in=FACTORS),
                name="trust_override_says_what",
            ),
            models.CheckConstraint(
                condition=Q(reason__in=list(rules.REASONS))
                & Q(GreaterThanOrEqual(Length("note"), rules.SHORT))
                & (~Q(reason="other") | Q(GreaterThanOrEqual(Length("note"), rules.LONG))),
                name="trust_override_says_why",
            ),
            models.CheckConstraint(
                condition=Q(days__range=(1, rules.MOST_DAYS))
                & (Q(placed_at=None) | Q(expires_at__lte=F("placed_at") + timedelta(days=rules.MOST_DAYS))),
                name="trust_override_has_an_end",
            ),
            models.CheckConstraint(
                condition=(Q(approved_by=None) | ~Q(approved_by=F("requested_by")))
                & (Q(rejected_by=None) | ~Q(rejected_by=F("requested_by"))),
                name="trust_override_maker_is_not_checker",
            ),
            models.CheckConstraint(
                condition=Q(owner_id=None)
                | ~Q(requested_by=F("owner_id"))
                & (Q(approved_by=None) | ~Q(approved_by=F("owner_id")))
                & (Q(ended_by=None) | ~Q(ended_by=F("owner_id"))),
                name="trust_override_not_of_ones_own",
            ),
            models.CheckConstraint(
                condition=Q(second_person=True) | Q(change__lte=rules.ALONE, over_cap=None),
                name="trust_override_alone_up_to_20",
            ),
            # The same from the numbers themselves, wherever they say it: a score is as far away as it is.
            models.CheckConstraint(
                condition=Q(second_person=True)
                | ~Q(what="score")
                | Q(LessThanOrEqual(Abs(F("value") - F("computed")), rules.ALONE + 0.001), value__lte=F("cap") + 0.001),
                name="trust_override_alone_under_the_cap",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=_PLACED) | Q(second_person=False) | Q(approved_by__isnull=False),
                name="trust_override_second_person_agreed",
            ),
            models.CheckConstraint(
                condition=Q(state="waiting", placed_at=None, expires_at=None, ended_at=None, decided_at=None)
                | Q(state="active", placed_at__isnull=False, expires_at__isnull=False, ended_at=None)
                | Q(state="ended", placed_at__isnull=False, expires_at__isnull=False, ended_at__isnull=False)
                | Q(state="rejected", placed_at=None, decided_at__isnull=False, rejected_by__isnull=False)
                | Q(state="withdrawn", placed_at=None, decided_at__isnull=False),
                name="trust_override_tells_its_story",
            ),
            models.CheckConstraint(
                condition=~Q(state="ended")
                | Q(ended_because="expired", ended_by=None)
                | Q(ended_because__in=("revoked", "replaced"), ended_by__isnull=False),
                name="trust_override_ended_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return f"override of {self.entity_kind} {self.entity_id}"

    @property
    def wish(self) -> Wish:
        """What is set by hand."""
        return Wish(self.what, self.value, self.tier, self.factor, self.over_cap)  # type: ignore[arg-type]
