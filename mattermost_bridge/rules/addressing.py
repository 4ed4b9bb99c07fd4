"""Whether a post in a channel or group is for the bot, and what it says without its address."""

from __future__ import annotations

from mattermost_bridge.rules.channel_rules import chatmode, mention_required
from mattermost_bridge.rules.facts import known
from mattermost_bridge.rules.marking import gettext_noop as _
from mattermost_bridge.rules.mention_patterns import find_pattern
from mattermost_bridge.rules.mentions import mentions_bot, onchar_prefix, strip_mention, without_prefix
from mattermost_bridge.rules.reasons import Reason
from mattermost_bridge.rules.types import ChannelType, Check, Fact, IncomingPost, Policy

ONCHAR = "onchar"
#: So long, in milliseconds, a thread in which the bot answered needs no mention.
FOLLOW_UP_MS = 7 * 24 * 3600 * 1000


def is_it_for_the_bot(post: IncomingPost, policy: Policy, trail: list[Check], *, command: str = "") -> Reason:
    """Whether a post of a channel or group mentions the bot, or need not; its checks are added to `trail`.

    `command` is the control command that it is and that its sender may use: that needs no mention.

    The original answers every post where it could not see a mention: its bot's name unknown and no pattern set. Here a
    post is always looked at with the name, since a listener hears nothing before `users/me` told it and it was kept
    (`listeners.account`), and a bot keeps its name from then on. Only *Try a message* can ask about an account that
    never connected; then the trail says so.
    """
    required, source = mention_required(policy, post.channel_id)
    trail.append(Check(_("mention required"), _("yes") if required else _("no"), source, passed=None))
    if _is_mentioned(post, policy, trail):
        return Reason.ADMITTED_MENTIONED
    mode, source = chatmode(policy, post.channel_id)
    if mode == ONCHAR:
        prefix = onchar_prefix(post.text, policy)
        trail.append(Check(_("trigger prefix"), prefix or _("none"), source, passed=True if prefix else None))
        if prefix:
            return Reason.ADMITTED_PREFIX
    if not required:
        return Reason.ADMITTED_UNMENTIONED
    if command:
        trail.append(Check(_("control command"), f"/{command}", "post", passed=True))
        return Reason.ADMITTED_COMMAND
    if _is_follow_up(post, policy, trail):
        return Reason.ADMITTED_FOLLOW_UP
    trail.append(Check(_("is for the bot"), _("no"), "post", passed=False))
    return Reason.NOT_TRIGGERED if mode == ONCHAR else Reason.NO_MENTION


def is_mentioned(text: str, policy: Policy) -> bool:
    """Whether a text mentions the bot by its name or by one of the mention patterns."""
    return mentions_bot(text, policy.bot_username) or bool(find_pattern(text, policy).pattern)


def without_address(text: str, policy: Policy, channel_id: str, channel_type: ChannelType) -> str:
    """What a post says, without the trigger prefix and the mentions of the bot; direct messages stay as they are.

    A text that is nothing but address stays as it is: a bare mention is answered, too.
    """
    if channel_type is ChannelType.DIRECT:
        return text
    said = text
    if policy.groups or policy.chatmode:
        mode, _source = chatmode(policy, channel_id)
        if mode == ONCHAR:
            said = without_prefix(text, onchar_prefix(text, policy))
    said = strip_mention(said, policy.bot_username)
    return said if said.strip() else text


def _is_mentioned(post: IncomingPost, policy: Policy, trail: list[Check]) -> bool:
    name = f"mention of @{policy.bot_username}"
    if mentions_bot(post.text, policy.bot_username):
        trail.append(Check(name, _("found"), "post", passed=True))
        return True
    found = find_pattern(post.text, policy)
    if policy.bot_username:
        trail.append(Check(name, _("not found"), "post", passed=None))
    else:
        trail.append(
            Check(_("mention of the bot"), _("its name is known once it has connected"), "account", passed=None)
        )
    if found.pattern or policy.mention_patterns or found.problems:
        value = "; ".join((*found.problems, f"{found.pattern} matches" if found.pattern else "none matches"))
        source = policy.source_of("mention_patterns")
        trail.append(Check(_("mention patterns"), value, source, passed=True if found.pattern else None))
    return bool(found.pattern)


def _is_follow_up(post: IncomingPost, policy: Policy, trail: list[Check]) -> bool:
    """Whether the post stands in a thread in which the bot answered within the last seven days."""
    if not post.root_id:
        return False
    name, source = _("answered in this thread"), policy.source_of("implicit_thread")
    if not policy.implicit_thread:
        trail.append(Check(name, _("does not count"), source, passed=None))
        return False
    answered = known(post.thread_answered_ms, Fact.THREAD)
    if answered and post.create_at - answered <= FOLLOW_UP_MS:
        trail.append(Check(name, _("within seven days"), source, passed=True))
        return True
    trail.append(Check(name, _("longer ago") if answered else _("no"), source, passed=None))
    return False
