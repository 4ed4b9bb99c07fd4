"""Fetching the whole directory of an account page by page, so that names stand where only ids were known."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from mattermost_bridge.config.effective import settings_for
from mattermost_bridge.mattermost.directory import MAX_PAGE
from mattermost_bridge.mattermost.errors import MattermostError
from mattermost_bridge.mattermost.rest import MattermostClient
from mattermost_bridge.mattermost.types import Channel, User
from mattermost_bridge.services import reading
from mattermost_bridge.services.clients import client_of
from mattermost_bridge.services.errors import Refused

#: Seconds after which no further page is asked for, and for one call.
LAST_PAGE_AFTER = 20.0
CALL_SECONDS = 10.0
#: Nobody looks through more names; a search still finds the others.
MOST_PAGES = 100

T = TypeVar("T", User, Channel)


@dataclass
class Refreshed:
    """How many people and channels were fetched, and whether that was all of them."""

    people: int = 0
    channels: int = 0
    complete: bool = True


def refresh(account_pk: int) -> Refreshed:
    """Fetch the people and public channels of the bot's teams, and its own channels, and keep their names.

    Takes half a minute at most: what was fetched until then stays, and `complete` is False. Call it outside of
    transactions. Raises Refused with a sentence when the server does not answer.
    """
    account = settings_for(account_pk)
    if not account.configured:
        raise Refused(account.missing)
    client = client_of(account, total=CALL_SECONDS)
    done = Refreshed()
    end = time.monotonic() + LAST_PAGE_AFTER
    try:
        _own_channels(client, account_pk, done)
        for team in client.my_teams():
            for users in _pages(partial(client.team_members, team.id), end, done):
                reading.remember_people(account_pk, users)
                done.people += len(users)
            for channels in _pages(partial(client.public_channels, team.id), end, done):
                reading.remember_channels(account_pk, channels)
                done.channels += len(channels)
    except MattermostError as error:
        raise Refused(f"The names of {account.base_url} could not be fetched. {error}") from None
    return done


def _own_channels(client: MattermostClient, account_pk: int, done: Refreshed) -> None:
    listed = client.my_channels()
    if listed is None:
        listed = [channel for team in client.my_teams() for channel in client.team_channels(team.id)]
    shared = {channel.id: channel for channel in listed if channel.type in ("P", "G")}
    reading.remember_channels(account_pk, shared.values())
    done.channels += len(shared)


def _pages(ask: Callable[[int], list[T]], end: float, done: Refreshed) -> Iterator[list[T]]:
    for page in range(MOST_PAGES):
        if time.monotonic() > end:
            done.complete = False
            return
        found = ask(page)
        yield found
        if len(found) < MAX_PAGE:
            return
    done.complete = False
