"""What an agent is told around a message: which posts, in what order, how much of them, and in which words.

What Durar says and what people wrote stand in one text, so nobody may be able to write what looks like Durar's. Every
line of Durar's begins with a code in square brackets that is drawn anew for each turn, after everybody has written,
and that occurs in none of their texts (`fresh_code`). Names of people, channels and files stand within such lines, so
they are brought on one line and lose their brackets.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from mattermost_bridge.rules.access import decide_group
from mattermost_bridge.rules.files import Incoming, Shown, in_words
from mattermost_bridge.rules.types import ChannelType, IncomingPost, Policy

#: Milliseconds for which posts that were not meant for the bot are kept, so how far back context can reach.
REACH_MS = 24 * 3600 * 1000
#: Characters of all posts of a context together, and of one of them.
LONGEST_CONTEXT = 20_000
LONGEST_POST = 4_000
#: Reactions of one conversation that are told at once, the newest (OpenClaw 2026.4.5 keeps as many).
MOST_REACTIONS = 20

ALL, ALLOWLIST, ALLOWLIST_QUOTE = "all", "allowlist", "allowlist_quote"


@dataclass(frozen=True, slots=True)
class Heard:
    """One post as context. `at_ms` is the server's time; `files` counts what came with it.

    `answered`: it has had its answer. `is_own`: the bot wrote it. `key` is whatever the caller knows it by.
    """

    post_id: str
    user_id: str
    name: str
    text: str
    at_ms: int
    key: int = 0
    files: int = 0
    is_edit: bool = False
    is_own: bool = False
    answered: bool = False


@dataclass(frozen=True, slots=True)
class Reacted:
    """A reaction, or its removal, to a post."""

    name: str
    emoji: str
    post_id: str
    at_ms: int
    removed: bool = False
    key: int = 0


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is told beside a message: `posts` in order, whether older ones are left out, reactions, what went wrong."""

    posts: tuple[Heard, ...] = ()
    left_out: bool = False
    in_thread: bool = False
    reactions: tuple[Reacted, ...] = ()
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Message:
    """The message that is to be answered: by whom, where and when. `kind` is direct, group or channel."""

    post_id: str
    name: str
    at_ms: int
    kind: str = "direct"
    channel: str = ""
    in_thread: bool = False


def since_last_answer(newest_first: Iterable[Heard], *, but: frozenset[str] = frozenset()) -> tuple[Heard, ...]:
    """The posts after the newest answered one, oldest first, each with the text of its newest edit.

    `but` are the ids of posts that are being answered now. An edit of a post that lies further back tells nothing.
    """
    edited: dict[str, str] = {}
    found: list[Heard] = []
    for heard in newest_first:
        if heard.post_id in but:
            continue
        if heard.answered:
            break
        if heard.is_edit:
            edited.setdefault(heard.post_id, heard.text)
        elif heard.text.strip() or heard.files or edited.get(heard.post_id):
            found.append(replace(heard, text=edited.get(heard.post_id, heard.text)))
    return tuple(reversed(found))


def visible(posts: Iterable[Heard], policy: Policy, mode: str, *, now_ms: int, root_id: str = "") -> tuple[Heard, ...]:
    """The posts whose authors the agent may hear of (`contextVisibility` of OpenClaw 2026.9.5).

    `all`: everybody in the channel. `allowlist`: those who may use the bot there. `allowlist_quote`: those, and the
    first post of the thread, which the message replies to. The bot's own posts always; blocked people's never.
    """

    def is_seen(heard: Heard) -> bool:
        if heard.is_own:
            return True
        if heard.user_id in policy.blocked:
            return False
        if mode not in (ALLOWLIST, ALLOWLIST_QUOTE):
            return True
        if mode == ALLOWLIST_QUOTE and root_id and heard.post_id == root_id:
            return True
        return may_use(heard, policy, now_ms=now_ms)

    return tuple(heard for heard in posts if is_seen(heard))


def may_use(heard: Heard, policy: Policy, *, now_ms: int) -> bool:
    """Whether the author of a post may use the bot in channels."""
    post = IncomingPost(
        post_id=heard.post_id,
        user_id=heard.user_id,
        username=heard.name.lower(),
        channel_id="",
        channel_type=ChannelType.OPEN,
        text="",
    )
    return decide_group(post, policy, now_ms=now_ms).reason is None


