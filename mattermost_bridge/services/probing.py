"""*Test connection*: does a server answer at this address, and who is the bot behind this token?"""

from __future__ import annotations

from dataclasses import dataclass

from mattermost_bridge.config.secrets import SecretProblem, resolve
from mattermost_bridge.mattermost.errors import MattermostError
from mattermost_bridge.mattermost.rest import MattermostClient
from mattermost_bridge.mattermost.types import User
from mattermost_bridge.mattermost.urls import normalise_base_url

#: Seconds to connect, and for each call: an operator waits in front of a browser.
TIMEOUT = (5.0, 10.0)


def sentence_of(problem: Exception) -> str:
    """What an error says, with a full stop at its end: servers' own words have none."""
    text = str(problem).rstrip()
    return text if text.endswith((".", "!", "?", ")")) else f"{text}."


@dataclass(frozen=True)
class ConnectionTest:
    """Either `ok`, with the bot and its teams, or `problem`: a sentence that says what to change.

    `warning` is a sentence about something that works but will disappoint.
    """

    ok: bool
    bot_user_id: str = ""
    bot_username: str = ""
    display_name: str = ""
    teams: tuple[str, ...] = ()
    problem: str = ""
    warning: str = ""


def test_connection(base_url: str, token: str, *, token_ref: str = "") -> ConnectionTest:  # noqa: PT028 (no test)
    """Ask the server at `base_url` who the bot is that `token` (or the reference `token_ref`) belongs to.

    Takes some seconds at most; call it outside of transactions. A failure is a result, not an exception.
    """
    try:
        address = normalise_base_url(base_url)
        token = resolve(token_ref) if token_ref else token.strip()
    except (ValueError, SecretProblem) as problem:
        return ConnectionTest(ok=False, problem=str(problem))
    if not token:
        return ConnectionTest(ok=False, problem="There is no bot token to test with. Enter the token or a reference.")
    client = MattermostClient(address, token, timeout=TIMEOUT)
    try:
        bot = client.me()
        teams = tuple(team.display_name or team.name for team in client.my_teams())
    except MattermostError as error:
        return ConnectionTest(ok=False, problem=problem_of(error, address))
    finally:
        client.close()
    if not bot.is_bot:
        return ConnectionTest(
            ok=False,
            bot_user_id=bot.id,
            bot_username=bot.username,
            problem=(
                f"The token belongs to @{bot.username}, who is a person and no bot. Make a bot account in Mattermost "
                "(Integrations, Bot Accounts) and use its token."
            ),
        )
    warning = ""
    if not teams:
        warning = (
            f"@{bot.username} is in no team, so nobody finds it in channels, and on older servers direct messages "
            "that strangers open while it is away cannot be found. Add it to a team in Mattermost."
        )
    return ConnectionTest(
        ok=True,
        bot_user_id=bot.id,
        bot_username=bot.username,
        display_name=_display_name(bot),
        teams=teams,
        warning=warning,
    )


def _display_name(bot: User) -> str:
    return " ".join(part for part in (bot.first_name, bot.last_name) if part) or bot.nickname or bot.username


def problem_of(error: MattermostError, address: str) -> str:
    """What a failed call to the server at `address` means for whoever set the account up, and what to change."""
    text = str(error)
    if error.is_unauthorized and not error.sent:
        return text  # the token's form is wrong; nothing was asked
    if error.is_unauthorized and not error.error_id:
        return (
            f"At {address} something other than Mattermost asks for a sign-in, such as a proxy. Check the address, and "
            f"let this host through to Mattermost's API. ({text})"
        )
    if error.is_unauthorized:
        return (
            f"{address} refuses the bot token. Copy the token again (not its id), and check in Mattermost that the "
            "bot account and the token are enabled."
        )
    if error.kind == "tls" and "certificate" not in text:
        return (
            f"{address} makes no encrypted connection. Check that the address begins with https only if this port "
            f"serves it. ({text})"
        )
    if error.kind == "tls":
        return (
            f"The certificate of {address} is not trusted. Install the authority's certificate on this host, or set "
            f"REQUESTS_CA_BUNDLE to a file that holds it. ({text})"
        )
    if error.kind == "timeout":
        return f"{address} does not answer in time. Check the address, and that this host may reach it. ({text})"
    if error.kind == "network":
        return f"{address} cannot be reached. Check the address, its port and the network. ({text})"
    if error.kind == "protocol" or (error.status == 404 and not error.error_id):
        return (
            f"At {address} something answers, but it is no Mattermost server. Check the address: it is the one that "
            f"people open in the browser, without a team or channel behind it. ({text})"
        )
    if error.status == 429:
        return f"{address} asks for fewer calls. Wait a minute and test again."
    if error.status == 403:
        return f"{address} does not let the bot in. Ask the administrator of Mattermost. ({text})"
    if error.is_server_trouble or (error.status or 0) >= 500:
        return f"{address} is in trouble itself right now. Try again later. ({text})"
    return f"{address} answered with an error. ({text})"
