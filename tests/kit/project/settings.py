from __future__ import annotations

from bh_sdk.server.ops.settings import service_settings

globals().update(service_settings("kit", apps=["tests.kit.project.demo.apps.Demo"], package="tests.kit.project"))
