"""The directory: people and channels of an account's own server, found by name.

What the server says is kept as `KnownPerson` and `KnownChannel`, each with its age, so that names are shown for ids and
something is found while the server is away. Every function here asks over the network: call it outside of transactions.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Literal
from urllib.parse import urlsplit

from django.core.cache import cache
from django.utils import timezone

from mattermost_bridge.config import effective
from mattermost_bridge.config.effective import AccountSettings, settings_for
from mattermost_bridge.mattermost.errors import MattermostError
from mattermost_bridge.mattermost.rest import MattermostClient
from mattermost_bridge.mattermost.types import Channel, User
from mattermost_bridge.models import Account, KnownChannel
from mattermost_bridge.services import reading
from mattermost_bridge.services.access import USER_ID
from mattermost_bridge.services.clients import client_of
from mattermost_bridge.services.errors import NotFound, Refused
from mattermost_bridge.services.known_names import Person, Room, known_people, known_rooms

#: Seconds for one call, and after which no further call of the same search begins: 10 seconds in all at most.
CALL_SECONDS = 5.0
LAST_CALL_AFTER = 5.0
#: So many seconds an answer of a server serves again: people type, go back, and type the same.
ANSWER_AGE = 60
DEFAULT_LIMIT = 20
MOST = 50
LONGEST_QUERY = 100
KNOWN_ONLY = " Only names that are known already are found."
#: Kinds of channels that have settings: all but direct ones.
SHARED_KINDS = ("O", "P", "G")


@dataclass(frozen=True)
class Found:
    """What a search found. `problem` is a sentence when the server could not say (all); `server` is its host.

    With a problem the hits are those that are known from before.
    """

    people: tuple[Person, ...] = ()
    rooms: tuple[Room, ...] = ()
    problem: str = ""
    server: str = ""


@dataclass
class _Question:
    """One search: whose server, with which client, and how long it may still begin calls."""

    account: AccountSettings
    began: float = field(default_factory=time.monotonic)

    @property
    def server(self) -> str:
        return urlsplit(self.account.base_url).netloc

    def client(self) -> MattermostClient:
        """The client for the next call. Raises Refused when the account has no token or the time is over."""
        if not self.account.configured:
            raise Refused(self.account.missing)
        if time.monotonic() - self.began > LAST_CALL_AFTER:
            raise Refused(f"{self.server} answers too slowly for all of its teams. Type more of the name.")
        return client_of(self.account, total=CALL_SECONDS)

    def kept(self, what: str, ask: Callable[[], tuple]) -> tuple:
        """What `ask` answers, or what it answered a moment ago under the same settings."""
        key = f"durar-directory:{self.account.pk}:{self.account.version}:{what.encode().hex()}"
        answer: tuple | None = cache.get(key)
        if answer is None:
            answer = ask()
            cache.set(key, answer, ANSWER_AGE)
        return answer


def account_to_ask(account_pk: int | None = None) -> AccountSettings:
    """Whose server is asked: the account's, or for the defaults that of the first account that can ask.

    Raises Refused when there is none.
    """
    if account_pk is not None:
        try:
            return settings_for(account_pk)
        except Account.DoesNotExist:
            raise NotFound("This account does not exist any more. Reload the page.") from None
    default = effective.default_account_id()
    rows = Account.objects.filter(archived_at=None).order_by("account_id").values_list("pk", "account_id")
    for pk, _account_id in sorted(rows, key=lambda row: (row[1] != default, row[1])):
        if (account := settings_for(pk)).configured:
            return account
    raise Refused("No account has a server and a token yet, so nobody can be found by name. Enter an id.")


def search_people(account_pk: int | None, query: str, limit: int = DEFAULT_LIMIT) -> Found:
    """People (and bots) whose username, name or nickname begins with what was typed; by their id, too.

    The account's own bot is left out. Takes 10 seconds at most and never raises for a server that does not answer.
    """
    return _search(account_pk, _cleaned(query), limit, "people", _ask_for_people, known_people)


def search_channels(account_pk: int | None, query: str, limit: int = DEFAULT_LIMIT) -> Found:
    """Channels of the bot (group messages too) and public ones of its teams, by a part of their names or their id.

    The bot's own come first. Takes 10 seconds at most and never raises for a server that does not answer.
    """
    return _search(account_pk, _cleaned(query).lstrip("~"), limit, "rooms", _ask_for_rooms, known_rooms)


def _search(
    account_pk: int | None,
    query: str,
    limit: int,
    kind: Literal["people", "rooms"],
    ask: Callable[[_Question, str, int], tuple],
    known: Callable[[int, str, int], tuple],
) -> Found:
    """Ask the server, or say why not and what is known from before; `kind` is the field of `Found` that is filled."""
    limit = min(limit, MOST)
    try:
        question = _Question(account_to_ask(account_pk))
    except Refused as refused:
        return Found(problem=str(refused))
    if not query:
        return Found(server=question.server)
    problem = ""
    try:
        hits = question.kept(f"{kind}:{limit}:{query}", lambda: ask(question, query, limit))
    except (MattermostError, Refused) as error:
        hits = known(question.account.pk, query, limit)
        problem = _sentence(error, question, KNOWN_ONLY)
    found = Found(problem=problem, server=question.server)
    return replace(found, people=hits) if kind == "people" else replace(found, rooms=hits)


def resolve_username(account_pk: int | None, username: str) -> Person:
    """Who has this username on the account's server. Raises NotFound, and Refused when the server cannot be asked."""
    name = username.strip().lstrip("@").lower()
    question = _Question(account_to_ask(account_pk))
    nobody = NotFound(f"Nobody is called @{name} on {question.server}. Compare the spelling, or enter the user id.")
    if not name or not name.isascii():
        raise nobody
    try:
        user = question.client().user_by_username(name)
    except MattermostError as error:
        if error.status in (400, 404):
            raise nobody from None
        raise Refused(_sentence(error, question)) from None
    reading.remember_people(question.account.pk, [user])
    return _person(user)


