"""What happens to every API request around its handler: the journal, limits, faults, errors and headers."""

import logging
from email.utils import formatdate

from aiohttp import web
from aiohttp.typedefs import Handler

from mattermost_bridge.sandbox import wire
from mattermost_bridge.sandbox.calls import reply, token_in
from mattermost_bridge.sandbox.errors import ApiError, ServerPanic, route_missing
from mattermost_bridge.sandbox.faults import ConnectionCut, Fault
from mattermost_bridge.sandbox.hub import cut
from mattermost_bridge.sandbox.ids import new_id
from mattermost_bridge.sandbox.journal import Entry
from mattermost_bridge.sandbox.keys import FAULT, REQUEST_ID, SANDBOX

log = logging.getLogger(__name__)

MODERN_MAX_BODY = 300_000
MODERN_MAX_URI = 2048


@web.middleware
async def serve_api(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Serve one request; what is neither the API nor a response address of a slash command passes untouched."""
    if not request.path.startswith(("/api/", "/hooks/")):
        return await handler(request)
    box = request.app[SANDBOX]
    token = token_in(request)
    entry = Entry(request.method, request.path, request.query_string, box.state.owner_of_token(token), box.clock.ms())
    box.journal.entries.append(entry)
    request[REQUEST_ID] = new_id()
    verdict = box.limiter.check(request.remote or "", token)
    if verdict is not None and not verdict.allowed:
        entry.status = 429
        headers = {"Content-Type": "text/plain"} | verdict.headers
        return web.Response(status=429, headers=headers, body=b"limit exceeded\n")
    try:
        response = await _with_fault(request, handler, entry)
    except (ConnectionCut, ServerPanic):
        entry.lost = True
        cut(request.transport)
        return web.Response(status=500)
    entry.status = response.status
    if not response.prepared:
        if verdict is not None:
            response.headers.update(verdict.headers)
        if box.clock.offset_ms:
            response.headers["Date"] = formatdate(box.clock.ms() / 1000, usegmt=True)
    return response


async def _with_fault(request: web.Request, handler: Handler, entry: Entry) -> web.StreamResponse:
    """Run the handler with the rule, if any, that somebody asked for."""
    rules = request.app[SANDBOX].faults
    fault = rules.take(request, entry.who, await request.read()) if rules.rules else None
    request[FAULT] = fault
    if fault is None:
        return await _answer(request, handler)
    entry.fault = fault.kind
    if fault.kind == "answer":
        answer = fault.answer()
        if fault.status == 401:
            _clear_cookie(answer)
        return answer
    await fault.at("before")
    response = await _answer(request, handler)
    await fault.at("after")
    if fault.kind == "lose":
        entry.status = response.status
        raise ConnectionCut
    return response


async def _answer(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Run the handler, write its errors in the server's form and add the headers of every answer."""
    settings = request.app[SANDBOX].settings
    try:
        if settings.modern:
            _check_size(request)
        response = await handler(request)
    except ApiError as error:
        response = reply(error.as_rest(request[REQUEST_ID]), error.status)
        if error.status == 401:
            _clear_cookie(response)
    except (web.HTTPNotFound, web.HTTPMethodNotAllowed):
        kind = "application/json" if settings.modern else "text/plain"
        body = wire.dumps(route_missing()).encode()
        return web.Response(status=404, body=body, headers={"Content-Type": kind})
    except (ConnectionCut, ServerPanic, web.HTTPException):
        raise
    except Exception:
        log.exception("The sandbox failed in %s %s; this is a bug of the sandbox.", request.method, request.path)
        bug = ApiError(500, "sandbox.bug", "The sandbox has a bug; its log says more.")
        response = reply(bug.as_rest(request[REQUEST_ID]), 500)
    if not response.prepared:
        response.headers["X-Request-Id"] = request[REQUEST_ID]
        response.headers["X-Version-Id"] = settings.version_id
    return response


def _check_size(request: web.Request) -> None:
    """Refuse what newer servers find too large (9.5 for bodies, 10.0 for addresses)."""
    if len(request.path_qs) > MODERN_MAX_URI:
        raise ApiError(414, "basic_security_check.url.too_long_error", "URL is too long.")
    # Uploads have the limit of files instead.
    if (request.content_length or 0) > MODERN_MAX_BODY and request.path != "/api/v4/files":
        raise ApiError(413, "api.context.request_body_too_large.app_error", "The request body is too large.")


def _clear_cookie(response: web.StreamResponse) -> None:
    """A 401 tells browsers to forget their session."""
    response.headers["Set-Cookie"] = "MMAUTHTOKEN=; Max-Age=0"


def current_fault(request: web.Request) -> Fault | None:
    """Return the rule that the request met, for handlers with a stage of their own."""
    return request.get(FAULT)
