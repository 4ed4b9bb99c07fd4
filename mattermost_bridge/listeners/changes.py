"""What happened to older posts while nobody listened: they were edited, people reacted to them or took that back.

New posts are read backwards, to their end. These changes are read by `since`, which brings what was changed after a
time: at most a thousand posts of a channel (Mattermost 5.37 to 11), any of them. In a channel with more, some changes
of older posts are not found; of its new posts none is missed, since those are read the other way.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from mattermost_bridge.listeners import drafts
from mattermost_bridge.mattermost.types import Channel, Post, Reaction
from mattermost_bridge.services.inbox import Draft
from mattermost_bridge.services.reading import StandingReaction


def missed(
    channel: Channel,
    changed: Collection[Post],
    standing: Collection[StandingReaction],
    *,
    bot_id: str,
    since_ms: int,
    new: Collection[str],
) -> list[Draft]:
    """Edits and reactions after `since_ms` (the server's milliseconds), as the inbox keeps them, in their order.

    `changed` are the posts that the server names, `standing` the reactions to them that the inbox knows of and that
    nobody has taken back there. Posts in `new` were read as they are now, so their edits are no news. When a reaction
    was taken back is not to be had: the post's last change stands for it.
    """
    found: list[Draft] = []
    for post in changed:
        # A deleted post has lost its text, and so have the old revisions of an edited one, which come along.
        if post.delete_at:
            continue
        if post.edit_at > since_ms and post.id not in new and post.user_id != bot_id:
            edit = drafts.from_edit(post, channel.id, channel.type, caught_up=True)
            found += [edit] if edit else []
        found += _reactions(channel, post, since_ms, bot_id)
        found += _taken_back(channel, post, standing)
    return sorted(found, key=lambda draft: (draft.create_at, draft.dedupe_key))


def _reactions(channel: Channel, post: Post, since_ms: int, bot_id: str) -> Iterator[Draft]:
    for reaction in post.reactions:
        if max(reaction.create_at, reaction.update_at) > since_ms and reaction.user_id != bot_id:
            yield drafts.of_reaction(reaction, post.id, channel.id, channel.type, caught_up=True)


def _taken_back(channel: Channel, post: Post, standing: Collection[StandingReaction]) -> Iterator[Draft]:
    there = {(reaction.emoji_name, reaction.user_id) for reaction in post.reactions}
    for one in standing:
        if one.post_id == post.id and (one.emoji_name, one.user_id) not in there:
            gone = Reaction(one.user_id, one.emoji_name, update_at=max(post.update_at, one.at + 1))
            yield drafts.of_reaction(gone, post.id, channel.id, channel.type, removed=True, caught_up=True)
