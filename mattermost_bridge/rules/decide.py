"""What becomes of a post: the one place where that is decided, with every step of the way."""

from __future__ import annotations

from mattermost_bridge.rules.access import decide_direct, decide_group
from mattermost_bridge.rules.mentions import mention_required, mentions_bot
from mattermost_bridge.rules.reasons import Reason
from mattermost_bridge.rules.routing import reply_root, session_key
from mattermost_bridge.rules.types import ChannelType, Check, Decision, IncomingPost, Outcome, Policy

_CHANNEL_NAMES = {
    ChannelType.OPEN: "open channel",
    ChannelType.PRIVATE: "private channel",
    ChannelType.DIRECT: "direct message",
    ChannelType.GROUP: "group message",
    ChannelType.UNKNOWN: "not known yet",
}


def decide(post: IncomingPost, policy: Policy, *, now_ms: int) -> Decision:
    """What becomes of `post` under an account's effective settings; `now_ms` is now, in milliseconds.

    The checks run in a fixed order and the first that fails ends them. The trail has each of them with the value it
    looked at and where that value comes from. `Reason.PAIRING_REQUIRED` is not final: whether the person gets a code
    depends on the requests that wait (`pairing.after_looking_at_requests`).
    """
    trail: list[Check] = []
    reason = _what_it_is(post, policy, trail)
    if reason is None:
        reason = _who_may(post, policy, now_ms, trail)
    if reason is None:
        reason = _is_it_for_the_bot(post, policy, trail)
    if reason.outcome is not Outcome.ADMITTED:
        return _ended(reason, trail)

    if not post.text.strip() and not post.has_files:
        trail.append(Check("content", "neither text nor files", "post", passed=False))
        return _ended(Reason.EMPTY_POST, trail)

    key = session_key(policy.account_id, post.channel_type, post.channel_id, post.user_id, reply_root(post))
    trail.append(Check("session", key, "post", passed=None))
    if not policy.has_agent:
        trail.append(Check("agent", "none", policy.source_of("has_agent"), passed=False))
        return _ended(Reason.NO_AGENT, trail, key, reply_root(post))
    trail.append(Check("agent", "present", policy.source_of("has_agent"), passed=True))
    return _ended(reason, trail, key, reply_root(post))


def is_ordinary_type(post_type: str) -> bool:
    """Whether a post of this type was written as a message.

    Everything else is Mattermost's own: types that begin with `system_`, and since Mattermost 9 some without that
    prefix, such as `reminder` and `burn_on_read`. So what counts is named, not what does not.
    """
    return post_type in ("", "me", "slack_attachment") or post_type.startswith("custom_")


def _what_it_is(post: IncomingPost, policy: Policy, trail: list[Check]) -> Reason | None:
    """A reason to stop that lies in the post itself, before anybody's rights are looked at."""

    def stops(name: str, value: str, *, when: bool, source: str = "post") -> bool:
        trail.append(Check(name, value, source, passed=not when))
        return when

    if stops("sender", post.user_id or "missing", when=not post.user_id):
        return Reason.SENDER_MISSING
    own = post.user_id == policy.bot_user_id
    if stops("written by the bot itself", "yes" if own else "no", when=own):
        return Reason.OWN_POST
    if stops("post type", post.post_type or "ordinary", when=not is_ordinary_type(post.post_type)):
        return Reason.SYSTEM_POST
    if stops("edit", "yes" if post.is_edit else "no", when=post.is_edit):
        return Reason.EDIT_NOT_CONSIDERED
    if stops("written by a webhook", "yes" if post.from_webhook else "no", when=post.from_webhook):
        return Reason.OTHER_WEBHOOK
    if stops("written by another bot", "yes" if post.from_bot else "no", when=post.from_bot):
        return Reason.OTHER_BOT
    unknown = post.channel_type is ChannelType.UNKNOWN
    if stops("channel type", _CHANNEL_NAMES[post.channel_type], when=unknown, source="Mattermost"):
        return Reason.CHANNEL_TYPE_UNKNOWN
    return None


def _who_may(post: IncomingPost, policy: Policy, now_ms: int, trail: list[Check]) -> Reason | None:
    """The access rules of the kind of channel: None when a channel's post passes, a final reason otherwise."""
    decide_access = decide_direct if post.channel_type is ChannelType.DIRECT else decide_group
    verdict = decide_access(post, policy, now_ms=now_ms)
    trail.extend(verdict.checks)
    return verdict.reason


def _is_it_for_the_bot(post: IncomingPost, policy: Policy, trail: list[Check]) -> Reason:
    """In channels and groups: whether the post mentions the bot, or need not."""
    required, source = mention_required(policy, post.channel_id)
    trail.append(Check("mention required", "yes" if required else "no", source, passed=None))
    name = f"mention of @{policy.bot_username}"
    if mentions_bot(post.text, policy.bot_username):
        trail.append(Check(name, "found", "post", passed=True))
        return Reason.ADMITTED_MENTIONED
    if required:
        trail.append(Check(name, "not found", "post", passed=False))
        return Reason.NO_MENTION
    trail.append(Check(name, "not found", "post", passed=None))
    return Reason.ADMITTED_UNMENTIONED


def _ended(reason: Reason, trail: list[Check], key: str = "", root: str = "") -> Decision:
    if reason.outcome is None:
        raise ValueError(f"The reason {reason} is not one that a decision can end with.")
    return Decision(reason.outcome, reason, tuple(trail), key, root)
