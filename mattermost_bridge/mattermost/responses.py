"""Answering a slash command later: its `response_url`, which takes a message and no token (Mattermost 5.37: five times
within 30 minutes)."""

import requests
import urllib3.exceptions

from .calls import MAX_ERROR_BODY, before_request
from .errors import MattermostError, error_from_response
from .failures import connection_error
from .text import dumps
from .transport import call_within, new_session

CONNECT_SECONDS = 5.0


def respond(response_url: str, text: str, *, seconds: float) -> None:
    """Show `text` to whoever typed the command, and to nobody else, where they typed it.

    Sent once, without the bot's token, within `seconds` in total; redirects are not followed. Raises MattermostError,
    whose text never holds the address: who knows it may write there.
    """
    for hook in before_request:
        hook()
    body = dumps({"response_type": "ephemeral", "text": text, "skip_slack_parsing": True})
    failure: Exception | None = None
    with call_within(seconds) as call, new_session() as session:
        try:
            with session.post(
                response_url,
                data=body,
                headers={"Content-Type": "application/json"},
                timeout=(min(CONNECT_SECONDS, seconds), seconds),
                allow_redirects=False,
                stream=True,
            ) as response:
                content = next(response.iter_content(MAX_ERROR_BODY), b"")
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            failure = error
    if failure is not None:
        raise connection_error(failure, address="the response address", sent=call.sent, secrets=(response_url,))
    if not 200 <= response.status_code < 300:
        raise error_from_response(
            response.status_code, response.reason or "", response.headers, content, secrets=(response_url,)
        )


__all__ = ["MattermostError", "respond"]
