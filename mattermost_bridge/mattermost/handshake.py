"""The opening of a WebSocket to Mattermost, and why it failed."""

import logging
from typing import Any
from urllib.parse import urlsplit

from requests.structures import CaseInsensitiveDict
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidMessage, InvalidStatus, WebSocketException
from websockets.http11 import Response

from .errors import MattermostError, error_from_response, redact, shorten
from .failures import connection_error
from .transport import USER_AGENT


class _Connect(connect):
    """The library's connect without redirects: the challenge that follows would hand the token to another host."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


class _WireLog(logging.LoggerAdapter):
    """Keeps the library from logging frames, as it does at DEBUG: ours hold the token, the others private messages."""

    def isEnabledFor(self, level: int) -> bool:
        return level > logging.DEBUG and super().isEnabledFor(level)


_wire_log = _WireLog(logging.getLogger(__name__), {})


async def open_connection(url: str, token: str, **options: Any) -> ClientConnection:
    """Open the WebSocket at `url` with these options of the library; raises MattermostError.

    The token is not sent here, it is only kept out of the error's text.
    """
    address = "{0.scheme}://{0.netloc}".format(urlsplit(url))
    failure: Exception
    try:
        return await _Connect(
            url,
            compression=None,
            origin=None,
            proxy=None,
            user_agent_header=USER_AGENT,
            logger=_wire_log,
            **options,
        )
    except InvalidStatus as error:
        raise _refused(error.response, address, token) from None
    except (OSError, EOFError, InvalidMessage) as error:
        failure = error
    except WebSocketException as error:
        raise _no_websocket(address, str(error), token) from None
    raise connection_error(failure, address=address, sent=True, secrets=(token,))


def _refused(response: Response, address: str, token: str) -> MattermostError:
    """The exception for a handshake that was answered with anything but 101."""
    status = response.status_code
    headers = CaseInsensitiveDict(response.headers.raw_items())
    if 300 <= status < 400:
        place = shorten(redact(headers.get("Location", "nowhere").partition("?")[0], token), 200)
        return MattermostError(
            f"Mattermost API {status}: {address} redirects to {place}. Durar does not follow with the bot token: "
            "set the base URL to the server's own address.",
            status=status,
        )
    if status < 400:
        return _no_websocket(address, f"it answers {status}", token)
    return error_from_response(status, response.reason_phrase, headers, bytes(response.body or b""), secrets=(token,))


def _no_websocket(address: str, detail: str, token: str) -> MattermostError:
    detail = shorten(redact(detail, token), 200)
    return MattermostError(
        f"Mattermost API protocol error at {address}: this is no WebSocket of Mattermost ({detail}). "
        "Is the base URL right, and does a proxy before the server pass WebSockets on?",
        kind="protocol",
    )
