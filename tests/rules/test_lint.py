"""Settings that cannot work are named, those that work are not."""

from __future__ import annotations

import pytest

from mattermost_bridge.rules.lint import Facts, Finding, ListFacts, Weight, findings

EMPTY, ENDED = ListFacts(), ListFacts(total=2)
NAMED, EVERYBODY = ListFacts(total=2, valid=1), ListFacts(total=1, valid=1, everybody=True)
#: Values with which nothing is to be said.
WELL = {"group_policy": "allowlist", "groups": NAMED}


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (Facts(**WELL), []),
        (Facts(**WELL, dm_policy="disabled"), []),
        (Facts(**WELL, dm_policy="open", direct=EVERYBODY), []),
        (Facts(**WELL, dm_policy="allowlist", direct=NAMED), []),
        (Facts(group_policy="disabled"), []),
        (Facts(group_policy="allowlist", direct=NAMED), []),
        (Facts(**WELL, bridge_on=False), [Finding.BRIDGE_OFF]),
        (Facts(**WELL, has_agent=False), [Finding.NO_AGENT]),
        (Facts(dm_policy="disabled", group_policy="disabled", overrides=3), [Finding.NOBODY_AT_ALL]),
        (Facts(group_policy="disabled", overrides=1), [Finding.GROUPS_UNUSED]),
        (Facts(**WELL, dm_policy="allowlist"), [Finding.DM_LIST_EMPTY]),
        (Facts(**WELL, dm_policy="allowlist", direct=ENDED), [Finding.DM_LIST_ENDED]),
        (Facts(**WELL, dm_policy="open"), [Finding.DM_OPEN_TO_NOBODY]),
        (Facts(**WELL, dm_policy="open", direct=ENDED), [Finding.DM_OPEN_TO_NOBODY]),
        (Facts(**WELL, dm_policy="open", direct=NAMED), [Finding.DM_OPEN_BY_NAME]),
        (Facts(), [Finding.GROUP_LIST_UNSET]),
        (Facts(group_policy_chosen=True), [Finding.GROUP_LIST_EMPTY]),
        (Facts(groups=EMPTY), [Finding.GROUP_LIST_EMPTY]),
        (Facts(groups=EMPTY, direct=NAMED), [Finding.GROUP_LIST_EMPTY]),
        (Facts(groups=ENDED), [Finding.GROUP_LIST_ENDED]),
        (Facts(direct=ENDED), [Finding.GROUP_LIST_ENDED]),
        (Facts(group_policy="open"), [Finding.GROUP_OPEN]),
        (Facts(group_policy="open", mention_everywhere=False), [Finding.GROUP_OPEN_UNASKED]),
        (Facts(**WELL, mention_everywhere=False), []),
        (Facts(**WELL, direct=ListFacts(1, 1, names=1)), [Finding.NAMES_UNUSED]),
        (Facts(groups=ListFacts(1, 1, names=1)), [Finding.NAMES_UNUSED, Finding.GROUP_LIST_EMPTY]),
        (Facts(groups=ListFacts(1, 1, names=1), name_matching=True), [Finding.NAMES_COUNT]),
        (Facts(**WELL, mention_unused=True), [Finding.MENTION_UNUSED]),
        (Facts(**WELL, waking_name="Echo"), [Finding.NAME_WAKES]),
        (Facts(**WELL, waking_name=" Straße "), [Finding.NAME_WAKES]),
        (Facts(**WELL, waking_name="Night shift"), []),
        (Facts(**WELL, waking_name="GPT-5"), []),
        (Facts(**WELL, waking_name="Echo", mention_everywhere=False), []),
        (Facts(group_policy="disabled", waking_name="Echo"), []),
        (Facts(**WELL, dm_scope="main"), [Finding.SESSIONS_SHARED]),
        (Facts(**WELL, dm_scope="main", dm_policy="disabled"), []),
    ],
)
def test_each_setting_is_judged(facts, expected):
    assert list(findings(facts)) == expected


def test_what_matters_most_comes_first():
    found = findings(Facts(group_policy="open", dm_policy="allowlist"))
    assert [finding.weight for finding in found] == [Weight.NEEDS_A_HAND, Weight.NOTE]


def test_an_account_as_it_is_made_needs_no_hand():
    assert all(finding.weight == Weight.NOTE for finding in findings(Facts()))


@pytest.mark.parametrize("finding", Finding)
def test_every_finding_says_what_it_leads_to_and_what_to_do(finding):
    for text in (finding.sentence, finding.remedy):
        assert text.endswith(".")
        assert text[0].isupper()
