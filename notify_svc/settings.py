"""Settings of the notifications service. Everything that depends on where it runs comes from the environment."""

from __future__ import annotations

from bh_sdk.server.ops import env
from bh_sdk.server.ops.settings import service_settings

globals().update(
    service_settings(
        "notify",
        apps=[
            "notify_svc.wording.apps.Wording",
            "notify_svc.audience.apps.Audience",
            "notify_svc.devices.apps.Devices",
            "notify_svc.delivery.apps.Delivery",
            "notify_svc.preferences.apps.Preferences",
            "notify_svc.providers.apps.Providers",
            "notify_svc.tracking.apps.Tracking",
            "notify_svc.digests.apps.Digests",
            "notify_svc.feed.apps.Feed",
            "notify_svc.retention.apps.Retention",
            "notify_svc.broadcasts.apps.Broadcasts",
            "notify_svc.insights.apps.Insights",
        ],
        beat={
            # A sweep that comes late is worth nothing: the next one does the same.
            task: {"task": task, "schedule": seconds, "options": {"expires": seconds}}
            for task, seconds in {
                "notify.delivery.send": 1.0,
                "notify.delivery.reclaim": 2.0,
                "notify.delivery.wake": 2.0,
                "notify.delivery.tell_waiting": 2.0,
                "notify.tracking.work": 1.0,
                "notify.delivery.expand": 2.0,
                "notify.delivery.tell_endings": 60.0,
                "notify.providers.forget": 3_600.0,
                "notify.devices.forget": 3_600.0,
                "notify.digests.close": 5.0,
                "notify.digests.review": 60.0,
                "notify.feed.forget_tickets": 60.0,
                "notify.retention.prune": 300.0,
                "notify.retention.erase": 30.0,
                "notify.insights.count": 60.0,
            }.items()
        },
    )
)

# Where people read: links in messages lead here.
BH_SITE_URL = env.url("BH_SITE_URL")
# Where a browser reaches the stream of its feed.
BH_STREAM_URL = env.url("BH_STREAM_URL")
# Where a donor's browser reaches payments, for the link to a receipt; unlike BH_PAYMENTS_URL it is never an inner address.
BH_PAYMENTS_PUBLIC_URL = env.url("BH_PAYMENTS_PUBLIC_URL", env.url("BH_PAYMENTS_URL"))
# The same key as payments': the link in the thank-you mail opens a guest's gift there.
BH_LINK_KEY = env.secret("BH_LINK_KEY").encode()
# Keys that BH_LINK_KEY replaced: the links in mails that have left go on opening the pages of preferences.
BH_LINK_KEYS_PAST = [key.encode() for key in env.words("BH_LINK_KEYS_PAST")]
# Where a reader's browser, or the mail program that unsubscribes for them, reaches this service.
BH_NOTIFY_PUBLIC_URL = env.url("BH_NOTIFY_PUBLIC_URL", env.url("BH_SERVICE_URL"))

# Amazon SES, when a region is named; credentials come the way boto3 finds them. An endpoint stands for Amazon elsewhere.
SES_REGION = env.text("SES_REGION", "")
SES_ENDPOINT = env.text("SES_ENDPOINT", "")
SES_CONFIGURATION_SET = env.text("SES_CONFIGURATION_SET", "")
# The topics (ARNs) through which SES may tell us what became of a mail.
SES_TOPICS = env.words("SES_TOPICS")
SNS_ENDPOINT = env.text("SNS_ENDPOINT", "")
# SendGrid, when there is a key; the other one is the public key its webhooks are signed with (base64 of DER).
SENDGRID_API_KEY = env.secret("SENDGRID_API_KEY", "")
SENDGRID_URL = env.url("SENDGRID_URL", "https://api.sendgrid.com")
SENDGRID_WEBHOOK_KEY = env.text("SENDGRID_WEBHOOK_KEY", "")
# smtp:// or smtps://, with user and password if need be; `?starttls=on` insists on encryption. One way has to be there.
SMTP_URL = env.secret("SMTP_URL", "" if SES_REGION or SENDGRID_API_KEY else None)
# Web Push, when there is a key: PEM, or 32 bytes in base64url. The subject is where a push service finds us when we err.
VAPID_PRIVATE_KEY = env.secret("VAPID_PRIVATE_KEY", "")
VAPID_SUBJECT = env.text("VAPID_SUBJECT", "mailto:push@blessed-horizon.example")
# Firebase Cloud Messaging, when there is a service account (its JSON); a URL stands for Google elsewhere.
FCM_SERVICE_ACCOUNT = env.secret("FCM_SERVICE_ACCOUNT", "")
FCM_URL = env.url("FCM_URL", "https://fcm.googleapis.com")
# Text messages by Twilio, when they are switched on. From: a number, or the SID of a messaging service. What Twilio tells of
# them, and what people write back, comes to /api/v1/notifications/webhooks/twilio at BH_NOTIFY_PUBLIC_URL.
TWILIO_ON = env.flag("TWILIO_ON")
TWILIO_ACCOUNT_SID = env.text("TWILIO_ACCOUNT_SID", None if TWILIO_ON else "")
TWILIO_AUTH_TOKEN = env.secret("TWILIO_AUTH_TOKEN", None if TWILIO_ON else "")
TWILIO_FROM = env.text("TWILIO_FROM", None if TWILIO_ON else "")
TWILIO_URL = env.url("TWILIO_URL", "https://api.twilio.com")
# Push services (https://host:port) besides which none is spoken to, wherever they are; for tests and the local stack.
WEBPUSH_SERVICES = env.words("WEBPUSH_SERVICES")
# Whether providers' words on who opened or clicked are kept. Off: nobody is watched.
NOTIFY_TRACK_READING = env.flag("NOTIFY_TRACK_READING")
# News comes from an address of its own, so that complaints about news never hold back a thank-you.
NOTIFY_FROM = env.text("NOTIFY_FROM", "Blessed Horizon <giving@blessed-horizon.example>")
NOTIFY_FROM_NEWS = env.text("NOTIFY_FROM_NEWS", "Blessed Horizon <news@blessed-horizon.example>")
# Mail to this domain stays in the house: its addresses stand for fates, such as `permanent-failure@`.
NOTIFY_SIMULATOR = env.text("NOTIFY_SIMULATOR", "simulator.blessed-horizon.example")
# How many deliveries one worker takes at once, and for how many seconds its claim stands without a sign of life.
NOTIFY_BATCH = env.number("NOTIFY_BATCH", 200)
NOTIFY_LEASE = env.number("NOTIFY_LEASE", 12)
