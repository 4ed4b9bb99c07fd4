"""Where handlers find the sandbox, and where the middleware leaves what it knows of a request."""

from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from mattermost_bridge.sandbox.app import Sandbox
    from mattermost_bridge.sandbox.faults import Fault

SANDBOX: "web.AppKey[Sandbox]" = web.AppKey("sandbox")
FAULT: "web.RequestKey[Fault | None]" = web.RequestKey("fault")
REQUEST_ID: web.RequestKey[str] = web.RequestKey("request_id", str)
