"""The control interface below `/sandbox/control/`, by subject; the sandbox package's docstring is its manual."""

from aiohttp import web

from mattermost_bridge.sandbox.control import accounts, doing, looking, trouble
from mattermost_bridge.sandbox.control.calls import controlled

PREFIX = "/sandbox/control"


def add_routes(app: web.Application) -> None:
    """Put the routes of every subject into the application."""
    for subject in (trouble, accounts, doing, looking):
        for method, path, handler in subject.ROUTES:
            app.router.add_route(method, f"{PREFIX}{path}", controlled(handler))
