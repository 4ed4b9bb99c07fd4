"""What an agent is told beside a message: posts since its last answer, a thread's beginning, reactions.

Posts of a channel are in the inbox already, since everything that is heard is kept, so they cost one query and no call.
Only a thread in which the bot has not answered lately is read from the server, within a time, and never at the price
of the answer: what could not be read is said in the context.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import structlog
from django.db.models import Q, QuerySet
from django.utils import timezone

from mattermost_bridge.config.effective import AccountSettings
from mattermost_bridge.mattermost.errors import MattermostError
from mattermost_bridge.mattermost.types import Post
from mattermost_bridge.models import Conversation, InboundEvent, KnownPerson, Turn
from mattermost_bridge.models.states import EventKind, EventOutcome, EventState, TurnState
from mattermost_bridge.rules import context as rules
from mattermost_bridge.rules.context import Heard, Reacted, Surroundings
from mattermost_bridge.rules.decide import is_ordinary_type
from mattermost_bridge.services import reading
from mattermost_bridge.services.clients import client_of
from mattermost_bridge.services.turns import Taken

log = structlog.get_logger(__name__)

#: Reading a thread takes so long at most, its attempts together; one that failed is left alone for a minute; and so
#: many are read at the same time (the numbers of OpenClaw 2026.9.5).
THREAD_SECONDS = 5.0
THREAD_COOLDOWN = 60.0
THREADS_AT_ONCE = 8
MOST_REMEMBERED = 1000

_COLUMNS = (
    *("pk", "kind", "post_id", "user_id", "username", "text", "create_at", "state", "payload"),
    *("outcome", "blanked_at"),
)


@dataclass(frozen=True)
class Found:
    """What is told, and the events that it was taken from: `posts` and `reactions` are their keys."""

    around: Surroundings
    posts: tuple[int, ...] = ()
    reactions: tuple[int, ...] = ()


class _Threads:
    """Which threads are being read or failed lately, in this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._reading = 0
        self._failed: dict[tuple[int, str], float] = {}

    def begin(self, key: tuple[int, str]) -> str:
        """Take a place; else the reason why this thread is not read now."""
        with self._lock:
            if self._failed.get(key, 0.0) > time.monotonic():
                return "reading it failed less than a minute ago"
            if self._reading >= THREADS_AT_ONCE:
                return "too many threads are being read at the moment"
            self._reading += 1
            return ""

    def end(self, key: tuple[int, str], *, failed: bool) -> None:
        """Give the place back."""
        with self._lock:
            self._reading -= 1
            self._failed.pop(key, None)
            if failed:
                self._failed[key] = time.monotonic() + THREAD_COOLDOWN
                while len(self._failed) > MOST_REMEMBERED:
                    del self._failed[next(iter(self._failed))]

    def forget(self) -> None:
        """Forget failures (for tests)."""
        with self._lock:
            self._failed.clear()


threads = _Threads()


def gather(taken: Taken, last_at: int | None) -> Found:
    """What is told to the agent beside the message of a turn. Call it outside of transactions; it raises nothing of
    the server's.

    `last_at` is the server's time of the message that the conversation's last answer was for, None when there was none.
    One query; in a thread without an answer in the last 24 hours, also one call to the server.
    """
    account, newest = taken.settings, taken.events[-1]
    direct = taken.turn.conversation.channel_type == "D"
    limit = 0 if direct else account.history_limit
    root_id = "" if direct else newest.root_id
    now_ms = int(timezone.now().timestamp() * 1000)
    rows = _rows(taken, newest, root_id, limit)
    but = frozenset(event.post_id for event in taken.events)
    posts = rules.since_last_answer((_heard(row) for row in rows if row["kind"] != EventKind.REACTION), but=but)
    problems: tuple[str, ...] = ()
    if limit and root_id and (last_at is None or newest.create_at - last_at > rules.REACH_MS):
        after_ms = max(last_at or 0, fresh_since(taken.turn.conversation))
        read, problem = _read_thread(account, newest, limit, but, after_ms)
        posts = posts if read is None else _with_keys(read, posts)
        problems = (problem,) if problem else ()
    seen = rules.visible(posts, account.policy, account.context_visibility, now_ms=now_ms, root_id=root_id)
    kept, left_out = rules.bounded(seen, limit)
    reactions = _reactions(account, [row for row in rows if row["kind"] == EventKind.REACTION])
    return Found(
        Surroundings(kept, left_out, bool(root_id), reactions, problems),
        posts=tuple(heard.key for heard in kept if heard.key),
        reactions=tuple(one.key for one in reactions),
    )


