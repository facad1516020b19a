"""Who may do what in notifications: (role, noun, verb). The table in the database is the truth; this seeds it."""

from __future__ import annotations

_DESKS = ("support", "editor", "auditor")

PREFERENCES: list[tuple[str, str, str]] = [
    # One's own alone: the doors know no other.
    *(("donor", "preference", verb) for verb in ("read", "change")),
    *((role, "preference", "view") for role in ("support", "auditor")),
    ("support", "preference", "correct"),
]

POLICIES: list[tuple[str, str, str]] = [
    # A feed belongs to one person; which one, the commands see to.
    ("donor", "feed", "read"),
    ("donor", "feed", "mark"),
    ("service:monolith", "notification", "send"),
    ("editor", "notification", "send"),
    *(
        (role, noun, "describe")
        for role in ("service:monolith", "service:payments")
        for noun in ("contact", "campaign")
    ),
    *(
        (role, noun, "view")
        for role in _DESKS
        for noun in ("notification", "delivery", "waiting_fact", "template", "campaign")
    ),
    *((role, "contact", "view") for role in ("support", "auditor")),
    *(("editor", "template", verb) for verb in ("draft", "publish")),
    *(("support", "dead_letter", verb) for verb in ("view", "replay")),
]

# Editors write, one of them or an admin publishes; what a real person was told is shown unmasked to who answers people.
WORDING: list[tuple[str, str, str]] = [
    *((role, "layout", "view") for role in _DESKS),
    *(("editor", "layout", verb) for verb in ("draft", "publish")),
    ("editor", "template", "try"),
    ("support", "notification", "open"),
]

# Whoever wrote any of a broadcast does not approve it, whatever their roles: the command sees to that. Stopping is for
# everybody at a desk that hears the complaints.
BROADCASTS: list[tuple[str, str, str]] = [
    *((role, noun, "view") for role in _DESKS for noun in ("broadcast", "mailing")),
    *(("editor", "broadcast", verb) for verb in ("write", "ask", "approve")),
    *((role, "broadcast", verb) for role in ("editor", "support") for verb in ("pause", "stop")),
    ("support", "mailing", "cancel"),
]

TRACKING: list[tuple[str, str, str]] = [
    *((role, noun, "view") for role in _DESKS for noun in ("provider_event", "suppression")),
    *(("support", "suppression", verb) for verb in ("place", "release")),
]

# What support sends once more when somebody says that it never came.
DELIVERY: list[tuple[str, str, str]] = [("support", "delivery", "resend")]

# Who carries our messages is for admins to steer; everybody at a desk may see how they are.
PROVIDERS: list[tuple[str, str, str]] = [
    *((role, "provider", "view") for role in _DESKS),
    *(("admin", "provider", verb) for verb in ("weigh", "heal")),
]

# A person's own browsers and apps; support sees that there are some, and may retire one.
DEVICES: list[tuple[str, str, str]] = [
    *(("donor", "device", verb) for verb in ("read", "change")),
    *((role, "device", "view") for role in ("support", "auditor")),
    ("support", "device", "retire"),
]

# One's own data, everybody may take along; another's only the platform, on that person's behalf, and admins. Everybody at a
# desk may see how long what is kept.
RETENTION: list[tuple[str, str, str]] = [
    *((role, "personal_data", "read") for role in ("donor", "service:monolith", "admin")),
    *((role, "personal_data", verb) for role in ("service:monolith", "admin") for verb in ("export", "erase")),
    *((role, "personal_data", "view") for role in ("support", "auditor")),
    *((role, "retention", "view") for role in _DESKS),
]

# Figures hold no person.
INSIGHTS: list[tuple[str, str, str]] = [(role, "insight", "view") for role in (*_DESKS, "analyst")]
