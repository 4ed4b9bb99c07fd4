"""The agent's hands: what becomes of a call of its tool `message`, in its own conversation and where else it may.

A call is begun outside of transactions, where files are fetched and the server is asked; what it writes is finished in
the transaction that saves its result.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import structlog
from django.utils import timezone

from mattermost_bridge.agents.base import INLINE_BUTTONS, ToolCall
from mattermost_bridge.agents.tools import Abilities, Wanted, read_call
from mattermost_bridge.rules import context
from mattermost_bridge.rules.context import Heard
from mattermost_bridge.rules.targets import Meaning, UnreadableTarget, read_target
from mattermost_bridge.services import direct_channels, files_out, messages, reactions, recent_posts, targets
from mattermost_bridge.services.audit import Actor
from mattermost_bridge.services.errors import Refused
from mattermost_bridge.services.files_out import Outgoing
from mattermost_bridge.services.recent_posts import Read
from mattermost_bridge.services.targets import Target
from mattermost_bridge.services.turns import Taken

log = structlog.get_logger(__name__)

#: So many characters of what was read does an agent get; of more, the oldest posts are left out.
MOST_READ_CHARS = 20_000


@dataclass(frozen=True)
class Result:
    """What came of a call: for the agent in words, `ok`, and what it wrote into its own conversation."""

    text: str
    ok: bool = True
    sent: str = ""


@dataclass(frozen=True)
class Begun:
    """A call that is ready. `finish` writes records only, inside the transaction that saves its result; it may raise
    Refused. When it is never called, `drop` takes back what was prepared."""

    finish: Callable[[], Result]
    files: Sequence[Outgoing] = ()

    def drop(self) -> None:
        """Remove the files that were fetched for it."""
        files_out.remove(self.files)


class Hands:
    """What the agent of one turn may do."""

    def __init__(self, taken: Taken, agent: str) -> None:
        """`agent` is how the audit log calls it."""
        self._turn, self._account, self._events = taken.turn, taken.settings, taken.events
        self._actor = Actor(agent, "agent")
        account = taken.settings
        self.abilities = Abilities(
            buttons=INLINE_BUTTONS.casefold() in {one.strip().casefold() for one in account.capabilities},
            reactions=account.actions_reactions,
            reading=account.actions_messages,
            targets=account.agent_targets,
        )

    def begin(self, call: ToolCall, place: tuple[int, int]) -> Begun:
        """Make a call ready; `place` is the number of its round and its own. Raises Refused, and BadCall.

        A reaction is made here and what is read is read here: both may be done twice without harm. Asks the server:
        call it outside of transactions.
        """
        wanted = read_call(call, self.abilities)
        target = self._target(wanted.to)
        if wanted.action == "react":
            return self._react(wanted, target)
        if wanted.action == "read":
            return self._read(wanted, target)
        return self._send(wanted, target, place)

    def _send(self, wanted: Wanted, target: Target, place: tuple[int, int]) -> Begun:
        own = target == self._own
        # An answer stays in its thread; so does everything else that is said in this conversation.
        if wanted.reply_to and not (own and target.root_id):
            target = replace(target, root_id=wanted.reply_to)
        files = files_out.take_all(self._account, wanted.files, any_path=False)

        def finish() -> Result:
            messages.send(
                self._account.pk,
                target,
                wanted.message,
                actor=self._actor,
                files=files,
                button_rows=wanted.buttons,
                by_agent=True,
                of_call=messages.OfCall(self._turn, *place),
            )
            where = "this conversation" if own else str(target)
            said = {"ok": True, "channel": "mattermost", "state": "in the outbox", "to": where}
            return Result(json.dumps(said, ensure_ascii=False), sent=_in_words(wanted) if own else "")

        return Begun(finish, files)

    def _react(self, wanted: Wanted, target: Target) -> Begun:
        post_id = wanted.message_id
        if not post_id and target == self._own:
            post_id = self._events[-1].post_id if self._events else ""
        done = reactions.react(
            self._account.pk,
            post_id,
            wanted.emoji,
            actor=self._actor,
            remove=wanted.remove,
            channel_id=self._channel_of(target),
        )
        return Begun(lambda: Result(str(done)))

    def _read(self, wanted: Wanted, target: Target) -> Begun:
        newest = self._events[-1] if self._events else None
        own = target == self._own
        direct = bool(target.user_id) or (own and self._turn.conversation.channel_type == "D")
        # Without a place it is what the conversation is: a thread, where the message stands in one.
        in_thread = own and not wanted.to and not direct
        target = replace(target, root_id=newest.root_id if newest is not None and in_thread else "")
        posts = recent_posts.read(self._account.pk, target, limit=wanted.limit, before=wanted.before)
        posts = self._visible(posts, target.root_id, direct=direct)
        shown: list[dict[str, object]] = []
        room = MOST_READ_CHARS
        for post in reversed(posts):
            said = {"messageId": post.post_id, "from": post.username or post.user_id, "at": post.at_ms}
            said |= {"threadOf": post.root_id} if post.root_id else {}
            said |= {"files": len(post.files)} if post.files else {}
            entry: dict[str, object] = {**said, "text": post.text}
            room -= len(json.dumps(entry, ensure_ascii=False))
            if room < 0 and shown:
                break
            shown.append(entry)
        text = json.dumps({"ok": True, "messages": shown[::-1]}, ensure_ascii=False)
        return Begun(lambda: Result(text))

    def _visible(self, posts: Sequence[Read], root_id: str, *, direct: bool) -> tuple[Read, ...]:
        """Those posts whose authors the agent may hear of, as for its context (`contextVisibility`)."""
        account = self._account
        heard = [
            Heard(
                post.post_id,
                post.user_id,
                post.username,
                post.text,
                post.at_ms,
                is_own=post.user_id == account.bot_user_id,
            )
            for post in posts
        ]
        mode = context.ALL if direct else account.context_visibility
        now_ms = int(timezone.now().timestamp() * 1000)
        seen = context.visible(heard, account.policy, mode, now_ms=now_ms, root_id=root_id)
        ids = {one.post_id for one in seen}
        return tuple(post for post in posts if post.post_id in ids)

    @property
    def _own(self) -> Target:
        """The conversation in which the answer will stand."""
        return Target(channel_id=self._turn.channel_id, root_id=self._turn.reply_root)

    def _target(self, words: str) -> Target:
        """Where a call leads. Raises Refused for everywhere else than the own conversation and the listed targets.

        Of a target that is not listed it is not said whether it exists.
        """
        if not words or _same(words, f"channel:{self._turn.channel_id}") or words == self._turn.channel_id:
            return self._own
        listed = any(_same(words, entry) for entry in self.abilities.targets)
        try:
            found = targets.resolve(self._account, words)
        except Refused:
            if listed:
                raise
            raise self._elsewhere(words) from None
        if found.channel_id == self._turn.channel_id or (found.user_id and found.user_id == self._turn.peer_id):
            return self._own
        if listed or replace(found, username="") in self._listed():
            return found
        raise self._elsewhere(words)

    def _listed(self) -> set[Target]:
        """The listed targets, by their ids."""
        found = set()
        for entry in self.abilities.targets:
            try:
                found.add(replace(targets.resolve(self._account, entry), username=""))
            except Refused as problem:
                log.warning("a target of agents means nobody", account=self._account.account_id, problem=str(problem))
        return found

    def _elsewhere(self, words: str) -> Refused:
        places = ", ".join(self.abilities.targets)
        return Refused(
            f"You may not act in {words[:60]}. You may in this conversation"
            + (f", and in: {places}." if places else " only. An operator can allow more (durar.agentTargets).")
        )

    def _channel_of(self, target: Target) -> str:
        channel_id = target.channel_id or direct_channels.known_channel(self._account, target.user_id)
        if not channel_id:
            raise Refused(f"There is no direct channel with {target} yet, so there is no post in it to react to.")
        return channel_id


def _same(words: str, entry: str) -> bool:
    """Whether both say the same, so that nobody has to be asked."""
    try:
        spoken, listed = read_target(words), read_target(entry)
    except UnreadableTarget:
        return False
    return spoken == listed and spoken.meaning is not Meaning.BARE_ID


def _in_words(wanted: Wanted) -> str:
    """What stands in the conversation now, for when the agent is told of it later."""
    parts = [wanted.message.strip()]
    if wanted.files:
        parts.append(f"[Files: {len(wanted.files)}]")
    if wanted.buttons:
        parts.append("[Buttons]")
    return "\n".join(part for part in parts if part)