def fresh_since(conversation: Conversation) -> int:
    """The server's time since which a conversation is a new one (`/new`); 0 for its beginning."""
    return int(getattr(conversation, "fresh_since", 0) or 0)


def last_answered_at(turn: Turn) -> int | None:
    """The server's time of the message that the conversation's last answer before this turn was for."""
    earlier = Turn.objects.filter(conversation=turn.conversation_id, state=TurnState.DONE, pk__lt=turn.pk)
    return earlier.order_by("-pk").values_list("trigger_at", flat=True).first()


def given(found: Found, files: Iterable[str] = ()) -> dict[str, Any]:
    """What a turn keeps of what its agent was told: counts, files in words, problems; nothing that people wrote."""
    around = found.around
    facts = {
        "posts": len(around.posts),
        "left_out": around.left_out,
        "in_thread": bool(around.posts) and around.in_thread,
        "reactions": len(around.reactions),
        "files": list(files),
        "problems": list(around.problems),
    }
    return {name: value for name, value in facts.items() if value}


def _rows(taken: Taken, newest: InboundEvent, root_id: str, limit: int) -> list[Mapping[str, Any]]:
    """Posts and edits of this place before the message, newest first, and the conversation's unseen reactions."""
    unseen = InboundEvent.objects.filter(
        conversation=taken.conversation_id, kind=EventKind.REACTION, turn=None, outcome=EventOutcome.ADMITTED
    )
    reactions = _those(unseen.order_by("-create_at", "-pk")[: rules.MOST_REACTIONS])
    if not limit:
        found = list(reactions)
    else:
        # In the order in which a channel's events are taken; what was written in the same millisecond may come after.
        before = Q(create_at__lt=newest.create_at) | Q(create_at=newest.create_at, post_id__lte=newest.post_id)
        posts = InboundEvent.objects.filter(
            before,
            account=taken.settings.pk,
            channel_id=newest.channel_id,
            root_id=root_id,
            kind__in=[EventKind.POST, EventKind.EDIT],
            create_at__gt=max(newest.create_at - rules.REACH_MS, fresh_since(taken.turn.conversation)),
            create_at__lte=newest.create_at,
        ).exclude(Q(user_id="") | Q(user_id=taken.settings.bot_user_id))
        # Room for edits beside the posts that they belong to, and to see that more posts were left out.
        some = posts.order_by("-create_at", "-post_id")[: limit * 2 + len(taken.events)]
        found = list(_those(some).union(reactions, all=True))
    found = [row for row in found if is_ordinary_type(str(row["payload"].get("type") or ""))]
    reacted = [row for row in found if row["kind"] == EventKind.REACTION]
    said = [row for row in found if row["kind"] != EventKind.REACTION]
    return [
        *sorted(said, key=lambda row: (row["create_at"], row["post_id"]), reverse=True),
        *sorted(reacted, key=lambda row: (row["create_at"], row["pk"])),
    ]


def _those(some: QuerySet[InboundEvent]) -> QuerySet[InboundEvent, dict[str, Any]]:
    """Rows by their keys, since no part of a compound query may be limited in every database."""
    return InboundEvent.objects.filter(pk__in=some.values("pk")).order_by().values(*_COLUMNS)


def _heard(row: Mapping[str, Any]) -> Heard:
    payload = row["payload"]
    return Heard(
        post_id=row["post_id"],
        user_id=row["user_id"],
        name=row["username"] or _shown_name(payload.get("props")) or row["user_id"],
        text=row["text"],
        at_ms=row["create_at"],
        key=row["pk"],
        files=len(payload.get("file_ids") or ()) if row["blanked_at"] is None else 0,
        is_edit=row["kind"] == EventKind.EDIT,
        answered=row["state"] == EventState.ANSWERED,
    )