def resolve_usernames(account_pk: int | None, usernames: Iterable[str]) -> dict[str, Person]:
    """Who has these usernames on the account's server, by the name in lower case; nobody for a name that is free.

    Raises Refused when the server cannot be asked.
    """
    question = _Question(account_to_ask(account_pk))
    names = [name for each in usernames if (name := each.strip().lstrip("@").lower()).isascii() and name]
    if not names:
        return {}
    try:
        users = question.client().users_by_usernames(names)
    except MattermostError as error:
        raise Refused(_sentence(error, question)) from None
    reading.remember_people(question.account.pk, users)
    return {user.username.lower(): _person(user) for user in users}


def resolve_channel(account_pk: int | None, channel_id: str) -> Room | None:
    """The channel behind an id, None when the server knows none or does not let the bot see it.

    Raises Refused when the server cannot be asked.
    """
    question = _Question(account_to_ask(account_pk))
    try:
        channel = question.client().channel(channel_id)
    except MattermostError as error:
        if error.status in (400, 403, 404):
            return None
        raise Refused(_sentence(error, question)) from None
    _remember(question.account.pk, [channel])
    return _room(channel, "")


def _ask_for_people(question: _Question, query: str, limit: int) -> tuple[Person, ...]:
    if USER_ID.fullmatch(query):
        try:
            users = [question.client().user(query)]
        except MattermostError as error:
            if error.status not in (400, 404):
                raise
            users = []
    else:
        # Over the whole server: who may write to the bot directly need not be in one of its teams.
        users = question.client().search_users(query.lstrip("@"), limit=limit + 1)
    reading.remember_people(question.account.pk, users)
    return tuple(_person(user) for user in users if user.id != question.account.bot_user_id)[:limit]


def _ask_for_rooms(question: _Question, query: str, limit: int) -> tuple[Room, ...]:
    if USER_ID.fullmatch(query):
        room = resolve_channel(question.account.pk, query)
        return (room,) if room and room.kind in SHARED_KINDS else ()
    teams: dict[str, str] = dict(question.kept("teams", lambda: _teams(question)))
    own: tuple[Channel, ...] = question.kept("own", lambda: _own_channels(question, tuple(teams)))
    found = {channel.id: channel for channel in own if _is_named(channel, query)}
    for team_id in teams:
        if len(found) >= limit:
            break
        try:
            for channel in question.client().search_channels(team_id, query):
                found.setdefault(channel.id, channel)
        except MattermostError as error:
            if error.status not in (403, 404):  # a guest may not look there, or the bot was taken out of the team
                raise
    shown = list(found.values())[:limit]
    _remember(question.account.pk, shown)
    several = len(teams) > 1
    return tuple(_room(channel, teams.get(channel.team_id, "") if several else "") for channel in shown)


def _teams(question: _Question) -> tuple[tuple[str, str], ...]:
    teams = question.client().my_teams()
    return tuple((team.id, team.display_name or team.name) for team in teams if not team.delete_at)


def _own_channels(question: _Question, team_ids: Iterable[str]) -> tuple[Channel, ...]:
    """The bot's channels of all teams, direct ones left out, by display name."""
    listed = question.client().my_channels()
    if listed is None:  # before Mattermost 6.5 they are listed team by team
        listed = [channel for team_id in team_ids for channel in question.client().team_channels(team_id)]
    shared = {channel.id: channel for channel in listed if channel.type in SHARED_KINDS and not channel.delete_at}
    return tuple(sorted(shared.values(), key=lambda channel: channel.display_name.lower()))


def _is_named(channel: Channel, query: str) -> bool:
    wanted = query.lower()
    return (wanted in channel.name.lower() and channel.type != "G") or wanted in channel.display_name.lower()


def _remember(account_pk: int, channels: list[Channel]) -> None:
    reading.remember_channels(account_pk, channels)
    ids = [channel.id for channel in channels]
    KnownChannel.objects.filter(account=account_pk, channel_id__in=ids).update(fetched_at=timezone.now())


def _person(user: User) -> Person:
    shown = f"{user.first_name} {user.last_name}".strip() or user.nickname
    return Person(user.id, user.username, shown, user.is_bot)


def _room(channel: Channel, team: str) -> Room:
    return Room(channel.id, channel.type, channel.name, channel.display_name, team)


def _cleaned(query: str) -> str:
    return " ".join(query.split())[:LONGEST_QUERY]


def _sentence(error: MattermostError | Refused, question: _Question, instead: str = " Enter the id instead.") -> str:
    """Why the server could not say, for somebody who waits for names; `instead` says what goes without it."""
    if isinstance(error, Refused):
        return str(error)
    if error.is_unauthorized:
        account_id = question.account.account_id
        return f"{question.server} refuses the bot token of the account {account_id}. Enter a new one there."
    if error.is_rate_limited:
        return f"{question.server} asks for fewer calls. Wait a moment, then type on."
    if error.is_server_trouble:
        return f"{question.server} does not answer right now.{instead}"
    return f"{question.server} could not search: {error}"
