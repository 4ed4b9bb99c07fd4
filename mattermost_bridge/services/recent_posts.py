"""What was written lately in a channel, for who may read it through the bot."""

from __future__ import annotations

from dataclasses import dataclass

from mattermost_bridge.config.effective import AccountSettings
from mattermost_bridge.mattermost.errors import MattermostError
from mattermost_bridge.mattermost.rest import MAX_PAGE, MattermostClient
from mattermost_bridge.mattermost.types import Post
from mattermost_bridge.models import KnownPerson
from mattermost_bridge.rules.targets import ID
from mattermost_bridge.services import direct_channels, reading
from mattermost_bridge.services.clients import client_of
from mattermost_bridge.services.errors import NotFound, Refused
from mattermost_bridge.services.targets import Target
from mattermost_bridge.services.usable import usable

DEFAULT_LIMIT = 20


@dataclass(frozen=True)
class Read:
    """A post as somebody wrote it. `at_ms` is the server's time in milliseconds; `files` are ids."""

    post_id: str
    user_id: str
    username: str
    text: str
    at_ms: int
    root_id: str
    files: tuple[str, ...] = ()


def read(account_pk: int, target: Target, *, limit: int = DEFAULT_LIMIT, before: str = "") -> tuple[Read, ...]:
    """The newest `limit` posts (200 at most) of a channel or direct channel, oldest first; those before a post.

    Of a target with a root, those of that thread.

    Notes of the server (somebody joined) are left out. Off unless the account's `actions.messages` is on. Raises
    NotFound and Refused, with a sentence. Asks the server: call it outside of transactions.
    """
    account = usable(account_pk)
    if not account.actions_messages:
        raise Refused(
            f"Reading messages is off for the account {account.account_id}. Switch on actions.messages to allow it."
        )
    if before and not ID.fullmatch(before):
        raise Refused(f"{before[:40]!r} is no post id: one has 26 lower-case letters and digits.")
    client = client_of(account)
    try:
        channel_id = target.channel_id or _direct_channel(account, target.user_id, client)
        limit = max(1, min(limit, MAX_PAGE))
        if target.root_id:
            posts = _of_thread(client.thread(target.root_id), channel_id, before)[-limit:]
        else:
            posts = client.posts_before(channel_id, before=before, per_page=limit)[::-1]
        shown = [post for post in posts if not post.is_system and not post.delete_at]
        names = _names(account, shown, client)
    except MattermostError as error:
        raise _refusal(account, target, error) from None
    return tuple(
        Read(p.id, p.user_id, names.get(p.user_id, ""), p.message, p.create_at, p.root_id, p.file_ids) for p in shown
    )


def _of_thread(posts: list[Post], channel_id: str, before: str) -> list[Post]:
    """The posts of a thread in this channel, before one of them where that is named."""
    here = [post for post in posts if post.channel_id == channel_id]
    ids = [post.id for post in here]
    return here[: ids.index(before)] if before in ids else here


def _direct_channel(account: AccountSettings, user_id: str, client: MattermostClient) -> str:
    known = direct_channels.known_channel(account, user_id)
    return known or client.create_direct_channel(account.bot_user_id or client.me().id, user_id).id


def _names(account: AccountSettings, posts: list[Post], client: MattermostClient) -> dict[str, str]:
    ids = {post.user_id for post in posts}
    rows = KnownPerson.objects.filter(account=account.pk, user_id__in=ids).exclude(username="")
    names = dict(rows.values_list("user_id", "username"))
    if missing := sorted(ids - set(names)):
        people = client.users_by_ids(missing)
        reading.remember_people(account.pk, people)
        names |= {person.id: person.username for person in people}
    return names


def _refusal(account: AccountSettings, target: Target, error: MattermostError) -> Refused:
    if error.is_unauthorized:
        return Refused(f"The server refuses the token of the account {account.account_id}. Enter one that works.")
    if error.status in (403, 404):
        return NotFound(f"There is no channel {target} that the bot may read. Is it a member? {error}")
    return Refused(f"{target} could not be read at {account.base_url}. {error} Try again.")
