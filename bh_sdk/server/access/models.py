"""What access stores: staff accounts, refusals of tokens, spent assertions, and the versions that processes watch."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from casbin_adapter.models import CasbinRule
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from bh_sdk.server.access import roles as known
from bh_sdk.server.access.principals import Principal

DEMO_NAMESPACE = "https://blessedhorizon.test/staff/"


def demo_sub(name: str) -> uuid.UUID:
    """The `sub` of a demo staff member, the same in every service and at the local issuer of user tokens."""
    return uuid.uuid5(uuid.NAMESPACE_URL, DEMO_NAMESPACE + name)


class StaffAccounts(BaseUserManager["Staff"]):
    def create_user(self, username: str, password: str | None = None, **fields: Any) -> Staff:
        staff = self.model(username=self.model.normalize_username(username), **fields)
        staff.set_password(password)
        staff.full_clean()
        staff.save(using=self._db)
        return staff

    def create_superuser(self, username: str, password: str | None = None, **fields: Any) -> Staff:
        """The first account of a new service: somebody who can give roles to others, by role like everybody else."""
        return self.create_user(username, password, **{"roles": ["admin"], **fields})


class Staff(AbstractBaseUser):
    """A member of staff. `sub` is the person's one identity at every door; `roles` decide what the person may do.

    There is no superuser flag: Django asks for one in places, and the answer is always no.
    """

    username = models.CharField(max_length=150, unique=True, validators=[UnicodeUsernameValidator()])
    sub = models.UUIDField(unique=True, help_text="The person's id at the sign-in service (the `sub` of their tokens).")
    name = models.CharField(max_length=150, blank=True)
    email = models.EmailField(blank=True)
    roles = ArrayField(
        models.CharField(max_length=20, choices=[(role, role) for role in known.STAFF]), default=list, blank=True
    )
    is_active = models.BooleanField(
        default=True, help_text="Off: the person is signed out here and their tokens are refused at once."
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    objects: ClassVar[StaffAccounts] = StaffAccounts()

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["sub"]

    is_superuser = False

    class Meta:
        verbose_name = "member of staff"
        verbose_name_plural = "staff"
        ordering = ("username",)

    def __str__(self) -> str:
        return self.name or self.username

    def get_full_name(self) -> str:
        return self.name or self.username

    def get_short_name(self) -> str:
        return self.username

    @property
    def principal(self) -> Principal:
        """The same principal that this person's token gives."""
        return Principal(id=str(self.sub), kind="user", roles=frozenset(self.roles))

    @property
    def is_staff(self) -> bool:
        """Whether the admin lets this account in: any role of staff."""
        return self.is_active and not set(self.roles).isdisjoint(known.STAFF)

    def may(self, noun: str, verb: str) -> bool:
        return self.is_active and self.principal.may(noun, verb)

    # Django's own permissions are not used: the policy table is the only one.
    def has_perm(self, *_: object) -> bool:
        return False

    def has_perms(self, *_: object) -> bool:
        return False

    def has_module_perms(self, *_: object) -> bool:
        return False


class Policy(CasbinRule):  # type: ignore[misc]  # the adapter is untyped
    """A line of the policy table: `p, role, noun, verb` or `g, role, included role`."""

    class Meta:
        proxy = True
        verbose_name = "policy"
        verbose_name_plural = "policies"
        ordering = ("v1", "v2", "v0")

    def __str__(self) -> str:
        if self.ptype == "g":
            return f"{self.v0} includes {self.v1}"
        return f"{self.v0} may {self.v2} {self.v1}"


class AccessVersion(models.Model):
    """A stamp that a database trigger changes with every change of what it names; processes compare it each second.

    A random stamp and not a number: a restored database or a flushed table can never repeat an old one.
    """

    class Watched(models.TextChoices):
        POLICY = "policy"
        REFUSALS = "refusals"

    name = models.CharField(primary_key=True, max_length=20, choices=Watched.choices)
    stamp = models.UUIDField()

    def __str__(self) -> str:
        return f"{self.name} {self.stamp}"


class Revocation(models.Model):
    """A token, or everything a subject signs in with, that is refused although its signature is right."""

    class Kind(models.TextChoices):
        SUBJECT = "subject", "every token of a person or service"
        TOKEN = "token", "one token (its jti or session id)"

    kind = models.CharField(max_length=10, choices=Kind.choices)
    value = models.CharField(max_length=200, help_text="The `sub`, or the `jti` or session id of one token.")
    until = models.DateTimeField(null=True, blank=True, help_text="Empty: for good.")
    reason = models.CharField(max_length=200)
    revoked_by = models.CharField(max_length=64, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ("-created_at",)
        constraints = (models.UniqueConstraint(fields=("kind", "value"), name="revocation_once"),)

    def __str__(self) -> str:
        return f"{self.kind} {self.value}"


class SpentAssertion(models.Model):
    """The `jti` of a client assertion that bought a token; the unique row refuses its replay."""

    client_id = models.CharField(max_length=64)
    jti = models.CharField(max_length=200)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("client_id", "jti"), name="assertion_once"),)

    def __str__(self) -> str:
        return f"{self.client_id} {self.jti}"
