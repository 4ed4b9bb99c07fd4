"""The REST side of a Mattermost server (API v4): what Durar reads and writes there, one method for each."""

import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Any

from .administration import AdministrationCalls
from .calls import DEFAULT_TIMEOUT, before_request
from .commands import CommandCalls
from .directory import DirectoryCalls
from .errors import MattermostError
from .files import FileCalls
from .shapes import mapping_of, texts_of
from .types import Channel, Post, Team, User

__all__ = ["DEFAULT_TIMEOUT", "MattermostClient", "before_request", "client_for", "close_clients", "forget_client"]

MAX_PAGE = 200
"""Posts of a page at most; the server cuts a larger wish down without saying so."""

MAX_USER_IDS = 100
_NO_CHANNELS = "app.channel.get_channels.not_found.app_error"
_MAX_CLIENTS = 64


class MattermostClient(CommandCalls, DirectoryCalls, FileCalls, AdministrationCalls):
    """A Mattermost server, seen with one bot's token.

    Every method raises MattermostError when the call fails, and returns plain values of `types`. Use one client for
    each thread and account: `client_for` keeps them.
    """

    # Users

    def me(self) -> User:
        """Return the bot itself, never without its name: without it nobody could tell what is meant for the bot.

        401 for every token that does not work (wrong, revoked, bot disabled).
        """
        bot = self._one(User, self._request("GET", "users", "me"))
        if not bot.username:
            raise self._protocol_error("The server sent the bot without its name")
        return bot

    def user(self, user_id: str) -> User:
        """Return a user by id; 404 when there is none, 400 when it is no id."""
        return self._one(User, self._request("GET", "users", user_id))

    def user_by_username(self, name: str) -> User:
        """Return a user by name, in any case (the server refuses upper case with 400); 404 when there is none."""
        return self._one(User, self._request("GET", "users", "username", name.lower()))

    def users_by_ids(self, user_ids: Iterable[str]) -> list[User]:
        """Return those users that exist; ids that do not are absent from the answer."""
        ids = list(dict.fromkeys(user_ids))
        found: list[User] = []
        for start in range(0, len(ids), MAX_USER_IDS):
            answer = self._request("POST", "users", "ids", payload=ids[start : start + MAX_USER_IDS])
            found += self._many(User, answer)
        return found

    # Teams and channels

    def my_teams(self) -> list[Team]:
        """Return the teams of the bot."""
        return self._many(Team, self._request("GET", "users", "me", "teams"))

    def team_channels(self, team_id: str) -> list[Channel]:
        """Return the bot's channels in a team, its direct and group channels among them."""
        try:
            answer = self._request("GET", "users", "me", "teams", team_id, "channels")
        except MattermostError as error:
            if error.status == 404 and error.error_id == _NO_CHANNELS:
                return []
            raise
        return self._many(Channel, answer)

    def my_channels(self) -> list[Channel] | None:
        """Return the bot's channels of all teams; None when the server has no such call (before 6.5).

        A newer server that knows no channel of the bot starts a JSON list and then writes an error into it, with
        status 200: that is an empty list. Every other unreadable answer is an error, since "no channels" would make a
        caller believe that nothing was missed.
        """
        try:
            answer = self._request("GET", "users", "me", "channels")
        except MattermostError as error:
            if error.error_id == _NO_CHANNELS:
                return []
            if error.status == 404:
                return None
            raise
        return self._many(Channel, answer)

    def channel(self, channel_id: str) -> Channel:
        """Return a channel; 404 when unknown, 403 when private and the bot is no member."""
        return self._one(Channel, self._request("GET", "channels", channel_id))

    def channel_member_me(self, channel_id: str) -> dict[str, Any]:
        """Return the bot's membership of a channel as sent (`roles`, ...); 403 or 404 when it is no member.

        The only sure test: newer servers let a bot read public channels that it has not joined.
        """
        return self._object(self._request("GET", "channels", channel_id, "members", "me"))

    def create_direct_channel(self, me_id: str, other_id: str) -> Channel:
        """Return the direct channel of two users, which is made when there is none yet."""
        return self._one(Channel, self._request("POST", "channels", "direct", payload=[me_id, other_id]))

    def join_channel(self, channel_id: str, me_id: str) -> None:
        """Make the bot a member of a public channel of its team; 403 for a private one."""
        self._request("POST", "channels", channel_id, "members", payload={"user_id": me_id})

    # Posts

    def create_post(
        self,
        channel_id: str,
        message: str,
        *,
        root_id: str = "",
        props: dict[str, Any] | None = None,
        pending_post_id: str = "",
        file_ids: Sequence[str] = (),
    ) -> Post:
        """Post a message and return it as the server stored it.

        `root_id` must be a post that is itself no reply. With the same `pending_post_id` within about 30 seconds the
        server returns the first post instead of making another; the key is global, so make it unguessable.
        """
        payload: dict[str, Any] = {"channel_id": channel_id, "message": message}
        if root_id:
            payload["root_id"] = root_id
        if props:
            payload["props"] = props
        if pending_post_id:
            payload["pending_post_id"] = pending_post_id
        if file_ids:
            payload["file_ids"] = list(file_ids)
        return self._one(Post, self._request("POST", "posts", payload=payload))

    def post(self, post_id: str) -> Post:
        """Return a post; 404 when it was deleted or never existed."""
        return self._one(Post, self._request("GET", "posts", post_id))

    def delete_post(self, post_id: str) -> bool:
        """Delete a post of the bot. False when there is none to delete (5.37 answers 403, newer servers 404)."""
        try:
            self._request("DELETE", "posts", post_id)
        except MattermostError as error:
            if error.status in (403, 404):
                return False
            raise
        return True

    def click(self, post_id: str, action_id: str) -> None:
        """Click a button of a post as the bot; the server then calls the button's integration and waits for it.

        400 when that cannot be reached or does not answer as it should, 404 when the post has no such button.
        """
        self._request("POST", "posts", post_id, "actions", action_id, payload={})

    def posts_before(self, channel_id: str, *, before: str = "", per_page: int = MAX_PAGE) -> list[Post]:
        """Return a page of a channel's posts, newest first: those before the post `before`, else the newest.

        The server compares `create_at` strictly: posts of the same millisecond as `before` are not on the page.
        """
        params: dict[str, str | int] = {"per_page": min(per_page, MAX_PAGE)}
        if before:
            params["before"] = before
        answer = self._object(self._request("GET", "channels", channel_id, "posts", params=params))
        posts = {post.id: post for post in self._posts_of(answer)}
        # `posts` holds roots of the page's replies too; only `order` says what is on the page.
        return [posts[post_id] for post_id in dict.fromkeys(texts_of(answer.get("order"))) if post_id in posts]

    def posts_since(self, channel_id: str, since_ms: int) -> list[Post]:
        """Return posts of a channel that changed after a moment, deleted ones too, by (create_at, id).

        Proves nothing about what is missing: the server answers with any 1,000 of the changed posts, and with posts
        that only got a reply, a reaction or an edit.
        """
        answer = self._request("GET", "channels", channel_id, "posts", params={"since": max(1, since_ms)})
        return _by_time(self._posts_of(self._object(answer)))

    def thread(self, post_id: str, *, before: Post | None = None, limit: int = MAX_PAGE - 1) -> list[Post]:
        """Return the posts of a thread by (create_at, id), the root among them; deleted posts are not shown.

        With `before` the newest `limit` posts that are older than that one, and the root. Servers before 6.0 know no
        part of a thread and answer with all of it, younger posts too: the caller leaves out what it does not want.
        """
        params: dict[str, str | int] = {}
        if before is not None:
            params = {
                "perPage": max(1, min(limit + 1, MAX_PAGE)),
                "direction": "up",
                "fromPost": before.id,
                "fromCreateAt": before.create_at,
            }
        answer = self._request("GET", "posts", post_id, "thread", params=params or None)
        return _by_time(self._posts_of(self._object(answer)))

    # Reactions and typing

    def add_reaction(self, me_id: str, post_id: str, emoji_name: str) -> None:
        """React to a post by emoji name, without colons. A name that the server does not know: 404 on newer ones."""
        payload = {"user_id": me_id, "post_id": post_id, "emoji_name": emoji_name}
        self._request("POST", "reactions", payload=payload)

    def remove_reaction(self, post_id: str, emoji_name: str) -> None:
        """Take the bot's reaction back; no error when there is none."""
        self._request("DELETE", "users", "me", "posts", post_id, "reactions", emoji_name)

    def typing(self, channel_id: str, parent_id: str = "") -> None:
        """Show the bot as typing in a channel, or in the thread of the root `parent_id`."""
        payload = {"channel_id": channel_id, "parent_id": parent_id}
        self._request("POST", "users", "me", "typing", payload=payload)

    # The server

    def client_config(self) -> dict[str, str]:
        """Return the settings that a server shows its clients (Version, SiteURL, MaxPostSize, ...), all strings."""
        answer = self._object(self._request("GET", "config", "client", params={"format": "old"}))
        return {key: value for key, value in answer.items() if isinstance(value, str)}

    # Reading answers

    def _posts_of(self, answer: dict[str, Any]) -> list[Post]:
        """The posts of a list answer, in no order. The key is the id: it stands in for one that a post lacks."""
        if "order" not in answer:
            raise self._protocol_error(f"{self.base_url} answered with an object that is no list of posts")
        entries = mapping_of(answer.get("posts")).items()
        return self._many(Post, [_with_id(key, value) for key, value in entries])


