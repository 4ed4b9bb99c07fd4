"""A running sandbox as a test sees it: its people, and the trouble one may ask for, by their names."""

import time
from collections.abc import Callable
from typing import Any, TypeVar

import requests

from mattermost_bridge.sandbox import world

T = TypeVar("T")

CALL_LIMIT = 60.0
"""seconds; a call may be held by a fault"""


def wait_for(predicate: Callable[[], T], limit: float = 20.0, *, every: float = 0.02, what: str = "") -> T:
    """Return the first true value of `predicate`. Raises AssertionError after `limit` seconds, naming `what`."""
    deadline = time.monotonic() + limit
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"Not within {limit:g} s: {what or 'the condition'} (last value {value!r}).")
        time.sleep(every)


class SandboxClient:
    """A running sandbox at `base_url`: control calls, and what people do, by their names."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self.team_id = world.TEAM_ID
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy, no .netrc
        self._tokens = {person.username: person.token for person in (*world.PEOPLE, world.ADMIN)}
        self._tokens |= {bot.username: bot.token for bot in world.BOTS}

    # Names, ids and tokens

    def token(self, who: str) -> str:
        """Return the start token of a person or bot."""
        return self._tokens.get(who) or world.token_of(who)

    def user_id(self, who: str) -> str:
        """Return a user's id."""
        return world.user_id_of(who)

    def channel_id(self, name: str) -> str:
        """Return the id of a channel by name, or of the direct channel for `"alice,durar"`."""
        if "," in name:
            one, other = (world.user_id_of(part.strip()) for part in name.split(","))
            return str(self.api(name.split(",")[0].strip(), "POST", "/channels/direct", [one, other])["id"])
        return str(self.control("GET", "world")["channels"][name])

    # Calls

    def control(self, method: str, path: str, /, **fields: Any) -> dict[str, Any]:
        """Call the control interface; the package's docstring lists what it takes. Raises AssertionError."""
        url = f"{self.base_url}/sandbox/control/{path}"
        if method == "GET":
            response = self._session.get(url, params=fields, timeout=CALL_LIMIT)
        else:
            response = self._session.request(method, url, json=fields, timeout=CALL_LIMIT)
        if not response.ok:
            raise AssertionError(f"{method} {path}: {response.status_code} {response.text}")
        return dict(response.json())

    def raw(self, who: str, method: str, path: str, body: Any = None, **options: Any) -> requests.Response:
        """Call API v4 with a user's start token and return whatever comes."""
        headers = {"Authorization": f"Bearer {self.token(who)}"} | options.pop("headers", {})
        url = f"{self.base_url}/api/v4{path}"
        return self._session.request(method, url, json=body, headers=headers, timeout=CALL_LIMIT, **options)

    def api(self, who: str, method: str, path: str, body: Any = None) -> Any:
        """Call API v4 as a user and return the JSON. Raises AssertionError for an error status."""
        response = self.raw(who, method, path, body)
        if not response.ok:
            raise AssertionError(f"{who} {method} {path}: {response.status_code} {response.text}")
        return response.json()

    def upload(self, who: str, to: str, name: str, content: bytes) -> Any:
        """Upload a file to a channel (name, id, or "alice,durar") for a post of its own; return what is known of it."""
        channel_id = to if len(to) == 26 else self.channel_id(to)
        response = self.raw(
            who, "POST", "/files", data={"channel_id": channel_id}, files={"files": (name, content)}
        )  # fmt: skip
        if not response.ok:
            raise AssertionError(f"{who} uploads {name}: {response.status_code} {response.text}")
        return response.json()["file_infos"][0]

    def post_with_files(self, who: str, to: str, message: str, *file_ids: str, root_id: str = "") -> Any:
        """Post as a user with files that the user uploaded; return the post."""
        channel_id = to if len(to) == 26 else self.channel_id(to)
        body = {"channel_id": channel_id, "message": message, "root_id": root_id, "file_ids": list(file_ids)}
        return self.api(who, "POST", "/posts", body)

    # What people do

    def post(self, who: str, to: str, message: str, *, root_id: str = "", props: dict[str, Any] | None = None) -> Any:
        """Post as a user to a channel (name or id) or to `"@user"`; return the post."""
        fields = {"who": who, "to": to, "message": message, "root_id": root_id, "props": props or {}}
        return self.control("POST", "posts", **fields)["posts"][0]

    def post_many(self, who: str, to: str, count: int, message: str = "message {n}", *, root_id: str = "") -> list[str]:
        """Make many posts in one call; `{n}` is the number of each. Return their ids."""
        fields = {"who": who, "to": to, "message": message, "count": count, "root_id": root_id, "ids_only": True}
        return list(self.control("POST", "posts", **fields)["posts"])

    def edit(self, who: str, post_id: str, message: str) -> Any:
        """Change the text of a post as its author."""
        return self.api(who, "PUT", f"/posts/{post_id}/patch", {"message": message})

    def delete(self, who: str, post_id: str) -> None:
        """Delete a post as its author."""
        self.api(who, "DELETE", f"/posts/{post_id}")

    def pin(self, who: str, post_id: str) -> None:
        """Pin a post."""
        self.api(who, "POST", f"/posts/{post_id}/pin")

    def react(self, who: str, post_id: str, emoji: str) -> Any:
        """Add a reaction."""
        return self.api(
            who, "POST", "/reactions", {"user_id": self.user_id(who), "post_id": post_id, "emoji_name": emoji}
        )

    def unreact(self, who: str, post_id: str, emoji: str) -> None:
        """Remove a reaction."""
        self.api(who, "DELETE", f"/users/me/posts/{post_id}/reactions/{emoji}")

    def typing(self, who: str, channel_id: str, parent_id: str = "") -> None:
        """Type in a channel."""
        self.api(who, "POST", "/users/me/typing", {"channel_id": channel_id, "parent_id": parent_id})

    def ephemeral(self, who: str, to: str, reader: str, message: str) -> Any:
        """Show a note to one reader."""
        return self.control("POST", "ephemeral", who=who, to=to, reader=reader, message=message)

    def create_channel(self, who: str, name: str, *, private: bool = False) -> Any:
        """Make a channel; its creator is the only member."""
        return self.control("POST", "channels", who=who, name=name, type="P" if private else "O")

    def add_member(self, who: str, channel: str, user: str) -> None:
        """Let `who` add `user` to a channel."""
        self.control("POST", "members/add", who=who, channel=channel, user=user)

    def remove_member(self, who: str, channel: str, user: str) -> None:
        """Let `who` remove `user` from a channel."""
        self.control("POST", "members/remove", who=who, channel=channel, user=user)

    # Slash commands

    def command(self, who: str, trigger: str, url: str, **fields: Any) -> Any:
        """Make a slash command as a user who may; return it, with its token."""
        body = {"team_id": self.team_id, "trigger": trigger, "url": url, "method": "P"} | fields
        return self.api(who, "POST", "/commands", body)

    def commands(self) -> list[dict[str, Any]]:
        """Return all custom slash commands, with their tokens."""
        return list(self.api("sysadmin", "GET", f"/commands?team_id={self.team_id}&custom_only=true"))

    def execute(self, who: str, line: str, to: str, *, root_id: str = "") -> requests.Response:
        """Type a slash command as a user in a channel (name, id, or "alice,durar"); return whatever comes."""
        channel_id = to if len(to) == 26 else self.channel_id(to)
        fields = {"command": line, "channel_id": channel_id, "team_id": self.team_id, "root_id": root_id}
        return self.raw(who, "POST", "/commands/execute", fields)

    def may_make_commands(self, who: str, how: str = "team_admin") -> None:
        """Let a user make slash commands: as `team_admin`, by a `role`, or (with "") not any more."""
        self.control("POST", "users/commands", who=who, how=how)

    def in_team(self, who: str, *, inside: bool) -> None:
        """Let a user leave the team, or come back; channels stay as they are."""
        self.control("POST", "users/team", who=who, inside=inside)

    # Looking

    def posts(self, channel: str, *, with_deleted: bool = False) -> list[dict[str, Any]]:
        """Return the posts of a channel, oldest first; `channel` may be `"alice,durar"`, or a name or id."""
        query = {"between": channel.replace(" ", "")} if "," in channel else {"channel": channel}
        rows: list[dict[str, Any]] = self.control("GET", "posts", **query)["posts"]
        return rows if with_deleted else [row for row in rows if not row["delete_at"]]

    def requests(self, *, method: str = "", path: str = "", who: str | None = None) -> list[dict[str, Any]]:
        """Return the API requests seen, oldest first; `path` is a regular expression."""
        query = {"method": method, "path": path} | ({} if who is None else {"who": who})
        return list(self.control("GET", "requests", **query)["requests"])

    def authentications(self, who: str) -> dict[str, int]:
        """Return how often tokens of a user were `accepted` and `refused` on WebSockets."""
        counts: dict[str, int] = self.control("GET", "authentications")["by_name"].get(who, {})
        return {"accepted": 0, "refused": 0} | counts

    def sockets(self, who: str) -> int:
        """Return how many authenticated sockets a user has open."""
        return int(self.control("GET", "sockets")["by_name"].get(who, 0))

    # Trouble

    def fault(self, kind: str, /, **fields: Any) -> str:
        """Make a rule for requests and return its id."""
        return str(self.control("POST", "faults", kind=kind, **fields)["id"])

    def held(self, fault_id: str) -> int:
        """Return how many requests a `hang` rule holds now."""
        faults: list[dict[str, Any]] = self.control("GET", "faults")["faults"]
        return sum(int(fault["held"]) for fault in faults if fault["id"] == fault_id)

    def hits(self, fault_id: str) -> int:
        """Return how many requests a rule has met."""
        faults: list[dict[str, Any]] = self.control("GET", "faults")["faults"]
        return sum(int(fault["hits"]) for fault in faults if fault["id"] == fault_id)

    def release(self, fault_id: str, *, complete: bool = True) -> int:
        """Let held requests go on, or cut them; return how many."""
        return int(self.control("POST", f"faults/{fault_id}/release", complete=complete)["released"])

    def clear_faults(self) -> None:
        """Take all rules out of force; what they hold is cut."""
        self.control("DELETE", "faults")

    def drop_sockets(self, who: str = "") -> int:
        """Cut the sockets of a user, or all."""
        return int(self.control("POST", "sockets/drop", who=who)["dropped"])

    def deafen(self, who: str = "", *, level: str = "events", count: bool = False) -> int:
        """Make open sockets silent; new ones hear."""
        return int(self.control("POST", "sockets/deafen", who=who, level=level, count=count)["deaf"])

    def undeafen(self, who: str = "") -> int:
        """Let deaf sockets hear again."""
        return int(self.control("POST", "sockets/undeafen", who=who)["hearing"])

    def revoke(self, who: str) -> None:
        """Revoke all tokens of a user."""
        self.control("POST", "tokens/revoke", who=who)

    def restore(self, who: str) -> None:
        """Make all tokens of a user valid again."""
        self.control("POST", "tokens/restore", who=who)

    def issue_token(self, who: str) -> str:
        """Return one more valid token of a user."""
        return str(self.control("POST", "tokens/issue", who=who)["token"])

    def disable(self, who: str) -> None:
        """Switch an account off."""
        self.control("POST", "users/disable", who=who)

    def enable(self, who: str) -> None:
        """Switch an account on."""
        self.control("POST", "users/enable", who=who)

    def add_bot(self, username: str) -> dict[str, str]:
        """Make one more bot, in the team and in `support`; return its id and token."""
        bot: dict[str, str] = self.control("POST", "users/bots", username=username)
        self._tokens[username] = bot["token"]
        return bot

    def add_people(self, *usernames: str) -> list[dict[str, str]]:
        """Make more people; return their ids and tokens."""
        return list(self.control("POST", "users/people", usernames=list(usernames))["people"])

    def settings(self, **values: Any) -> dict[str, Any]:
        """Change settings (`dedupe_window`, `auth_timeout`, ...) and return them all."""
        return self.control("POST", "settings", **values)

    def rate_limit(self, **values: Any) -> None:
        """Switch the rate limiter on (or off with `enabled=False`)."""
        self.control("POST", "rate_limit", **values)

    def gone(self, seconds: float | None = None, *, forget: bool = False) -> None:
        """Let the server leave the network, for good or for some seconds."""
        fields = {} if seconds is None else {"seconds": seconds}
        self.control("POST", "gone", forget=forget, **fields)

    def reset(self) -> None:
        """Go back to the start world; everything that was asked for is forgotten."""
        self.control("POST", "reset")

    def is_up(self) -> bool:
        """Tell whether the server answers."""
        try:
            return self._session.get(f"{self.base_url}/api/v4/system/ping", timeout=5).ok
        except requests.ConnectionError:
            return False

    def wait_for(self, predicate: Callable[[], T], limit: float = 20.0, *, what: str = "") -> T:
        """Return the first true value of `predicate`; see `wait_for`."""
        return wait_for(predicate, limit, what=what)
