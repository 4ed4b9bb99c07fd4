"""Whether Mattermost still has a slash command as we know it.

Asked anew for each call that is about to be taken, so a token that was replaced there, or whose command was removed or
changed, opens nothing from that moment on. Calls with any other token never get so far, and of one command one question
at a time is under way, so nobody can make the server work by calling us.
"""

from __future__ import annotations

import hmac
import threading
from concurrent.futures import Future

import structlog

from mattermost_bridge.config.effective import AccountSettings
from mattermost_bridge.mattermost.errors import MattermostError
from mattermost_bridge.mattermost.types import Command
from mattermost_bridge.models import SlashCommand
from mattermost_bridge.rules import slash_payload as rules
from mattermost_bridge.rules.slash_payload import Refusal
from mattermost_bridge.services import slash_registration
from mattermost_bridge.services.clients import client_of

log = structlog.get_logger(__name__)

#: So long, in seconds, the server may take to say what it has.
SECONDS = 2.0
_asking: dict[tuple[int, str], Future[Command]] = {}
_lock = threading.Lock()


def confirm(command: SlashCommand, account: AccountSettings, token: str) -> None:
    """Raise Refusal 401 unless Mattermost has this command now: with this token, trigger and team, called by POST at
    our address. Also when the server does not say."""
    try:
        there = _command(account, command.command_id)
    except MattermostError as error:
        gone = error.status in (403, 404)
        text = rules.WRONG_TOKEN if gone else rules.UNCONFIRMED
        problem = "Mattermost does not show it (any more)" if gone else str(error)
    else:
        problem, text = _other_than(there, command, token), rules.WRONG_TOKEN
    if not problem:
        return
    log.warning("a slash command is not taken", account=account.account_id, trigger=command.trigger, problem=problem)
    slash_registration.doubt([account.pk])
    raise Refusal(401, text)


def _other_than(there: Command, command: SlashCommand, token: str) -> str:
    """What is not as we know it; "" when all is."""
    if not hmac.compare_digest(there.token.encode("utf-8", "replace"), token.encode("utf-8", "replace")):
        return "Mattermost has another token for it"
    known = (command.command_id, command.team_id, command.trigger, "P", command.callback_url, 0)
    if (there.id, there.team_id, there.trigger, there.method, there.url, there.delete_at) != known:
        return "Mattermost has it with another trigger, address or method"
    return ""


def _command(account: AccountSettings, command_id: str) -> Command:
    """What the server has; whoever asks meanwhile gets the same answer. Raises MattermostError."""
    key = (account.pk, command_id)
    with _lock:
        asked = _asking.get(key)
        if asked is None:
            mine = _asking[key] = Future()
    if asked is not None:
        return asked.result()
    try:
        mine.set_result(client_of(account, total=SECONDS).command(command_id))
    except BaseException as error:
        mine.set_exception(error)
    finally:
        with _lock:
            del _asking[key]
    return mine.result()
