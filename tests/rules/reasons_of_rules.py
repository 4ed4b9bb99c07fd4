"""For each reason that the rules give, a message, reaction, edit or click that ends with it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from mattermost_bridge.rules.decide import decide
from mattermost_bridge.rules.pairing import MAX_WAITING, after_looking_at_requests
from mattermost_bridge.rules.reasons import Reason
from mattermost_bridge.rules.types import (
    ChannelType,
    Decision,
    Earlier,
    GroupRule,
    IncomingPost,
    ListEntry,
    Policy,
)

NOW = 2_000_000_000
HOUR = 3_600_000
OPEN = IncomingPost("p1", "u1", "alice", "c1", ChannelType.OPEN, "hello", create_at=NOW)
DIRECT = replace(OPEN, channel_type=ChannelType.DIRECT)
MENTION = replace(OPEN, text="@durar hello")
CLICK = replace(DIRECT, button="Yes")
POLICY = Policy("ops", "bot1", "durar", has_agent=True, group_policy="open")
ME = (ListEntry("u1"),)


@dataclass(frozen=True)
class Case:
    """A post under a policy that is changed so; `requests` are the pairing requests that wait, if it comes to that."""

    post: IncomingPost
    changes: dict[str, Any] = field(default_factory=dict)
    has_request: bool = False
    waiting: int = 0

    def decided(self) -> Decision:
        """What becomes of it."""
        decision = decide(self.post, replace(POLICY, **self.changes), now_ms=NOW)
        return after_looking_at_requests(decision, has_request=self.has_request, waiting=self.waiting)


CASES: dict[Reason, Case] = {
    Reason.OWN_POST: Case(replace(OPEN, user_id="bot1")),
    Reason.SYSTEM_POST: Case(replace(OPEN, post_type="system_join_channel")),
    Reason.OTHER_BOT: Case(replace(MENTION, from_bot=True)),
    Reason.OTHER_WEBHOOK: Case(replace(MENTION, from_webhook=True)),
    Reason.SENDER_MISSING: Case(replace(OPEN, user_id="")),
    Reason.EMPTY_POST: Case(replace(DIRECT, text=" \n"), {"approved": ME}),
    Reason.EDIT_NOT_CONSIDERED: Case(replace(MENTION, is_edit=True, earlier=Earlier(known=True, admitted=True))),
    Reason.NO_MENTION: Case(OPEN),
    Reason.NOT_TRIGGERED: Case(OPEN, {"chatmode": "onchar"}),
    Reason.TOO_OLD: Case(replace(MENTION, create_at=NOW - 25 * HOUR, found_ms=NOW)),
    Reason.BLOCKED: Case(DIRECT, {"blocked": frozenset({"u1"}), "approved": ME}),
    Reason.DM_DISABLED: Case(DIRECT, {"dm_policy": "disabled", "allow_from": ME}),
    Reason.DM_NOT_LISTED: Case(DIRECT, {"dm_policy": "allowlist", "approved": ME}),
    Reason.PAIRING_REQUIRED: Case(DIRECT, waiting=MAX_WAITING - 1),
    Reason.PAIRING_REPEATED: Case(DIRECT, has_request=True, waiting=MAX_WAITING),
    Reason.PAIRING_QUEUE_FULL: Case(DIRECT, waiting=MAX_WAITING),
    Reason.REACTION_NOT_PAIRED: Case(replace(DIRECT, is_reaction=True)),
    Reason.REACTION_NOTED: Case(replace(OPEN, is_reaction=True, reacted="")),
    Reason.CLICK_NOT_PAIRED: Case(CLICK),
    Reason.CLICK_NOT_OPENER: Case(replace(CLICK, opener_id="u2"), {"approved": ME}),
    Reason.ADMITTED_CLICK: Case(replace(CLICK, opener_id="u1"), {"approved": ME}),
    Reason.CHANNEL_OFF: Case(MENTION, {"groups": (GroupRule("*", off=True),)}),
    Reason.COMMAND_REFUSED: Case(replace(OPEN, text="@durar /new")),
    Reason.LOOP_BUDGET: Case(replace(MENTION, from_bot=True, bot_turns=5), {"answers_bots": True}),
    Reason.GROUP_DISABLED: Case(MENTION, {"group_policy": "disabled"}),
    Reason.GROUP_LIST_EMPTY: Case(MENTION, {"group_policy": "allowlist", "allow_from": ME, "group_allow_from": ()}),
    Reason.GROUP_NOT_LISTED: Case(MENTION, {"group_policy": "allowlist", "allow_from": (ListEntry("u2"),)}),
    Reason.ADMITTED_DM_OPEN: Case(DIRECT, {"dm_policy": "open", "allow_from": (ListEntry("*"),)}),
    Reason.ADMITTED_DM_LISTED: Case(DIRECT, {"allow_from": ME}),
    Reason.ADMITTED_DM_PAIRED: Case(DIRECT, {"approved": ME}),
    Reason.ADMITTED_MENTIONED: Case(MENTION),
    Reason.ADMITTED_UNMENTIONED: Case(OPEN, {"chatmode": "onmessage"}),
    Reason.ADMITTED_PREFIX: Case(replace(OPEN, text="> hello"), {"chatmode": "onchar"}),
    Reason.ADMITTED_FOLLOW_UP: Case(replace(OPEN, root_id="r", thread_answered_ms=NOW - HOUR)),
    Reason.ADMITTED_COMMAND: Case(replace(OPEN, text=" /stop"), {"allow_from": ME}),
    Reason.ADMITTED_SLASH: Case(replace(OPEN, slash="oc_summary")),
    Reason.CHANNEL_TYPE_UNKNOWN: Case(replace(MENTION, channel_type=ChannelType.UNKNOWN)),
    Reason.NO_AGENT: Case(MENTION, {"has_agent": False}),
}