def _reactions(account: AccountSettings, rows: Sequence[Mapping[str, Any]]) -> tuple[Reacted, ...]:
    """Reactions come without names: those that are known here are looked up; without reactions that costs nothing."""
    names: dict[str, str] = {}
    if nameless := {row["user_id"] for row in rows if not row["username"]}:
        known = KnownPerson.objects.filter(account=account.pk, user_id__in=nameless).exclude(username="")
        names = dict(known.values_list("user_id", "username"))
        for user_id in nameless - names.keys():
            wrote = InboundEvent.objects.filter(account=account.pk, user_id=user_id).exclude(username="")
            names[user_id] = wrote.order_by("-pk").values_list("username", flat=True).first() or user_id
    return tuple(
        Reacted(
            name=row["username"] or names[row["user_id"]],
            emoji=str(row["payload"].get("emoji_name") or row["text"]),
            post_id=row["post_id"],
            at_ms=row["create_at"],
            removed=bool(row["payload"].get("removed")),
            key=row["pk"],
        )
        for row in rows
    )


def _shown_name(props: Any) -> str:
    """The name that a webhook or command posts under."""
    name = props.get("override_username") if isinstance(props, dict) else ""
    return f"{name} (a webhook)" if isinstance(name, str) and name else ""


def _with_keys(read: Iterable[Heard], kept: Iterable[Heard]) -> tuple[Heard, ...]:
    """What the server has of a thread, with the keys of those posts that the inbox has too."""
    keys = {heard.post_id: heard.key for heard in kept}
    return tuple(replace(heard, key=keys.get(heard.post_id, 0)) for heard in read)


def _read_thread(
    account: AccountSettings, newest: InboundEvent, limit: int, but: frozenset[str], after_ms: int
) -> tuple[list[Heard] | None, str]:
    """The posts of the thread before the message, or None and a sentence on why they are missing."""
    key = (account.pk, newest.root_id)
    failed, why = False, threads.begin(key)
    if not why:
        failed = True
        try:
            client = client_of(account, total=THREAD_SECONDS)
            before = Post(newest.post_id, create_at=newest.create_at)
            posts = [
                post
                for post in client.thread(newest.root_id, before=before, limit=limit)
                if post.channel_id == newest.channel_id
                and after_ms < post.create_at <= newest.create_at
                and post.id not in but
                and not post.delete_at
                and is_ordinary_type(post.type)
                and (post.message.strip() or post.file_ids)
            ]
            names = _names(account, posts)
            failed = False
            return [_of_thread(post, account, names) for post in posts], ""
        except MattermostError as error:
            why = str(error)
            log.warning("a thread could not be read for its context", account=account.account_id, error=why)
        finally:
            threads.end(key, failed=failed)
    return None, f"The earlier posts of this thread could not be read from Mattermost: {why.rstrip('.')}."


def _of_thread(post: Post, account: AccountSettings, names: Mapping[str, str]) -> Heard:
    own = post.user_id == account.bot_user_id
    name = _shown_name(post.props) if post.from_webhook else ""
    return Heard(
        post_id=post.id,
        user_id=post.user_id,
        name=account.bot_username if own else name or names.get(post.user_id, post.user_id),
        text=post.message,
        at_ms=post.create_at,
        files=len(post.file_ids),
        is_own=own,
    )


def _names(account: AccountSettings, posts: Iterable[Post]) -> dict[str, str]:
    """Usernames by id, as they are known here; the server is asked for the rest, which is then known."""
    wanted = {post.user_id for post in posts if post.user_id and not post.from_webhook} - {account.bot_user_id}
    known = KnownPerson.objects.filter(account=account.pk, user_id__in=wanted).exclude(username="")
    names = dict(known.values_list("user_id", "username"))
    if unknown := sorted(wanted - names.keys()):
        try:
            people = client_of(account, total=THREAD_SECONDS).users_by_ids(unknown)
        except MattermostError as error:
            # Ids say as well who is who; the posts themselves are there.
            log.warning("names of a thread could not be read", account=account.account_id, error=str(error))
        else:
            reading.remember_people(account.pk, people)
            names |= {user.id: user.username for user in people}
    return names
