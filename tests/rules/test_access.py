"""Who may talk to a bot."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mattermost_bridge.rules.access import decide_direct, decide_group, matching_entry, normalise_entry
from mattermost_bridge.rules.reasons import Reason
from mattermost_bridge.rules.types import ChannelType, IncomingPost, ListEntry, Policy

NOW = 1_000_000
POST = IncomingPost("p1", "u1", "alice", "c1", ChannelType.DIRECT, "hello")
POLICY = Policy("ops", "bot1", "durar", has_agent=True, sources=(("dm_policy", "account"), ("allow_from", "defaults")))

LISTED = (ListEntry("u1"),)
OTHERS = (ListEntry("u2"), ListEntry("u3"))
EVERYBODY = (ListEntry("*"),)
EXPIRED = (ListEntry("u1", expires_ms=NOW),)
BY_NAME = (ListEntry("@alice"),)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("  u1 ", "u1"),
        ("*", "*"),
        (" * ", "*"),
        ("mattermost:U1", "u1"),
        ("MATTERMOST: u1", "u1"),
        ("User:@Alice", "alice"),
        ("user:u1", "u1"),
        ("@Alice", "alice"),
        ("@@alice", "alice"),
        ("accessGroup:Ops", "accessgroup:ops"),
        ("", ""),
        ("  ", ""),
        ("@", ""),
        ("user:", ""),
    ],
)
def test_entries_are_compared_without_prefix_at_sign_and_case(written, read):
    assert normalise_entry(written) == read


@pytest.mark.parametrize(
    ("entry", "name_matching", "matches"),
    [
        (ListEntry("u1"), False, True),
        (ListEntry("user:U1"), False, True),
        (ListEntry("*"), False, True),
        (ListEntry("u2"), False, False),
        (ListEntry("@alice"), False, False),
        (ListEntry("@alice"), True, True),
        (ListEntry("ALICE"), True, True),
        (ListEntry("@bob"), True, False),
        (ListEntry(""), True, False),
        (ListEntry("u1", expires_ms=NOW + 1), False, True),
        (ListEntry("u1", expires_ms=NOW), False, False),
        (ListEntry("*", expires_ms=NOW - 1), False, False),
    ],
)
def test_ids_and_the_wildcard_match_and_names_only_when_that_is_allowed(entry, name_matching, matches):
    found = matching_entry("u1", "alice", (entry,), NOW, name_matching=name_matching)
    assert (found is entry) is matches


def test_a_person_without_a_known_name_matches_no_blank_entry():
    assert matching_entry("u1", "", (ListEntry("@"), ListEntry(" ")), NOW, name_matching=True) is None


@pytest.mark.parametrize(
    ("dm_policy", "allow_from", "approved", "reason"),
    [
        ("disabled", EVERYBODY, LISTED, Reason.DM_DISABLED),
        ("open", EVERYBODY, (), Reason.ADMITTED_DM_OPEN),
        ("open", LISTED, (), Reason.ADMITTED_DM_OPEN),
        ("open", (), (), Reason.DM_NOT_LISTED),
        ("open", OTHERS, LISTED, Reason.DM_NOT_LISTED),
        ("allowlist", LISTED, (), Reason.ADMITTED_DM_LISTED),
        ("allowlist", EVERYBODY, (), Reason.ADMITTED_DM_LISTED),
        ("allowlist", EXPIRED, (), Reason.DM_NOT_LISTED),
        ("allowlist", BY_NAME, (), Reason.DM_NOT_LISTED),
        ("allowlist", (), LISTED, Reason.DM_NOT_LISTED),
        ("pairing", LISTED, (), Reason.ADMITTED_DM_LISTED),
        ("pairing", (), LISTED, Reason.ADMITTED_DM_PAIRED),
        ("pairing", OTHERS, LISTED, Reason.ADMITTED_DM_PAIRED),
        ("pairing", (), (), Reason.PAIRING_REQUIRED),
        ("pairing", OTHERS, OTHERS, Reason.PAIRING_REQUIRED),
        ("pairing", (), EXPIRED, Reason.PAIRING_REQUIRED),
        ("pairing", (), EVERYBODY, Reason.PAIRING_REQUIRED),
        ("pairing", (), BY_NAME, Reason.PAIRING_REQUIRED),
    ],
)
def test_direct_messages(dm_policy, allow_from, approved, reason):
    policy = replace(POLICY, dm_policy=dm_policy, allow_from=allow_from, approved=approved)
    assert decide_direct(POST, policy, now_ms=NOW).reason is reason


@pytest.mark.parametrize(
    ("group_policy", "group_allow_from", "allow_from", "reason"),
    [
        ("disabled", EVERYBODY, EVERYBODY, Reason.GROUP_DISABLED),
        ("open", None, (), None),
        ("open", (), (), None),
        ("open", OTHERS, (), None),
        ("allowlist", None, (), Reason.GROUP_LIST_EMPTY),
        ("allowlist", None, LISTED, None),
        ("allowlist", None, OTHERS, Reason.GROUP_NOT_LISTED),
        ("allowlist", LISTED, (), None),
        ("allowlist", EVERYBODY, (), None),
        ("allowlist", OTHERS, LISTED, Reason.GROUP_NOT_LISTED),
        ("allowlist", (), LISTED, Reason.GROUP_LIST_EMPTY),
        ("allowlist", (), EVERYBODY, Reason.GROUP_LIST_EMPTY),
        ("allowlist", EXPIRED, LISTED, Reason.GROUP_LIST_EMPTY),
        ("allowlist", BY_NAME, (), Reason.GROUP_NOT_LISTED),
    ],
)
def test_channels_and_groups(group_policy, group_allow_from, allow_from, reason):
    policy = replace(POLICY, group_policy=group_policy, group_allow_from=group_allow_from, allow_from=allow_from)
    assert decide_group(POST, policy, now_ms=NOW).reason is reason


def test_names_count_in_both_lists_when_that_is_allowed():
    policy = replace(POLICY, name_matching=True, dm_policy="allowlist", allow_from=BY_NAME)
    assert decide_direct(POST, policy, now_ms=NOW).reason is Reason.ADMITTED_DM_LISTED
    assert decide_group(POST, policy, now_ms=NOW).reason is None


ENTRIES = st.lists(
    st.builds(
        ListEntry,
        st.sampled_from(["u1", "u2", "@alice", "*", "", "user:u1"]),
        expires_ms=st.sampled_from([None, NOW - 1, NOW + 1]),
    ),
    max_size=3,
).map(tuple)
POLICIES = st.builds(
    Policy,
    st.just("ops"),
    st.just("bot1"),
    st.just("durar"),
    has_agent=st.booleans(),
    dm_policy=st.sampled_from(["pairing", "allowlist", "open", "disabled", "nonsense"]),
    group_policy=st.sampled_from(["allowlist", "open", "disabled", "nonsense"]),
    allow_from=ENTRIES,
    group_allow_from=st.none() | ENTRIES,
    approved=ENTRIES,
    name_matching=st.booleans(),
)


@given(POLICIES)
def test_a_block_beats_every_list_and_policy(policy):
    policy = replace(policy, blocked=frozenset({"u1"}))
    assert decide_direct(POST, policy, now_ms=NOW).reason is Reason.BLOCKED
    assert decide_group(POST, policy, now_ms=NOW).reason is Reason.BLOCKED


@given(POLICIES)
def test_an_approved_pairing_never_reaches_channels_and_groups(policy):
    assert decide_group(POST, policy, now_ms=NOW) == decide_group(POST, replace(policy, approved=()), now_ms=NOW)


@given(POLICIES)
def test_an_approved_pairing_changes_nothing_unless_the_policy_is_pairing(policy):
    approved, plain = (
        decide_direct(POST, replace(policy, approved=entries), now_ms=NOW).reason for entries in (LISTED, ())
    )
    assert approved is plain or policy.dm_policy == "pairing"


@given(POLICIES)
def test_nobody_is_asked_to_pair_who_is_listed_or_when_the_policy_is_another(policy):
    if decide_direct(POST, policy, now_ms=NOW).reason is Reason.PAIRING_REQUIRED:
        assert policy.dm_policy == "pairing"
        assert matching_entry("u1", "alice", policy.allow_from, NOW, name_matching=policy.name_matching) is None


@given(POLICIES)
def test_an_unknown_policy_admits_no_more_than_an_allowlist(policy):
    odd = replace(policy, dm_policy="nonsense", group_policy="nonsense")
    strict = replace(policy, dm_policy="allowlist", group_policy="allowlist")
    assert decide_direct(POST, odd, now_ms=NOW).reason is decide_direct(POST, strict, now_ms=NOW).reason
    assert decide_group(POST, odd, now_ms=NOW).reason is decide_group(POST, strict, now_ms=NOW).reason


@given(POLICIES, st.sampled_from([decide_direct, decide_group]))
def test_the_trail_fails_at_its_end_or_nowhere(policy, decide_access):
    verdict = decide_access(POST, policy, now_ms=NOW)
    admitted = verdict.reason is None or verdict.reason.name.startswith("ADMITTED")
    assert all(check.passed is not False for check in verdict.checks[:-1])
    assert (verdict.checks[-1].passed is not False) is admitted


def test_the_trail_says_where_each_value_comes_from():
    checks = decide_direct(POST, replace(POLICY, allow_from=OTHERS), now_ms=NOW).checks
    assert [(check.name, check.value, check.source, check.passed) for check in checks] == [
        ("blocked", "no", "blocked people", True),
        ("direct message policy", "pairing", "account", True),
        ("direct message list", "none of 2 entries matches", "defaults", None),
        ("pairing", "not approved", "pairings", False),
    ]


@pytest.mark.parametrize(
    ("entries", "value"),
    [
        ((), "no valid entry"),
        (OTHERS[:1], "none of 1 entry matches"),
        (EXPIRED, "the entry that matched has expired"),
        (BY_NAME, "only the name alice is listed, and names do not count: list the user id u1"),
    ],
)
def test_the_trail_names_the_closest_miss(entries, value):
    policy = replace(POLICY, dm_policy="allowlist", allow_from=entries)
    assert decide_direct(POST, policy, now_ms=NOW).checks[-1].value == value


def test_the_trail_names_the_entry_that_matched():
    policy = replace(POLICY, allow_from=(ListEntry("user:u1", "panel"),))
    assert decide_direct(POST, policy, now_ms=NOW).checks[-1].value == "user:u1 matches (from panel)"
