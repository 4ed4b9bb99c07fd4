"""Whom or what a target means on an account's server: names and bare ids become ids, over all teams of the bot.

Every function here may ask over the network: call it outside of transactions. What the server said serves for five
minutes, as long as no setting of Durar changes.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from mattermost_bridge.config.effective import AccountSettings
from mattermost_bridge.mattermost.errors import MattermostError
from mattermost_bridge.mattermost.rest import MattermostClient
from mattermost_bridge.mattermost.types import Channel, Team, User
from mattermost_bridge.models import KnownPerson
from mattermost_bridge.rules.targets import ID, Meaning, Spoken, UnreadableTarget, other_of, read_target
from mattermost_bridge.services import reading
from mattermost_bridge.services.clients import client_of
from mattermost_bridge.services.errors import NotFound, Refused
from mattermost_bridge.services.expiring import Expiring

#: Seconds for one call, and after which no further call of the same look-up begins.
CALL_SECONDS = 10.0
LAST_CALL_AFTER = 20.0


@dataclass(frozen=True)
class Target:
    """Where a message goes: a person (`user_id`), or a channel and perhaps a thread in it. One of the two is set."""

    user_id: str = ""
    username: str = ""
    channel_id: str = ""
    root_id: str = ""

    def __post_init__(self) -> None:
        if bool(self.user_id) == bool(self.channel_id):
            raise ValueError("A target is either a person or a channel.")

    def __str__(self) -> str:
        return (self.username and f"@{self.username}") or self.user_id or self.channel_id


_found: Expiring[Target] = Expiring(most=1024, seconds=300.0)


def forget() -> None:
    """Drop what this process remembers (tests, whose servers come and go, need it)."""
    _found.clear()


def resolve(account: AccountSettings, words: str) -> Target:
    """Whom somebody means, in the grammar of `rules.targets`.

    A bare id is looked for among people first; only when the server knows no such person (404) is it a channel's. Any
    other answer leaves it open: then it is taken for a channel's, and that is not remembered. A server that does not
    answer at all, or refuses the token, is said. Raises NotFound and Refused, with a sentence.
    """
    try:
        spoken = read_target(words)
    except UnreadableTarget as problem:
        raise Refused(str(problem)) from None
    if spoken.meaning is Meaning.CHANNEL_ID:
        return Target(channel_id=spoken.value)
    if spoken.meaning is Meaning.USER_ID:
        return Target(user_id=spoken.value, username=_known_name(account, spoken.value))
    if spoken.meaning is Meaning.DIRECT_NAME:
        return _other_end(account, spoken)
    key = (account.pk, account.version, spoken)
    if (found := _found.get(key)) is not None:
        return found
    looked_up = _LookUp(account).find(spoken)
    if looked_up.sure:
        _found.put(key, looked_up.target)
    return looked_up.target


@dataclass(frozen=True)
class _Answer:
    target: Target
    sure: bool = True


class _LookUp:
    """One look-up at an account's server."""

    def __init__(self, account: AccountSettings) -> None:
        self._account = account
        self._began = time.monotonic()

    def find(self, spoken: Spoken) -> _Answer:
        """Raises NotFound, Refused."""
        if not self._account.configured:
            raise Refused(self._account.missing)
        if spoken.meaning is Meaning.USERNAME:
            return _Answer(self._by_username(spoken.value))
        if spoken.meaning is Meaning.CHANNEL_NAME:
            return _Answer(self._by_channel_name(spoken))
        return self._by_bare_id(spoken.value)

    @property
    def _client(self) -> MattermostClient:
        if time.monotonic() - self._began > LAST_CALL_AFTER:
            raise Refused(
                f"{self._account.base_url} answers too slowly to look through all teams of the bot. Write the "
                "channel's id with channel: before it, or try again."
            )
        return client_of(self._account, total=CALL_SECONDS)

    def _by_username(self, name: str) -> Target:
        try:
            user = self._client.user_by_username(name)
        except MattermostError as error:
            if error.status in (400, 404):
                raise NotFound(
                    f"Nobody on {self._account.base_url} is @{name}. Compare the spelling with Mattermost."
                ) from None
            raise self._refusal(f"@{name}", error) from None
        return self._person(user)

    def _by_bare_id(self, value: str) -> _Answer:
        if name := _known_name(self._account, value):
            return _Answer(Target(user_id=value, username=name))
        try:
            return _Answer(self._person(self._client.user(value)))
        except MattermostError as error:
            if error.status is None or error.is_unauthorized:
                raise self._refusal(value, error) from None
            sure = error.status == 404
        if sure:
            self._refuse_nothing(value)
        return _Answer(Target(channel_id=value), sure)

    def _refuse_nothing(self, value: str) -> None:
        """Raises NotFound when the id is no channel's either. One that the bot may not see is one."""
        try:
            self._client.channel(value)
        except MattermostError as error:
            if error.status == 404:
                raise NotFound(
                    f"{value} is the id of nobody and of no channel on {self._account.base_url}. Copy it anew."
                ) from None
            if error.status is None or error.is_unauthorized:
                raise self._refusal(value, error) from None

    def _by_channel_name(self, spoken: Spoken) -> Target:
        shown = f"#{spoken.team}/{spoken.value}" if spoken.team else f"#{spoken.value}"
        try:
            teams = [team for team in self._client.my_teams() if not team.delete_at]
            hits = [
                (team, channel)
                for team in self._asked_teams(spoken, teams)
                if (channel := self._in_team(team, spoken.value)) is not None
            ]
        except MattermostError as error:
            raise self._refusal(shown, error) from None
        if not hits:
            among = f"It is in {_names(teams)}." if teams else "It is in no team; add it to one in Mattermost."
            raise NotFound(
                f'Mattermost channel "#{spoken.value}" not found in any team the bot belongs to. {among} A private '
                "channel is found only by its members: invite the bot."
            )
        if len(hits) > 1:
            each = ", ".join(f"{team.name}/{channel.name}" for team, channel in hits)
            raise Refused(f"#{spoken.value} is in several teams. Write the team before it, one of: {each}.")
        channel = hits[0][1]
        reading.remember_channels(self._account.pk, [channel])
        return Target(channel_id=channel.id)

    def _asked_teams(self, spoken: Spoken, teams: list[Team]) -> list[Team]:
        if not spoken.team:
            return teams
        named = [team for team in teams if team.name.lower() == spoken.team]
        if not named:
            raise NotFound(f"The bot is in no team {spoken.team}; it is in {_names(teams) or 'none at all'}.")
        return named

    def _in_team(self, team: Team, name: str) -> Channel | None:
        """The channel of that name; only a 404 says that the team has none."""
        try:
            return self._client.channel_by_name(team.id, name)
        except MattermostError as error:
            if error.status == 404:
                return None
            raise

    def _person(self, user: User) -> Target:
        if user.delete_at:
            raise Refused(f"@{user.username} is deactivated in Mattermost, so nobody would read it.")
        reading.remember_people(self._account.pk, [user])
        return Target(user_id=user.id, username=user.username)

    def _refusal(self, shown: str, error: MattermostError) -> Refused:
        account = self._account
        if error.is_unauthorized:
            return Refused(
                f"The server refuses the token of the account {account.account_id}. Enter one that works, then send."
            )
        return Refused(f"{shown} could not be looked up at {account.base_url}. {error} Try again.")


def _known_name(account: AccountSettings, user_id: str) -> str:
    known = KnownPerson.objects.filter(account=account.pk, user_id=user_id).exclude(username="")
    return known.values_list("username", flat=True).first() or ""


def _other_end(account: AccountSettings, spoken: Spoken) -> Target:
    """The person at the other end of the bot's direct channel of that name."""
    other = other_of(spoken.value, account.bot_user_id)
    if not other or not ID.fullmatch(other):
        raise Refused(
            f"{spoken.value} is a direct channel of others, where the bot of the account {account.account_id} "
            "cannot write. Write user: and the id of the person."
        )
    return Target(user_id=other, username=_known_name(account, other))


def _names(teams: list[Team]) -> str:
    return ", ".join(sorted(team.name for team in teams))
