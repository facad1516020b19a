"""Mail by Amazon SES (API v2). The delivery's id goes along as a tag, because SES puts its own Message-ID in place of ours.

Source: https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html. Credentials come the way boto3 finds them.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import lru_cache
from typing import Any, cast

import boto3
from botocore import exceptions as boto
from botocore.config import Config
from django.conf import settings

from notify_svc.delivery.channels.base import Letter, Link, Outcome
from notify_svc.delivery.channels.email import mime
from notify_svc.delivery.channels.sparing import AWAY, Sparing

# The rate is per second and the quota per day: the one is over soon, the other is not.
TOO_FAST, QUOTA_USED = timedelta(seconds=5), timedelta(hours=1)

_THROTTLED = frozenset(
    {
        "TooManyRequestsException",
        "LimitExceededException",
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "RequestLimitExceeded",
        "SlowDown",
    }
)
# What is wrong is ours, not the letter's: it waits until somebody has put it right.
_OURS = {
    "AccountSuspendedException": "account_suspended",
    "SendingPausedException": "sending_paused",
    "MailFromDomainNotVerifiedException": "sender_unverified",
    "NotFoundException": "configuration_missing",
    "AccessDeniedException": "credentials_refused",
    "AccessDenied": "credentials_refused",
    "UnrecognizedClientException": "credentials_refused",
    "InvalidClientTokenId": "credentials_refused",
    "InvalidSignatureException": "credentials_refused",
    "SignatureDoesNotMatch": "credentials_refused",
    "ExpiredTokenException": "credentials_refused",
    "MissingAuthenticationTokenException": "credentials_refused",
}
_LOCK = threading.Lock()


@lru_cache(maxsize=4)
def _made(region: str, endpoint: str) -> Any:
    # Never tried again by itself: SendEmail knows no idempotency key, so a repeat may be a second mail.
    config = Config(connect_timeout=5, read_timeout=20, retries={"total_max_attempts": 1}, max_pool_connections=32)
    return boto3.session.Session().client("sesv2", region_name=region, endpoint_url=endpoint or None, config=config)


def client() -> Any:
    """This process's client. Making one costs 140 ms; it serves all threads."""
    with _LOCK:
        return _made(settings.SES_REGION, settings.SES_ENDPOINT)


def _carry(letter: Letter) -> Outcome:
    try:
        sealed = mime.envelope(letter)
        if not sealed.plain:
            return Outcome("permanent", "smtputf8_unsupported")
        call: dict[str, Any] = {
            "FromEmailAddress": sealed.sender,
            "Destination": {"ToAddresses": [sealed.to]},
            "Content": {"Raw": {"Data": mime.as_bytes(letter)}},
            "EmailTags": [{"Name": "delivery_id", "Value": str(letter.delivery_id)}],
        }
    except mime.AddressUnusable:
        return Outcome("permanent", "address_unusable")
    except mime.Unwritable:
        return Outcome("permanent", "unwritable")
    if settings.SES_CONFIGURATION_SET:
        call["ConfigurationSetName"] = settings.SES_CONFIGURATION_SET
    try:
        answer = client().send_email(**call)
    except boto.ClientError as error:
        return _refused(error)
    except (boto.NoCredentialsError, boto.PartialCredentialsError, boto.CredentialRetrievalError):
        return Outcome("auth", "credentials_missing")
    except (boto.EndpointConnectionError, boto.ConnectTimeoutError, boto.ProxyConnectionError, boto.SSLError):
        return Outcome("transient", AWAY)
    except boto.ParamValidationError:
        return Outcome("permanent", "unwritable")
    except boto.BotoCoreError:
        # The request was on its way: SES may have it.
        return Outcome("unknown", "connection_lost")
    return Outcome("accepted", code=200, provider_ref=str(answer.get("MessageId", "")))


def _refused(error: boto.ClientError) -> Outcome:
    """What an answer other than 200 means. Its text is looked at and never kept: it may repeat the address."""
    said = cast(dict[str, Any], error.response)
    name, text = str(said["Error"].get("Code", "")), str(said["Error"].get("Message", "")).lower()
    status = int(said.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)) or None
    if name in _THROTTLED or status == 429:
        used_up = "quota" in text
        return Outcome(
            "throttled", "quota_used" if used_up else "too_fast", status, QUOTA_USED if used_up else TOO_FAST
        )
    if name in _OURS:
        return Outcome("auth", _OURS[name], status)
    if name == "MessageRejected" and "not verified" in text:
        return Outcome("auth", "sender_unverified", status)
    if status in (401, 403):
        return Outcome("auth", "credentials_refused", status)
    if status is not None and status < 500:
        return Outcome("permanent", "refused", status)
    # A gateway that gave up does not know what the service behind it did.
    return Outcome("unknown" if status in (502, 504) else "transient", "deferred", status)


class Ses:
    """Amazon SES."""

    name, channel, lane = "ses", "email", ""

    @contextmanager
    def open(self) -> Iterator[Link]:
        yield Sparing(_carry)
