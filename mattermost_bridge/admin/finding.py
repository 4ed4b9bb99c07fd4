"""People and channels as search fields offer them, and what was typed turned into an id."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _

from mattermost_bridge.config.effective_lists import group_name_in
from mattermost_bridge.models import KnownChannel
from mattermost_bridge.rules.access import WILDCARD, normalise_entry
from mattermost_bridge.services import directory
from mattermost_bridge.services.access import USER_ID
from mattermost_bridge.services.errors import Refused
from mattermost_bridge.services.known_names import Person, Room


@dataclass(frozen=True)
class Hit:
    """One line that can be picked: what is stored, what is shown, and what tells it from others."""

    key: str
    label: str
    detail: str = ""


def people_hits(account_pk: int | None, query: str) -> tuple[list[Hit], str, str]:
    """People by name; a sentence when the server could not say all, and the server's host."""
    found = directory.search_people(account_pk, query)
    return [_of_person(person) for person in found.people], found.problem, found.server


def channel_hits(account_pk: int | None, query: str) -> tuple[list[Hit], str, str]:
    """Channels by name, in the same way."""
    found = directory.search_channels(account_pk, query)
    return [_of_room(room) for room in found.rooms], found.problem, found.server


def resolve_person(account_pk: int | None, typed: str) -> str:
    """The id of whom somebody typed: an id, `*` or an access group stay as they are, a username is looked up.

    Raises Refused.
    """
    wanted = normalise_entry(typed)
    if not wanted or wanted == WILDCARD or USER_ID.fullmatch(wanted) or group_name_in(typed):
        return typed
    return directory.resolve_username(account_pk, wanted).user_id


def resolve_channel(account_pk: int | None, typed: str) -> str:
    """The id of the channel that somebody typed; a name must be that of exactly one channel. Raises Refused."""
    if typed == WILDCARD:
        return typed
    if USER_ID.fullmatch(typed):
        _learn(account_pk, typed)
        return typed
    found = directory.search_channels(account_pk, typed, directory.MOST)
    name = typed.lstrip("~").strip().lower()
    exact = [room for room in found.rooms if name in (room.name.lower(), room.display_name.lower())]
    if len(exact) == 1:
        return exact[0].channel_id
    if found.problem:
        raise Refused(found.problem)
    if exact:
        raise Refused(_("Several channels are called %s. Pick the one that is meant from the list.") % typed)
    raise Refused(_("No channel is called %s. Pick one from the list, or enter the channel's id.") % typed)


def _learn(account_pk: int | None, channel_id: str) -> None:
    """Have the name of a channel that was entered by its id, so that lists can show it; that is no condition."""
    if not KnownChannel.objects.filter(channel_id=channel_id).exists():
        try:
            directory.resolve_channel(account_pk, channel_id)
        except Refused:
            return  # the id is what counts, and an operator can enter it while the server is away


def _of_person(person: Person) -> Hit:
    details = [person.display_name, _("bot") if person.is_bot else ""]
    return Hit(person.user_id, f"@{person.username}", " · ".join(part for part in details if part))


def _of_room(room: Room) -> Hit:
    kinds = {"O": _("public channel"), "P": _("private channel"), "G": _("group message")}
    mark = "" if room.kind == "G" else "~"
    details = [room.name if room.name != room.shown and room.kind != "G" else "", kinds.get(room.kind, ""), room.team]
    return Hit(room.channel_id, f"{mark}{room.shown}", " · ".join(part for part in details if part))
