"""Settings of single channels (the entries of `groups`), and the keys that have code and columns of their own."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from mattermost_bridge.config.setting import Group, Kind, Setting, Where
from mattermost_bridge.config.table_shared import CHATMODES, REPLY_MODES


def _channel(key: str, column: str, kind: Kind, label: Any, help_text: Any, **more: Any) -> Setting:
    return Setting(key, column, kind, Group.WHEN, label, help_text, where=Where.CHANNEL, **more)


#: What an entry of `groups` says. Nothing of it is inherited from another owner: the map is taken whole.
CHANNEL: tuple[Setting, ...] = (
    _channel(
        "requireMention",
        "require_mention",
        Kind.FLAG,
        _("mention needed"),
        _("Whether the bot answers only posts that mention it. Direct messages never need a mention."),
        default_words=_("what the entry for * says, or else the chat mode"),
    ),
    _channel(
        "durar.off",
        "off",
        Kind.FLAG,
        _("off"),
        _("The bot keeps silent in this channel, whoever asks it."),
        default=False,
    ),
    _channel(
        "durar.chatmode",
        "chatmode",
        Kind.CHOICE,
        _("chat mode"),
        _("Which posts in this channel the bot answers."),
        default="",
        default_words=_("the account's"),
        choices=CHATMODES,
    ),
    _channel(
        "durar.replyToMode",
        "reply_to_mode",
        Kind.CHOICE,
        _("where answers stand"),
        _("Whether an answer in this channel begins a thread below the post."),
        default="",
        default_words=_("the account's"),
        choices=REPLY_MODES,
    ),
    _channel(
        "durar.instructions",
        "instructions",
        Kind.TEXT,
        _("extra instructions"),
        _("What the agent is told about this channel, after its own instructions."),
        default="",
        default_words=_("none"),
        longest=8000,
    ),
    _channel(
        "durar.agent",
        "agent",
        Kind.BY_HAND,
        _("agent"),
        _("Who answers in this channel, instead of the account's agent."),
        default_words=_("the account's"),
    ),
)


def _own(key: str, group: Group, help_text: Any, words: Any, where: Where = Where.SHARED) -> Setting:
    return Setting(key, "", Kind.BY_HAND, group, key, help_text, where=where, default_words=words)


#: Keys whose values are no single value of a column: lists with people and ends, secrets, other records.
BY_HAND: tuple[Setting, ...] = (
    _own(
        "enabled", Group.CONNECTION, _("Whether the bot listens and answers; section and account both count."), "true"
    ),
    _own("name", Group.CONNECTION, _("What the account is called in the panel."), _("the account's id")),
    _own(
        "botToken",
        Group.CONNECTION,
        _("The bot's token, or a reference to it. In the section it is that of the account default."),
        _("MATTERMOST_BOT_TOKEN, for the account default"),
    ),
    _own(
        "baseUrl",
        Group.CONNECTION,
        _("The server's address; a / or /api/v4 at its end is dropped."),
        _("MATTERMOST_URL, for the account default"),
    ),
    _own("allowFrom", Group.WHO, _("Who may write directly: user ids, *, accessGroup:NAME. Taken whole."), _("nobody")),
    _own(
        "groupAllowFrom",
        Group.WHO,
        _("Who may ask in channels and groups. Taken whole."),
        _("allowFrom, where it is set nowhere"),
    ),
    _own("groups", Group.WHEN, _("What is different in single channels, by channel id or *. Taken whole."), _("none")),
    _own("durar.agent", Group.AGENT, _("The id of the agent that answers."), _("agents.defaults.model.primary")),
    _own("durar.allowFromUntil", Group.WHO, _("When entries of allowFrom end: entry and time."), _("never")),
    _own("durar.groupAllowFromUntil", Group.WHO, _("When entries of groupAllowFrom end."), _("never")),
    _own(
        "accounts",
        Group.CONNECTION,
        _("The accounts by their ids, with the same keys."),
        _("none"),
        Where.SECTION,
    ),
    _own(
        "defaultAccount",
        Group.RARE,
        _("The account that is meant where none is named."),
        _("default, or else the first"),
        Where.SECTION,
    ),
    _own("accessGroups", Group.WHO, _("Named sets of people, with type and members."), _("none"), Where.TOP),
    _own(
        "bindings",
        Group.AGENT,
        _("Which agent answers whom, and where: agentId and match, in order."),
        _("none: the account's agent"),
        Where.TOP,
    ),
    _own(
        "agents.defaults.model.primary",
        Group.AGENT,
        _("The agent of the defaults, as provider/model."),
        _("none: messages wait"),
        Where.TOP,
    ),
    _own(
        "agents.entries",
        Group.AGENT,
        _("Agents by their ids: name, model, groupChat.mentionPatterns, durar."),
        _("none"),
        Where.TOP,
    ),
    _own(
        "models.providers",
        Group.AGENT,
        _("Addresses and keys of OpenAI-compatible servers: baseUrl, apiKey, models."),
        _("none"),
        Where.TOP,
    ),
)
