"""Faults for requests, sockets and the server as a whole."""

from dataclasses import asdict
from typing import Any

from aiohttp import web

from mattermost_bridge.sandbox.calls import ok, reply
from mattermost_bridge.sandbox.control.calls import ControlCall, ControlError
from mattermost_bridge.sandbox.hub import DEAF_LEVELS
from mattermost_bridge.sandbox.settings import VERSIONS

_ECHO = ("before", "after")


async def add_fault(call: ControlCall) -> web.Response:
    """POST faults."""
    return reply(call.box.faults.add(call.fields).as_json(), 201)


async def list_faults(call: ControlCall) -> web.Response:
    """GET faults."""
    return reply({"faults": [fault.as_json() for fault in call.box.faults.rules.values()]})


async def clear_faults(call: ControlCall) -> web.Response:
    """DELETE faults."""
    call.box.faults.clear()
    return ok()


async def remove_fault(call: ControlCall) -> web.Response:
    """DELETE faults/{id}."""
    call.box.faults.remove(call.request.match_info["fault_id"])
    return ok()


async def release_fault(call: ControlCall) -> web.Response:
    """POST faults/{id}/release."""
    fault = call.box.faults.rules.get(call.request.match_info["fault_id"])
    if fault is None:
        raise ControlError("There is no fault with that id.", 404)
    complete = call.get("complete", True)
    return reply({"released": fault.release(complete=complete)})


async def drop_sockets(call: ControlCall) -> web.Response:
    """POST sockets/drop."""
    connections = call.box.hub.of(call.user_id_or_all())
    for connection in connections:
        connection.cut()
    return reply({"dropped": len(connections)})


async def deafen(call: ControlCall) -> web.Response:
    """POST sockets/deafen."""
    level = call.get("level", "events")
    if level not in DEAF_LEVELS:
        raise ControlError(f"The level is one of {', '.join(DEAF_LEVELS)}, not {level!r}.")
    connections = call.box.hub.of(call.user_id_or_all())
    for connection in connections:
        connection.deaf_level = level
        connection.count_while_deaf = call.get("count", False)
    return reply({"deaf": len(connections)})


async def undeafen(call: ControlCall) -> web.Response:
    """POST sockets/undeafen."""
    connections = call.box.hub.of(call.user_id_or_all())
    for connection in connections:
        connection.deaf_level = ""
    return reply({"hearing": len(connections)})


async def gone(call: ControlCall) -> web.StreamResponse:
    """POST gone: answers first, then goes."""
    box = call.box
    if box.network is None:
        raise ControlError("This sandbox does not own its port, so it cannot leave it.")
    seconds = call.get("seconds", 0.0) or None
    if call.get("forget", False):
        box.pending.clear()
    response = ok()
    response.force_close()
    await response.prepare(call.request)
    await response.write_eof()
    await box.network.go_away(seconds, call.request.transport)
    return response


async def rate_limit(call: ControlCall) -> web.Response:
    """POST rate_limit."""
    limiter = call.box.limiter
    limiter.enabled = call.get("enabled", True)
    limiter.per_second = max(0.1, call.get("per_second", limiter.per_second))
    limiter.burst = call.get("burst", limiter.burst)
    limiter.vary_by_user = call.get("vary_by_user", False)
    limiter.forget()
    return ok()


def _settings(call: ControlCall) -> dict[str, Any]:
    return asdict(call.box.settings) | {"clock_offset_ms": call.box.clock.offset_ms}


async def get_settings(call: ControlCall) -> web.Response:
    """GET settings."""
    return reply(_settings(call))


async def change_settings(call: ControlCall) -> web.Response:
    """POST settings: all of them are checked before one is changed."""
    known = _settings(call)
    values = {}
    for name in call.fields:
        if name not in known:
            raise ControlError(f"There is no setting {name!r}; there are {', '.join(known)}.")
        values[name] = call.get(name, known[name])
    for name, allowed in (("version", VERSIONS), ("echo", _ECHO)):
        if values.get(name, allowed[0]) not in allowed:
            raise ControlError(f"The setting {name!r} is one of {', '.join(allowed)}.")
    call.box.clock.offset_ms = values.pop("clock_offset_ms", call.box.clock.offset_ms)
    for name, value in values.items():
        setattr(call.box.settings, name, value)
    return reply(_settings(call))


async def reset(call: ControlCall) -> web.Response:
    """POST reset."""
    call.box.reset()
    return ok()


ROUTES = (
    ("POST", "/faults", add_fault),
    ("GET", "/faults", list_faults),
    ("DELETE", "/faults", clear_faults),
    ("DELETE", "/faults/{fault_id}", remove_fault),
    ("POST", "/faults/{fault_id}/release", release_fault),
    ("POST", "/sockets/drop", drop_sockets),
    ("POST", "/sockets/deafen", deafen),
    ("POST", "/sockets/undeafen", undeafen),
    ("POST", "/gone", gone),
    ("POST", "/rate_limit", rate_limit),
    ("GET", "/settings", get_settings),
    ("POST", "/settings", change_settings),
    ("POST", "/reset", reset),
)
