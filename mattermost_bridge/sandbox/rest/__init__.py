"""API v4 of the sandbox, by subject: the part of Mattermost's REST interface that a bridge uses."""

from aiohttp import web

from mattermost_bridge.sandbox.calls import authenticated
from mattermost_bridge.sandbox.rest import (
    channels,
    clicks,
    commands,
    files,
    posts,
    reactions,
    roles,
    system,
    teams,
    users,
)

_SUBJECTS = (system, users, teams, channels, posts, clicks, commands, reactions, files, roles)


def add_routes(app: web.Application) -> None:
    """Put the routes of every subject into the application."""
    for subject in _SUBJECTS:
        for method, path, handler in getattr(subject, "OPEN_ROUTES", ()):
            app.router.add_route(method, f"/api/v4{path}", handler)
        for method, path, handler in subject.ROUTES:
            app.router.add_route(method, f"/api/v4{path}", authenticated(handler))
    for method, path, handler in commands.HOOKS:
        app.router.add_route(method, path, handler)
