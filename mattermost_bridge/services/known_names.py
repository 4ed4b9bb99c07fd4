"""People and channels as they are known from before: what the directory shows when a server does not answer."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Q

from mattermost_bridge.models import KnownChannel, KnownPerson


@dataclass(frozen=True)
class Person:
    """Somebody on a server. `display_name` is the full name, as far as the server shows it."""

    user_id: str
    username: str
    display_name: str = ""
    is_bot: bool = False


@dataclass(frozen=True)
class Room:
    """A channel. `kind` is Mattermost's letter (O, P or G); `team` is set where channels of several teams are shown."""

    channel_id: str
    kind: str
    name: str
    display_name: str = ""
    team: str = ""

    @property
    def shown(self) -> str:
        """What people call it."""
        return self.display_name or self.name or self.channel_id


def known_people(account_pk: int, query: str, limit: int) -> tuple[Person, ...]:
    """Known people of an account's server by the beginning of their username, a part of their name, or their id."""
    wanted = query.lstrip("@")
    rows = KnownPerson.objects.filter(account=account_pk).filter(
        Q(username__istartswith=wanted) | Q(display_name__icontains=wanted) | Q(user_id=wanted)
    )
    columns = ("user_id", "username", "display_name", "is_bot")
    return tuple(Person(*row) for row in rows.order_by("username")[:limit].values_list(*columns))


def known_rooms(account_pk: int, query: str, limit: int) -> tuple[Room, ...]:
    """Known channels of an account's server, direct ones left out, by a part of their names or their id."""
    rows = KnownChannel.objects.filter(account=account_pk, type__in=("O", "P", "G")).filter(
        Q(name__icontains=query) | Q(display_name__icontains=query) | Q(channel_id=query)
    )
    columns = ("channel_id", "type", "name", "display_name")
    return tuple(Room(*row) for row in rows.order_by("display_name")[:limit].values_list(*columns))
