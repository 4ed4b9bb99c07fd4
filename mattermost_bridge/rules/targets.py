"""What somebody means by the target of a message: a person or a channel, by id or by name. Pure: nobody is asked.

The grammar is the original gateway's. Prefixes are read in any case; ids and names are lower case at Mattermost.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

ID = re.compile(r"[a-z0-9]{26}")
#: The name of a direct channel is made of the ids of its two people.
_DIRECT_NAME = re.compile(r"([a-z0-9]{26})__([a-z0-9]{26})")
_USERNAME = re.compile(r"[a-z0-9._-]{1,64}")
_CHANNEL_NAME = re.compile(r"[a-z0-9_][a-z0-9_.-]{0,63}")
_TEAM_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_OF_CHANNELS = ("channel", "group")
_OF_PEOPLE = ("user", "mattermost")

HOW = (
    "Write @username, #channel (or team/channel where several teams have one of that name), user:ID or channel:ID; "
    "an id alone is taken for a person's first."
)


class Meaning(StrEnum):
    """What kind of thing was named."""

    USER_ID = "user id"
    USERNAME = "username"
    CHANNEL_ID = "channel id"
    CHANNEL_NAME = "channel name"
    #: An id that may be a person's or a channel's.
    BARE_ID = "id"
    #: Two people's ids: the direct channel between them.
    DIRECT_NAME = "direct channel"


class UnreadableTarget(ValueError):
    """The words name nothing. The text is a sentence that says what to write."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """A target as it was written: an id or a name in lower case, and the team's name where one is given."""

    meaning: Meaning
    value: str
    team: str = ""

    @property
    def needs_asking(self) -> bool:
        """Whether only the server knows whom or what it means."""
        return self.meaning not in (Meaning.USER_ID, Meaning.CHANNEL_ID, Meaning.DIRECT_NAME)


def read_target(words: str) -> Spoken:
    """What `words` mean. Raises UnreadableTarget.

    `channel:ID`, `channel:name`, `#name`, `~name` (as Mattermost writes it), each name also as `team/name`; `user:ID`
    and `mattermost:ID`; `@username`; 26 lower-case letters and digits alone may be a person or a channel; any other
    word alone is a channel's name.
    """
    words = words.strip()
    if not words:
        raise UnreadableTarget(f"Recipient is required for Mattermost sends. {HOW}")
    prefix, colon, rest = words.partition(":")
    kind, rest = prefix.strip().lower(), rest.strip()
    if colon and kind in _OF_CHANNELS:
        return _channel(rest)
    if colon and kind in _OF_PEOPLE:
        return _person(rest)
    if words.startswith("@"):
        return _username(words)
    if words[0] in "#~":
        return _channel_name(words)
    if ID.fullmatch(words):
        return Spoken(Meaning.BARE_ID, words)
    if _DIRECT_NAME.fullmatch(words):
        return Spoken(Meaning.DIRECT_NAME, words)
    return _channel_name(words)


def other_of(direct_name: str, bot_user_id: str) -> str:
    """The person at the other end of a direct channel of the bot, by its name; "" when the bot is at neither end."""
    match = _DIRECT_NAME.fullmatch(direct_name)
    ids = match.groups() if match else ()
    if bot_user_id not in ids:
        return ""
    return str(ids[0] if ids[1] == bot_user_id else ids[1])


def _channel(rest: str) -> Spoken:
    if not rest:
        raise UnreadableTarget(f"Channel id is required for Mattermost sends: it is missing behind channel:. {HOW}")
    if ID.fullmatch(rest):
        return Spoken(Meaning.CHANNEL_ID, rest)
    return _channel_name(rest)


def _channel_name(words: str) -> Spoken:
    name = words.lstrip("#~").strip().lower()
    if not name:
        raise UnreadableTarget(f"Channel name is required for Mattermost sends. {HOW}")
    team, slash, of_channel = name.rpartition("/")
    of_channel = of_channel.lstrip("#~")
    if not _CHANNEL_NAME.fullmatch(of_channel) or (slash and not _TEAM_NAME.fullmatch(team)):
        raise UnreadableTarget(
            f"{_quoted(words)} names no channel: its name has letters, digits, - and _, as in its address. {HOW}"
        )
    return Spoken(Meaning.CHANNEL_NAME, of_channel, team)


def _person(rest: str) -> Spoken:
    if not rest:
        raise UnreadableTarget(f"User id is required for Mattermost sends. {HOW}")
    if rest.startswith("@"):
        return _username(rest)
    if not ID.fullmatch(rest):
        raise UnreadableTarget(
            f"{_quoted(rest)} is no user id: one has 26 lower-case letters and digits. For a name write @{rest[:64]}."
            if _USERNAME.fullmatch(rest.lower())
            else f"{_quoted(rest)} is no user id: one has 26 lower-case letters and digits. {HOW}"
        )
    return Spoken(Meaning.USER_ID, rest)


def _username(words: str) -> Spoken:
    name = words[1:].strip().lower()
    if not name:
        raise UnreadableTarget(f"Username is required for Mattermost sends. {HOW}")
    if not _USERNAME.fullmatch(name):
        raise UnreadableTarget(f"{_quoted(words)} is no username: one has letters, digits and . - _. {HOW}")
    return Spoken(Meaning.USERNAME, name)


def _quoted(words: str) -> str:
    return repr(words if len(words) <= 60 else f"{words[:59]}…")