def _with_id(key: str, value: Any) -> Any:
    return {**value, "id": value.get("id") or key} if isinstance(value, dict) else value


def _by_time(posts: Iterable[Post]) -> list[Post]:
    return sorted(posts, key=lambda post: (post.create_at, post.id))


_kept = threading.local()


def client_for(
    account_key: object, base_url: str, token: str, *, timeout: tuple[float, float] = DEFAULT_TIMEOUT
) -> MattermostClient:
    """Return this thread's client of an account: the same one until its base URL, token or timeout changes.

    `account_key` is any hashable name of the account. A thread keeps the 64 clients that it used last.
    """
    clients = _clients()
    client = clients.pop(account_key, None)
    if client is not None and not client.is_for(base_url, token, timeout):
        client.close()
        client = None
    if client is None:
        client = MattermostClient(base_url, token, timeout=timeout)
    clients[account_key] = client
    while len(clients) > _MAX_CLIENTS:
        clients.popitem(last=False)[1].close()
    return client


def forget_client(account_key: object) -> None:
    """Close and drop this thread's client of an account, if it has one."""
    client = _clients().pop(account_key, None)
    if client is not None:
        client.close()


def close_clients() -> None:
    """Close and drop all clients of this thread."""
    clients = _clients()
    while clients:
        clients.popitem()[1].close()


def _clients() -> OrderedDict[object, MattermostClient]:
    if not hasattr(_kept, "clients"):
        _kept.clients = OrderedDict()
    return _kept.clients
