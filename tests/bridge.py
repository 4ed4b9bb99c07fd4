"""What tests of the message's way share: an account, posts as a listener hears them, and hints that run on demand."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

from mattermost_bridge.config import effective
from mattermost_bridge.models import Account, Agent, ListenerLease, OutboxState
from mattermost_bridge.services import hints, inbox
from mattermost_bridge.tasks import deliveries, events, upkeep

_numbers = count(1)
BOT_ID = "bot".ljust(26, "0")

TASKS = {
    task.name: task
    for task in (
        events.process_event,
        events.look_up_channel,
        events.run_turns,
        deliveries.drain,
        deliveries.remove_double,
        deliveries.resolve_direct_channel,
        upkeep.run_sweep,
        upkeep.expire,
    )
}


def mattermost_id(word: str, number: int | None = None) -> str:
    """A 26-character id that is easy to read in a failure."""
    return f"{word}{next(_numbers) if number is None else number}".ljust(26, "x")[:26]


def make_account(account_id: str = "default", **values) -> Account:
    """A ready account with the echo agent."""
    values.setdefault("base_url", "http://127.0.0.1:9")
    values.setdefault("bot_token", "t" * 26)
    values.setdefault("bot_user_id", BOT_ID)
    values.setdefault("bot_username", "durar")
    if "agent" not in values:
        values["agent"], _ = Agent.objects.get_or_create(slug="echo", defaults={"backend": "echo"})
    account = Account.objects.create(account_id=account_id, **values)
    ListenerLease.objects.get_or_create(account=account)
    OutboxState.objects.get_or_create(account=account)
    effective.bump_version()
    return account


def direct_post(text: str = "hello", *, user: str = "carol", at: int | None = None, **values) -> inbox.Draft:
    """A direct message to the bot."""
    return post(text, user=user, at=at, channel=f"dm{user}", channel_type="D", **values)


def post(
    text: str = "hello",
    *,
    user: str = "carol",
    channel: str = "support",
    channel_type: str = "O",
    root: str = "",
    at: int | None = None,
    post_id: str = "",
    **values,
) -> inbox.Draft:
    """A post as a listener hears it. Without `at` it is younger than every one before."""
    number = next(_numbers)
    post_id = post_id or mattermost_id("post", number)
    payload = {"type": "", "file_ids": [], **values.pop("payload", {})}
    return inbox.Draft(
        kind="post",
        dedupe_key=post_id,
        channel_id=channel.ljust(26, "x"),
        channel_type=channel_type,
        post_id=post_id,
        root_id=root,
        user_id=user.ljust(26, "u"),
        username=user,
        text=text,
        create_at=at if at is not None else 1_795_344_000_000 + number,
        payload=payload,
        **values,
    )


class Hints:
    """Hints as they were given; a test runs them when it wants, or loses them."""

    def __init__(self) -> None:
        self.given: deque[tuple[str, tuple]] = deque()

    def send(self, name: str, args: tuple) -> bool:
        self.given.append((name, args))
        return True

    def lose(self) -> None:
        """The broker forgot everything."""
        self.given.clear()

    def names(self) -> list[str]:
        return [name for name, _ in self.given]

    def run(self, most: int = 500) -> int:
        """Run what was hinted, and what that hints, until nothing is left."""
        for done in range(most):
            if not self.given:
                return done
            name, args = self.given.popleft()
            TASKS[name](*args)
        raise AssertionError(f"hints never ended; next: {self.given[0]}")


@contextmanager
def collected_hints() -> Iterator[Hints]:
    """Within the block hints go nowhere but into the yielded list."""
    collected, before, before_later = Hints(), hints.send, hints.send_later
    hints.send = collected.send
    hints.send_later = lambda name, args, seconds: collected.send(name, args)
    try:
        yield collected
    finally:
        hints.send, hints.send_later = before, before_later
