"""Control commands in posts: `@bot /new`, ` /status`, `/help`, `/stop`, and who may use them.

Mattermost's clients take a text that begins with a slash for a command of their own, so people write a mention or a
blank before it.
"""

from __future__ import annotations

from mattermost_bridge.rules.access import matching_entry
from mattermost_bridge.rules.addressing import without_address
from mattermost_bridge.rules.marking import gettext_noop as _
from mattermost_bridge.rules.mentions import strip_mention
from mattermost_bridge.rules.types import ChannelType, Check, IncomingPost, ListEntry, Policy

NEW, STATUS, HELP, STOP = "new", "status", "help", "stop"
COMMANDS = (NEW, STATUS, HELP, STOP)


def command_in(post: IncomingPost, policy: Policy) -> str:
    """The control command that a post is, without its slash; "" for none, or when text commands are switched off.

    What is left of the text without address and blanks has to be the command and nothing else, in any case of letters.
    """
    if not policy.control_commands or "/" not in post.text:
        return ""
    if post.channel_type is ChannelType.DIRECT:
        text = strip_mention(post.text, policy.bot_username)
    else:
        text = without_address(post.text, policy, post.channel_id, post.channel_type)
    word = text.strip().lower()
    return word[1:] if word[:1] == "/" and word[1:] in COMMANDS else ""


def may_command(post: IncomingPost, policy: Policy, *, now_ms: int) -> Check:
    """Whether the sender may use control commands here; the check's verdict says so.

    With `commands.useAccessGroups` one of the lists that are set has to have them: in a direct message its list with
    the approved pairings, or the one for channels; elsewhere the list for direct messages, without pairings, or the
    one for channels. Without it everybody may who may use the bot.
    """
    name = _("may use control commands")
    if not policy.use_access_groups:
        return Check(name, _("everybody here may"), policy.source_of("use_access_groups"), passed=True)
    lists: list[tuple[str, tuple[ListEntry, ...]]] = [("allow_from", policy.allow_from)]
    if post.channel_type is ChannelType.DIRECT and policy.dm_policy != "allowlist":
        lists.append(("pairings", policy.approved))
    if policy.group_allow_from is not None:
        lists.append(("group_allow_from", policy.group_allow_from))
    for field, entries in lists:
        entry = matching_entry(post.user_id, post.username, entries, now_ms, name_matching=policy.name_matching)
        if entry is not None:
            source = field if field == "pairings" else policy.source_of(field)
            return Check(name, f"{entry.value.strip()} matches (from {entry.source})", source, passed=True)
    return Check(name, _("on none of the lists"), policy.source_of("use_access_groups"), passed=False)
