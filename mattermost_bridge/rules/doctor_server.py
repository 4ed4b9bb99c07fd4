"""What `doctor` says about an account's server: whether it takes the token, what the bot is there, and what it lets it
do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from mattermost_bridge.rules.doctor import Finding, Level
from mattermost_bridge.rules.marking import Filled
from mattermost_bridge.rules.marking import gettext_noop as _

#: Seconds between the server's clock and ours beyond which times in the panel mislead; HTTP dates have whole seconds.
CLOCK_MAY_DIFFER = 10.0
#: The oldest server that Durar is tried with.
OLDEST_SERVER = (5, 37)
#: Channels that everybody in a team is in.
DEFAULT_CHANNELS = ("town-square", "off-topic")
#: What a bot must be allowed to do, and what it cannot do otherwise.
NEEDED = {
    "create_post": _("post"),
    "create_direct_channel": _("open direct messages"),
    "add_reaction": _("react"),
    "upload_file": _("send files"),
}


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """What the server said. `trouble` is an id and a sentence when it was not reached or refused the token; then the
    rest is unknown. `rooms` are the names of open and private channels that the bot is in, None when unknown.
    `allowed` is what the bot's roles allow, None when the server does not say. `clock` is the server's clock less
    ours, in seconds; `limit` the calls of a burst and how many of them are left."""

    address: str = ""
    trouble: tuple[str, str] | None = None
    username: str = ""
    is_bot: bool = True
    teams: Sequence[str] = ()
    rooms: Sequence[str] | None = None
    socket_problem: str = ""
    version: str = ""
    allowed: frozenset[str] | None = None
    clock: float | None = None
    limit: tuple[int, int] | None = None
    notes: Sequence[str] = field(default_factory=tuple)


def of_server(facts: ServerFacts) -> list[Finding]:
    """What the account's server says."""
    if facts.trouble is not None:
        code, sentence = facts.trouble
        return [Finding(code, Level.BROKEN, sentence, _TROUBLE.get(code, _OTHER_TROUBLE))]
    takes = Filled(_("{address} takes the token: it is @{username}."), address=facts.address, username=facts.username)
    found = [Finding("token.works", Level.FINE, takes)]
    if not facts.is_bot:
        found.append(
            Finding(
                "token.of_a_person",
                Level.BROKEN,
                Filled(
                    _("The token belongs to @{username}, who is a person and no bot: it would answer in their name."),
                    username=facts.username,
                ),
                _("Make a bot account in Mattermost (Integrations, Bot Accounts) and enter its token."),
            )
        )
    found += [_teams(facts), *_rooms(facts), _socket(facts), *_version(facts), *_permissions(facts), *_clock(facts)]
    found += _limits(facts)
    return found + [Finding("server.unknown", Level.FINE, note) for note in facts.notes]


_TROUBLE = {
    "token.refused": _(
        "Copy the token again (not its id) and enter it; check in Mattermost that the bot account and the token are "
        "enabled, and that the base URL is that of the server which made the token."
    ),
    "token.malformed": _("Enter the token again, and only the token."),
    "server.unreachable": _(
        "Check the base URL of the account, that the server runs, and that this host may reach it."
    ),
    "server.not_mattermost": _(
        "Set the base URL to the address that people open in the browser, without a team or channel behind it."
    ),
    "server.rate_limited": _(
        "Wait a minute. If it stays so, raise RateLimitSettings in Mattermost, or exempt this host."
    ),
}
_OTHER_TROUBLE = _("Look at the server's own log, and try again.")


def _teams(facts: ServerFacts) -> Finding:
    if facts.teams:
        words = Filled(_("The bot is in these teams: {teams}."), teams=", ".join(facts.teams))
        return Finding("teams.some", Level.FINE, words)
    return Finding(
        "teams.none",
        Level.WARNING,
        _(
            "The bot is in no team: nobody finds it in channels, and on older servers direct messages that strangers "
            "open while it is away cannot be found."
        ),
        _("Add it to a team in Mattermost."),
    )


