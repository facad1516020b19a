from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models

from bh_sdk.server.ops.sealed import SealedField


class Gift(models.Model):
    """What an idempotent call makes; `digest` is the key that a retry resumes by."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    title = models.CharField(max_length=200)
    size = models.BigIntegerField(default=0)
    digest = models.CharField(max_length=64, null=True, unique=True)
    created_at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["-created_at", "-id"], name="kit_demo_newest")]

    def __str__(self) -> str:
        return self.title


class Person(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    email = SealedField()
    phone = SealedField(null=True)
    email_hash = models.CharField(max_length=100, default="")

    def __str__(self) -> str:
        return str(self.id)
