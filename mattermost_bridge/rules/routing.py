"""Which agent and session a post belongs to, and which thread its answer goes to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mattermost_bridge.rules.channel_rules import said_here
from mattermost_bridge.rules.facts import known
from mattermost_bridge.rules.types import Binding, ChannelType, Fact, IncomingPost, Policy

MAIN = "main"
"""Stands in session keys for the account's own agent, so that choosing another one keeps its conversations."""

EVERY = "*"
DEFAULT_ACCOUNT = "default"
LONGEST_NAME = 64

_KINDS = {
    ChannelType.DIRECT: "direct",
    ChannelType.OPEN: "channel",
    ChannelType.PRIVATE: "group",
    ChannelType.GROUP: "group",
}
#: Modes that begin a thread under a post outside one. In Mattermost they are the same: one root, one thread.
_THREADING = ("first", "all", "batched")


@dataclass(frozen=True, slots=True)
class Route:
    """Where a post leads. `agent` is a slug, "" for the account's own; the two sources say who decided that."""

    session_key: str
    reply_root: str
    parent_key: str
    agent: str
    agent_source: str
    reply_source: str


def route(post: IncomingPost, policy: Policy) -> Route:
    """Agent, session and thread for a post. Raises ValueError when its channel's type is not known,
    FactMissing for the team when a binding asks for it.
    """
    agent, agent_source = agent_for(post, policy)
    mode, reply_source = reply_mode(post, policy)
    root = reply_root(post, mode)
    own = not agent or agent == policy.agent_slug
    base = session_key(
        policy.account_id,
        post.channel_type,
        post.channel_id,
        _peer(post, policy),
        agent=MAIN if own else agent,
        merged=policy.dm_scope == "main",
    )
    is_direct = post.channel_type is ChannelType.DIRECT
    return Route(
        session_key=f"{base}:thread:{root}" if root else base,
        reply_root=root,
        parent_key=base if root and not is_direct else "",
        agent="" if own else agent,
        agent_source=agent_source,
        reply_source=reply_source,
    )


def session_key(
    account_id: str,
    channel_type: ChannelType,
    channel_id: str,
    user_id: str,
    thread_root: str = "",
    agent: str = MAIN,
    *,
    merged: bool = False,
) -> str:
    """The key of the session that a post belongs to.

    A session belongs to an account: two bots in one channel never share one. A direct message's peer is the person
    (so every `session.dmScope` but `main` is the same here), elsewhere it is the channel; private channels and group
    messages are both of the kind `group`. `merged` is `dmScope: main`: all direct messages of the account share one
    session. A thread has a session of its own. Everything but the root's id is lower-case.

    Raises ValueError when the channel's type is not known: a session is never guessed.
    """
    kind = _KINDS.get(channel_type)
    if kind is None:
        raise ValueError(f"Channel {channel_id} has no known type, so its session cannot be named. Look it up first.")
    peer = user_id if kind == "direct" else channel_id
    place = MAIN if kind == "direct" and merged else f"{kind}:{peer}"
    base = f"agent:{agent}:mattermost:{account_id}:{place}".lower()
    return f"{base}:thread:{thread_root}" if thread_root else base


def reply_mode(post: IncomingPost, policy: Policy) -> tuple[str, str]:
    """The reply mode that holds for a post (off, first, all, batched), and where it is said.

    In channels and groups the channel's own entry counts most, then `replyToModeByChatType`, then `replyToMode`.
    Direct messages stay flat unless `replyToModeByChatType.direct` says otherwise.
    """
    kind = _KINDS.get(post.channel_type, "")
    by_type = dict(policy.reply_to_mode_by_type).get(kind, "")
    if kind != "direct":
        own, source = said_here(policy, post.channel_id, "reply_to_mode")
        if own:
            return own, source
    if by_type:
        # Each kind comes from where its own key is set.
        return by_type, dict(policy.sources).get("reply_to_mode_by_type") or policy.source_of(f"reply_to_mode_{kind}")
    if kind == "direct":
        return "off", "built-in"
    return policy.reply_to_mode, policy.source_of("reply_to_mode")


def reply_root(post: IncomingPost, mode: str) -> str:
    """The root of the thread in which the answer to `post` goes, "" for none.

    In channels and groups an answer to a post inside a thread stays in that thread, in every mode; the modes other
    than off begin a thread under a post outside one. A direct message's answer is in a thread only with such a mode.
    """
    if post.channel_type is ChannelType.DIRECT and mode not in _THREADING:
        return ""
    return post.root_id or (post.post_id if mode in _THREADING else "")


def agent_for(post: IncomingPost, policy: Policy) -> tuple[str, str]:
    """The slug of the agent that a channel's entry or a binding names for a post ("" for none), and where.

    A channel's entry counts most. Of the bindings that match the narrowest counts, and the first of equal ones: by
    the thread, by the person or channel, by every one of that kind, by team, by account, by all accounts.
    """
    if post.channel_type is not ChannelType.DIRECT:
        slug, source = said_here(policy, post.channel_id, "agent")
        if slug:
            return slug, source
    best: tuple[int, int, Binding] | None = None
    for index, binding in enumerate(policy.bindings):
        rank = next(_ranks(binding, post, policy), None) if binding.agent else None
        if rank is not None and (best is None or (rank, index) < best[:2]):
            best = (rank, index, binding)
    if best is not None:
        return best[2].agent, f"bindings[{best[1]}]"
    return "", policy.source_of("agent")


def _ranks(binding: Binding, post: IncomingPost, policy: Policy) -> Iterator[int]:
    """How narrowly a binding matches, 0 the narrowest; nothing when it does not."""
    account = binding.account_id.strip().lower() or DEFAULT_ACCOUNT
    if account not in (EVERY, policy.account_id):
        return
    if binding.peer_kind and not _same_kind(binding.peer_kind, post.channel_type):
        return
    if binding.team_id and binding.team_id != _team(post):
        return
    peer = binding.peer_id.strip()
    if peer and peer != EVERY:
        is_direct = post.channel_type is ChannelType.DIRECT
        if not is_direct and post.root_id and peer == post.root_id:
            yield 0
        if peer.lower() == (post.user_id if is_direct else post.channel_id).lower():
            yield 1
    elif peer == EVERY or binding.peer_kind:
        yield 2
    elif binding.team_id:
        yield 3
    else:
        yield 5 if account == EVERY else 4


def _team(post: IncomingPost) -> str:
    return "" if post.channel_type is ChannelType.DIRECT else known(post.team_id, Fact.TEAM)


def _same_kind(peer_kind: str, channel_type: ChannelType) -> bool:
    """Group and channel are one kind for bindings: a channel that is made private keeps its agent."""
    return (peer_kind == "direct") == (channel_type is ChannelType.DIRECT)


def _peer(post: IncomingPost, policy: Policy) -> str:
    """The person of a direct message, by the name under which `session.identityLinks` has them."""
    if not policy.identity_links:
        return post.user_id
    ids = {post.user_id.lower(), f"mattermost:{post.user_id.lower()}"}
    for name, people in policy.identity_links:
        if any(person.strip().lower() in ids for person in people) and name.strip():
            return name.strip()[:LONGEST_NAME]
    return post.user_id