def _rooms(facts: ServerFacts) -> list[Finding]:
    if facts.rooms is None:
        return []
    invited = [name for name in facts.rooms if name not in DEFAULT_CHANNELS]
    if invited:
        more = len(invited) - 5
        names = ", ".join(invited[:5]) + (f" (+{more})" if more > 0 else "")
        words = Filled(_("The bot is in these channels: {names}."), names=names)
        return [Finding("membership.some", Level.FINE, words)]
    cause = (
        Filled(
            _("The bot is only in {names}, so it hears nothing that is said in other channels."),
            names=", ".join(facts.rooms),
        )
        if facts.rooms
        else _("The bot is in no channel, so it hears nothing that is said in other channels.")
    )
    remedy = _("Invite it to the channels where it should answer (/invite @name), then mention it there.")
    return [Finding("membership.none", Level.WARNING, cause, remedy)]


def _socket(facts: ServerFacts) -> Finding:
    if not facts.socket_problem:
        return Finding("websocket.works", Level.FINE, _("The server's WebSocket takes the token and says hello."))
    return Finding(
        "websocket.broken",
        Level.BROKEN,
        Filled(_("Calls to the server work, its WebSocket does not: {problem}"), problem=facts.socket_problem),
        _(
            "Let the proxy in front of Mattermost pass WebSockets on: /api/v4/websocket with the headers Upgrade and "
            "Connection, and no timeout below two minutes."
        ),
    )


def _version(facts: ServerFacts) -> list[Finding]:
    parts = facts.version.split(".")
    if len(parts) < 2 or not all(part.isdecimal() for part in parts[:2]):
        return []
    if (int(parts[0]), int(parts[1])) >= OLDEST_SERVER:
        words = Filled(_("The server is Mattermost {version}."), version=facts.version)
        return [Finding("server.version", Level.FINE, words)]
    cause = Filled(
        _("The server is Mattermost {version}; Durar is tried with {oldest} and later."),
        version=facts.version,
        oldest=".".join(map(str, OLDEST_SERVER)),
    )
    return [Finding("server.old", Level.WARNING, cause, _("Bring the server up to date."))]


def _permissions(facts: ServerFacts) -> list[Finding]:
    if facts.allowed is None:
        return []
    missing = [name for name in NEEDED if name not in facts.allowed]
    if not missing:
        return [Finding("permissions.enough", Level.FINE, _("The bot's roles allow all that it needs."))]
    cannot = ", ".join(f"{NEEDED[name]} ({name})" for name in missing)
    return [
        Finding(
            "permissions.missing",
            Level.BROKEN if "create_post" in missing else Level.WARNING,
            Filled(_("The bot's roles do not allow it to {cannot}."), cannot=cannot),
            _("Let a system administrator add these permissions to the bot's roles (System Console, Permissions)."),
        )
    ]


def _clock(facts: ServerFacts) -> list[Finding]:
    if facts.clock is None:
        return []
    if abs(facts.clock) <= CLOCK_MAY_DIFFER:
        return [Finding("clock.agrees", Level.FINE, _("The clocks of the server and of this host agree."))]
    cause = (
        _("The server's clock is {seconds:.0f} s ahead of the clock of this host.")
        if facts.clock > 0
        else _("The server's clock is {seconds:.0f} s behind the clock of this host.")
    )
    return [
        Finding(
            "clock.differs",
            Level.WARNING,
            Filled(cause, seconds=abs(facts.clock)),
            _(
                "Set both by NTP. Durar orders messages by the server's clock, so nothing is lost, but one-time codes "
                "fail and times in the panel mislead."
            ),
        )
    ]


def _limits(facts: ServerFacts) -> list[Finding]:
    if facts.limit is None:
        return [Finding("limits.none", Level.FINE, _("The server does not limit how often it is called."))]
    most, left = facts.limit
    words = Filled(_("The server limits calls: {left} of {most} are left right now."), left=left, most=most)
    if left * 10 > most:
        return [Finding("limits.enough", Level.FINE, words)]
    remedy = _(
        "Raise RateLimitSettings in Mattermost (MaxBurst, PerSec), or exempt this host; until then answers wait."
    )
    return [Finding("limits.reached", Level.WARNING, words, remedy)]
