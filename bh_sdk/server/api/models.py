"""Answers that were given once, so that a repeated call gets the same one."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models


class IdempotencyKey(models.Model):
    """One `Idempotency-Key` of one caller on one route. Written by `idempotency.py` alone, in the database's own time.

    While `lease_until` lies ahead, somebody is at it; with a `status` it is answered for good.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    caller = models.CharField(max_length=64, help_text="Digest of who calls")
    route = models.CharField(max_length=200, help_text="Method and route template")
    key = models.UUIDField()
    fingerprint = models.CharField(max_length=100, help_text="Keyed hash of path and body")
    lease = models.UUIDField(null=True, help_text="Token of the call that is at it")
    lease_until = models.DateTimeField(null=True)
    status = models.PositiveSmallIntegerField(null=True)
    answer = models.BinaryField(null=True, help_text="Sealed: headers and body")
    created_at = models.DateTimeField()

    class Meta:
        verbose_name = "idempotency key"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["caller", "route", "key"], name="bh_api_one_answer_per_key"),
            models.CheckConstraint(
                condition=models.Q(status__isnull=True, answer__isnull=True)
                | models.Q(status__isnull=False, answer__isnull=False),
                name="bh_api_status_with_answer",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["created_at"], name="bh_api_key_age")]

    def __str__(self) -> str:
        return f"{self.route} {self.key}"
