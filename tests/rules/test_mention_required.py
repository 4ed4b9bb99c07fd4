"""Whether a post must mention the bot: the channel's own entry, the one for every channel, and then the built-in."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mattermost_bridge.rules.decide import decide
from mattermost_bridge.rules.mentions import mention_required
from mattermost_bridge.rules.reasons import Reason
from mattermost_bridge.rules.types import ChannelType, GroupRule, IncomingPost, Policy

POLICY = Policy("ops", "bot1", "durar", has_agent=True, group_policy="open", sources=(("groups", "account"),))
YES, NO, OPEN = True, False, None


@pytest.mark.parametrize(
    ("groups", "built_in", "required", "source"),
    [
        ({}, True, True, "built-in"),
        ({}, False, False, "built-in"),
        ({"c1": NO}, True, False, "groups[c1] of the account"),
        ({"c1": YES}, False, True, "groups[c1] of the account"),
        ({"*": NO}, True, False, 'groups["*"] of the account'),
        ({"*": YES}, False, True, 'groups["*"] of the account'),
        ({"c1": YES, "*": NO}, True, True, "groups[c1] of the account"),
        ({"*": YES, "c1": NO}, True, False, "groups[c1] of the account"),
        ({"c1": OPEN, "*": NO}, True, False, 'groups["*"] of the account'),
        ({"c1": OPEN, "*": OPEN}, False, False, "built-in"),
        ({"c2": NO}, True, True, "built-in"),
    ],
)
def test_the_nearest_entry_that_says_something_decides(groups, built_in, required, source):
    rules = tuple(GroupRule(channel, value) for channel, value in groups.items())
    assert mention_required(replace(POLICY, groups=rules, require_mention=built_in), "c1") == (required, source)


def test_entries_of_the_defaults_are_called_that():
    policy = replace(POLICY, groups=(GroupRule("*", require_mention=False),), sources=(("groups", "defaults"),))
    assert mention_required(policy, "c1") == (False, 'groups["*"] of the defaults')


@pytest.mark.parametrize("kind", [ChannelType.OPEN, ChannelType.PRIVATE, ChannelType.GROUP])
def test_in_a_channel_that_needs_no_mention_a_post_is_admitted_and_the_trail_says_by_what(kind):
    policy = replace(POLICY, groups=(GroupRule("c1", require_mention=False),))
    decision = decide(IncomingPost("p1", "u1", "alice", "c1", kind, "hello"), policy, now_ms=0)
    assert decision.reason is Reason.ADMITTED_UNMENTIONED
    (check,) = [check for check in decision.trail if check.name == "mention required"]
    assert (check.value, check.source) == ("no", "groups[c1] of the account")
    other = decide(IncomingPost("p1", "u1", "alice", "c2", kind, "hello"), policy, now_ms=0)
    assert other.reason is Reason.NO_MENTION


RULES = st.lists(
    st.builds(GroupRule, st.sampled_from(["c1", "c2", "*"]), st.sampled_from([True, False, None])),
    unique_by=lambda rule: rule.channel_id,
).map(tuple)


@given(RULES, st.booleans())
@settings(deadline=None)
def test_entries_of_other_channels_never_matter(rules, built_in):
    policy = replace(POLICY, groups=rules, require_mention=built_in)
    without = replace(policy, groups=tuple(rule for rule in rules if rule.channel_id != "c2"))
    assert mention_required(policy, "c1") == mention_required(without, "c1")
