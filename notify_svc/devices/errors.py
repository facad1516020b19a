"""Why a device is not taken, or not found."""

from __future__ import annotations

from bh_sdk.errors import Conflict, NotFound


class DeviceNotFound(NotFound):
    code, title = "device_not_found", "There is no such device, or it is not yours"


class DeviceRetired(Conflict):
    code, title = "device_retired", "Nothing is sent to this device already"


class PersonErased(Conflict):
    code, title = "person_erased", "Everything about this person was erased; nothing is kept of them any more"


class PushNotOffered(NotFound):
    code, title = "push_not_offered", "Browsers cannot be told anything here: there is no key for it"
