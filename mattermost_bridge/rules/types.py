"""The plain values that the rules take and give."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ChannelType(StrEnum):
    """Mattermost's channel types; `UNKNOWN` until the channel has been looked up."""

    OPEN = "O"
    PRIVATE = "P"
    DIRECT = "D"
    GROUP = "G"
    UNKNOWN = ""


class Outcome(StrEnum):
    """What was decided about an event."""

    IGNORED = "ignored"  # not meant for the bot
    REFUSED = "refused"  # meant for the bot, by somebody who may not
    CHALLENGED = "challenged"  # the sender was asked to have a pairing code approved
    ADMITTED = "admitted"  # it gets a turn
    WAITING = "waiting"  # nothing can be decided yet; the reason says what is missing


@dataclass(frozen=True, slots=True)
class Check:
    """One step of a decision: what was looked at, the value found, where that value comes from, and the verdict.

    `passed` is None for a step that only notes a fact.
    """

    name: str
    value: str
    source: str
    passed: bool | None


class Fact(StrEnum):
    """What only the records know. A decision asks for it when it matters, and is made again with the answer."""

    THREAD = "thread"  # when the bot last answered in the post's thread: `IncomingPost.thread_answered_ms`
    EARLIER = "earlier"  # what is known of an edited post's earlier versions: `IncomingPost.earlier`
    BOT_TURNS = "bot_turns"  # how often this bot was admitted lately: `IncomingPost.bot_turns`
    TEAM = "team"  # the team of the post's channel: `IncomingPost.team_id`
    REACTED = "reacted"  # the thread of the post that somebody reacted to: `IncomingPost.reacted`


@dataclass(frozen=True, slots=True)
class Decision:
    """The outcome for one event, its reason code (`rules.reasons.Reason`) and the trail of checks in order.

    `session_key` and `reply_root` are set when the outcome is admitted (or waits for an agent); `parent_key` is the
    channel's session when this one is a thread's. `agent` is the slug of the agent that a binding or a channel's own
    entry names, "" for the account's own. `command` is the control command that the post is, without its slash.
    `asks` names facts that were not looked up yet: until they are, this is no decision.
    """

    outcome: Outcome
    reason: str
    trail: tuple[Check, ...]
    session_key: str = ""
    reply_root: str = ""
    parent_key: str = ""
    agent: str = ""
    command: str = ""
    asks: tuple[Fact, ...] = ()


@dataclass(frozen=True, slots=True)
class ListEntry:
    """One entry of an access list as configured: a user id, `@name`, `*`, with or without prefix.

    `expires_ms` is milliseconds since the epoch, or None for no end. `source` is config, panel, pairing, or the access
    group through which somebody stands on the list.
    """

    value: str
    source: str = "config"
    expires_ms: int | None = None


@dataclass(frozen=True, slots=True)
class GroupRule:
    """One entry of `groups`: what holds in the channel `channel_id`, or for `*` in every channel without its own.

    `require_mention` is None, and a text empty, when the entry leaves that to the next wider one. `off` is said by the
    channel's own entry when there is one, else by `*`. `agent` is a slug; `instructions` are for the agent, beside its
    own.
    """

    channel_id: str
    require_mention: bool | None = None
    off: bool = False
    chatmode: str = ""
    reply_to_mode: str = ""
    agent: str = ""
    instructions: str = ""


@dataclass(frozen=True, slots=True)
class Binding:
    """One entry of `bindings`: which agent (a slug) answers where. Everything that is set has to match.

    `account_id` is an account, `*` for every one, "" for the account `default`. `peer_kind` is direct, channel or
    group, the latter two being the same here, "" for any; `peer_id` is a person (direct) or a channel, `*` for every
    one of that kind, "" for no condition.
    """

    agent: str
    account_id: str = ""
    peer_kind: str = ""
    peer_id: str = ""
    team_id: str = ""


