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


@dataclass(frozen=True, slots=True)
class Decision:
    """The outcome for one event, its reason code (`rules.reasons.Reason`) and the trail of checks in order.

    `session_key` and `reply_root` are set when the outcome is admitted (or waits for an agent).
    """

    outcome: Outcome
    reason: str
    trail: tuple[Check, ...]
    session_key: str = ""
    reply_root: str = ""


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

    `require_mention` is None when the entry leaves it to the next wider one.
    """

    channel_id: str
    require_mention: bool | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """Everything of one account's effective settings that a decision about an incoming event looks at.

    `group_allow_from` is None when it is set nowhere (then `allow_from` serves), and empty when it was emptied.
    `name_matching` lets entries match usernames too, which people can change (`dangerouslyAllowNameMatching`).
    `groups` is the account's own map or the defaults', never both; its entries count more than `require_mention`.
    `sources` names for each field where its value comes from: account, defaults, built-in.
    """

    account_id: str
    bot_user_id: str
    bot_username: str
    has_agent: bool
    dm_policy: str = "pairing"
    group_policy: str = "allowlist"
    require_mention: bool = True
    groups: tuple[GroupRule, ...] = ()
    allow_from: tuple[ListEntry, ...] = ()
    group_allow_from: tuple[ListEntry, ...] | None = None
    approved: tuple[ListEntry, ...] = ()
    blocked: frozenset[str] = frozenset()
    name_matching: bool = False
    sources: tuple[tuple[str, str], ...] = ()

    def source_of(self, field: str) -> str:
        """Where the value of `field` comes from: account, defaults or built-in."""
        return dict(self.sources).get(field, "built-in")


@dataclass(frozen=True, slots=True)
class IncomingPost:
    """The facts of one post (or edit) that decisions look at. Times are Mattermost's milliseconds."""

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