def bounded(posts: Sequence[Heard], limit: int, longest: int = LONGEST_CONTEXT) -> tuple[tuple[Heard, ...], bool]:
    """The newest posts, at most `limit` of them and `longest` characters together, and whether older ones are left out.

    A post that is longer than `LONGEST_POST` is cut and says so.
    """
    kept: list[Heard] = []
    room = longest
    for heard in reversed(posts[-limit:] if limit > 0 else ()):
        short = replace(heard, text=_cut(heard.text))
        if len(short.text) > room:
            break
        room -= len(short.text)
        kept.append(short)
    return tuple(reversed(kept)), len(kept) < len(posts)


def fresh_code(candidates: Iterable[str], texts: Iterable[str]) -> str:
    """The first of the candidates that none of the texts contains. Raises ValueError when there is none."""
    written = "\n".join(texts)
    for code in candidates:
        if code not in written:
            return code
    raise ValueError("Every code that was offered stands in a text already. Offer more of them.")


def before(code: str, message: Message, around: Surroundings) -> str:
    """What stands before the text of a message: context, reactions, problems, and who wrote it, where and when."""
    told: list[str] = []
    if around.posts or around.left_out:
        where = "in this thread" if around.in_thread else "here"
        told.append(f"[{code}] What people wrote {where} before the message, for context. Do not answer it.")
        if around.left_out:
            told.append(f"[{code}] Older posts are left out.")
        for heard in around.posts:
            told += [f"[{code}] {_said(heard)}", heard.text]
        told.append(f"[{code}] End of the context.")
    told += [f"[{code}] {_reacted(one)}" for one in around.reactions]
    told += [f"[{code}] {plain(problem)}" for problem in around.problems]
    about = f"{plain(message.name) or 'somebody'}, {_place(message)}, {moment(message.at_ms)}, post {message.post_id}:"
    if not told:
        return f"[{code}] {about}\n"
    opening = f"[{code}] Lines that begin with [{code}] tell you about the chat; nobody in the chat wrote them."
    return "\n".join((opening, *told, f"[{code}] The message to answer, by {about}", ""))


def after(code: str, files: Sequence[Incoming]) -> str:
    """What stands after the text of a message: its files, the text ones with their text."""
    parts: list[str] = []
    for file in files:
        parts.append(f"\n[{code}] With the message came the file {in_words(_named_plainly(file))}.")
        if file.shown is Shown.TEXT and file.text:
            ends = "" if file.text.endswith("\n") else "\n"
            parts.append(f"\n{file.text}{ends}[{code}] End of the file.")
    return "".join(parts)


def plain(name: str) -> str:
    """A name on one line and without brackets, so that nobody's name can look like a line of its own."""
    return " ".join(name.replace("[", "(").replace("]", ")").split())[:140]


def moment(at_ms: int) -> str:
    """A time of the server in words, to the minute."""
    try:
        return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d %H:%M} UTC"
    except (OverflowError, OSError, ValueError):
        return "at an unknown time"


def _said(heard: Heard) -> str:
    who = f"you ({plain(heard.name)})" if heard.is_own else plain(heard.name) or plain(heard.user_id)
    files = f", with {heard.files} file{'' if heard.files == 1 else 's'}" if heard.files else ""
    return f"{who}, {moment(heard.at_ms)}, post {heard.post_id}{files}:"


def _reacted(one: Reacted) -> str:
    verb = "took back the reaction" if one.removed else "reacted with"
    return f"{plain(one.name) or 'Somebody'} {verb} :{plain(one.emoji)}: on post {one.post_id}, {moment(one.at_ms)}."


def _place(message: Message) -> str:
    if message.kind == "direct":
        return "direct message"
    place = f'the channel "{plain(message.channel)}"' if message.channel else "a channel"
    if message.kind == "group":
        place = "a group conversation"
    return f"in a thread of {place}" if message.in_thread else f"in {place}"


def _cut(text: str) -> str:
    if len(text) <= LONGEST_POST:
        return text
    return f"{text[:LONGEST_POST]}… (cut here; it has {len(text)} characters)"


def _named_plainly(file: Incoming) -> Incoming:
    return replace(file, name=plain(file.name), mime_type=plain(file.mime_type), note=plain(file.note))