@dataclass(frozen=True, slots=True)
class Policy:
    """Everything of one account's effective settings that a decision about an incoming event looks at.

    `group_allow_from` is None when it is set nowhere (then `allow_from` serves), and empty when it was emptied.
    `name_matching` lets entries match usernames too, which people can change (`dangerouslyAllowNameMatching`).
    `groups` is the account's own map or the defaults', never both; its entries count more than `chatmode`, and that
    more than the older `require_mention` (None: not set).
    `mention_patterns` are regular expressions that count as a mention; None: made from the agent's name; (): none.
    `reply_to_mode_by_type` has pairs of direct, group or channel and a mode. `identity_links` has pairs of a name and
    the ids (`mattermost:<user id>`) that are the same person. `bindings` say in their order who answers where.
    `agent_slug` and `agent_name` are of the account's own agent (or the defaults').
    `answers_bots` lets posts of other bots and of webhooks be senders, of which each is answered `bot_turns` times
    within ten minutes in one channel. What catch-up finds older than `answer_within_hours` is not answered; None or 0
    is no limit.
    `sources` names for each field where its value comes from: account, defaults, built-in.
    """

    account_id: str
    bot_user_id: str
    bot_username: str
    has_agent: bool
    dm_policy: str = "pairing"
    group_policy: str = "allowlist"
    require_mention: bool | None = None
    groups: tuple[GroupRule, ...] = ()
    allow_from: tuple[ListEntry, ...] = ()
    group_allow_from: tuple[ListEntry, ...] | None = None
    approved: tuple[ListEntry, ...] = ()
    blocked: frozenset[str] = frozenset()
    name_matching: bool = False
    sources: tuple[tuple[str, str], ...] = ()
    chatmode: str = ""
    onchar_prefixes: tuple[str, ...] = (">", "!")
    mention_patterns: tuple[str, ...] | None = None
    agent_slug: str = ""
    agent_name: str = ""
    implicit_thread: bool = True
    reply_to_mode: str = "off"
    reply_to_mode_by_type: tuple[tuple[str, str], ...] = ()
    dm_scope: str = "per-account-channel-peer"
    identity_links: tuple[tuple[str, tuple[str, ...]], ...] = ()
    bindings: tuple[Binding, ...] = ()
    control_commands: bool = True
    use_access_groups: bool = True
    answers_bots: bool = False
    bot_turns: int = 5
    answer_within_hours: float | None = 24

    def source_of(self, field: str) -> str:
        """Where the value of `field` comes from: account, defaults or built-in."""
        return dict(self.sources).get(field, "built-in")


@dataclass(frozen=True, slots=True)
class Earlier:
    """What is known of the versions of a post before this edit of it.

    `known` is False when none was ever heard. `admitted`: one of them got, or gets, an answer. `mentioned`: one of
    them mentioned the bot.
    """

    known: bool
    admitted: bool = False
    mentioned: bool = False


@dataclass(frozen=True, slots=True)
class IncomingPost:
    """The facts of one post, edit, reaction, click or slash command that decisions look at. Times are Mattermost's
    milliseconds.

    `post_id` is the post that was written, edited or reacted to, or whose button was clicked: `button` is what that
    shows, "" for everything but clicks, and `opener_id` the only person who may click it, "" for no such condition.
    `slash` is the trigger of a slash command, "" for everything else; `controls` says that it is a control command,
    which needs no agent.
    `found_ms` is when catch-up found it, 0 for what was
    heard live. The last five are looked up only when a decision asks for them; None is "not looked up".
    `thread_answered_ms` is 0 when the bot never answered in the thread. `reacted` is the root of the thread of the post
    that somebody reacted to, "" for a post outside a thread or one that is not known.
    """

    post_id: str
    user_id: str
    username: str  # lower-case, without "@"; "" when not known
    channel_id: str
    channel_type: ChannelType
    text: str
    root_id: str = ""
    post_type: str = ""  # "" for ordinary posts, "system_…", "me", "slack_attachment", "custom_…"
    from_bot: bool = False
    from_webhook: bool = False
    create_at: int = 0
    is_edit: bool = False
    has_files: bool = False
    is_reaction: bool = False
    button: str = ""
    opener_id: str = ""
    slash: str = ""
    controls: bool = False
    found_ms: int = 0
    thread_answered_ms: int | None = None
    earlier: Earlier | None = None
    bot_turns: int | None = None
    team_id: str | None = None
    reacted: str | None = None
