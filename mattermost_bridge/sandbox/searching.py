"""Finding people and channels by the beginning of a word, as the server's database queries do."""

import re
from collections.abc import Iterable

from mattermost_bridge.sandbox.records import OPEN, Channel, User
from mattermost_bridge.sandbox.state import State

MOST_CHANNELS = 100
"""a search for channels answers with so many at most, and has no pages"""

_WORD = re.compile(r"[^\W_]+")


def find_people(state: State, term: str, team_id: str, limit: int, *, inactive: bool = False) -> list[User]:
    """Return people by username: each word of `term` begins their username, a name or their e-mail address.

    Those who were switched off are left out unless `inactive`; with a `team_id` only its members are found.
    """
    words = [word.lstrip("@").lower() for word in term.replace("*", "").split()]
    found = [
        user
        for user in state.users.values()
        if (inactive or not user.disabled) and (not team_id or user.id in state.team_members) and _matches(user, words)
    ]
    return by_username(found)[:limit]


def _matches(user: User, words: list[str]) -> bool:
    fields = [user.username, user.first_name.lower(), user.last_name.lower(), f"{user.username}@localhost"]
    return all(any(field.startswith(word) for field in fields) for word in words)


def by_username(users: Iterable[User]) -> list[User]:
    """Return users in the order of their names."""
    return sorted(users, key=lambda user: user.username)


def public_channels(state: State, team_id: str) -> list[Channel]:
    """Return the public channels of the team that are not archived, by display name, joined or not."""
    found = [
        one for one in state.channels.values() if one.type == OPEN and one.team_id == team_id and not one.delete_at
    ]
    return sorted(found, key=lambda channel: (channel.display_name.lower(), channel.name))


def find_channels(state: State, term: str, team_id: str) -> list[Channel]:
    """Return public channels whose name begins with `term`, or in whose names each of its words begins a word.

    An empty term finds all of them, as many as an answer holds.
    """
    wanted = term.strip().lower()
    found = [channel for channel in public_channels(state, team_id) if _is_named(channel, wanted)]
    return found[:MOST_CHANNELS]


def _is_named(channel: Channel, wanted: str) -> bool:
    names = (channel.name.lower(), channel.display_name.lower())
    if any(name.startswith(wanted) for name in names):
        return True
    words = [word for name in names for word in _WORD.findall(name)]
    terms = _WORD.findall(wanted)
    return bool(terms) and all(any(word.startswith(term) for word in words) for term in terms)
