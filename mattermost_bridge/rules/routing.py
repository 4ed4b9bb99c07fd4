"""Which session a post belongs to, and which thread its answer goes to."""

from __future__ import annotations

from mattermost_bridge.rules.types import ChannelType, IncomingPost

_KINDS = {
    ChannelType.OPEN: "channel",
    ChannelType.PRIVATE: "group",
    ChannelType.GROUP: "group",
}


def session_key(
    account_id: str,
    channel_type: ChannelType,
    channel_id: str,
    user_id: str,
    thread_root: str = "",
    agent: str = "main",
) -> str:
    """The key of the session that a post belongs to.

    A session belongs to an account: two bots in one channel never share one. A direct message's peer is the
    person, elsewhere it is the channel; private channels and group messages are both of the kind `group`.
    A thread has a session of its own. Everything but the root's id is lower-case.

    Raises ValueError when the channel's type is not known: a session is never guessed.
    """
    if channel_type is ChannelType.DIRECT:
        kind, peer = "direct", user_id
    elif channel_type in _KINDS:
        kind, peer = _KINDS[channel_type], channel_id
    else:
        raise ValueError(f"Channel {channel_id} has no known type, so its session cannot be named. Look it up first.")
    base = f"agent:{agent}:mattermost:{account_id}:{kind}:{peer}".lower()
    return f"{base}:thread:{thread_root}" if thread_root else base


def reply_root(post: IncomingPost) -> str:
    """The root of the thread in which the answer to `post` goes, "" for none.

    In channels and groups an answer to a post inside a thread stays in that thread. Direct messages stay flat,
    also when the person wrote in a thread.
    """
    return post.root_id if post.channel_type in _KINDS else ""
