"""Findings as such: their ids are documented, their order is by level, and addresses are judged as Mattermost does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mattermost_bridge.rules.doctor import Finding, Level, is_broken, worst_first
from mattermost_bridge.rules.doctor_buttons import PostFault, faults_of
from mattermost_bridge.rules.doctor_callbacks import is_allowed, is_private

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "troubleshooting.md"


def ids() -> set[str]:
    """Every id that the rules give, as it stands in their code."""
    code = "".join(path.read_text() for path in (ROOT / "mattermost_bridge" / "rules").glob("doctor*.py"))
    return set(re.findall(r'"([a-z]+\.[a-z_]+)"', code))


def test_every_id_begins_as_the_page_says():
    beginnings = set(re.findall(r"`([a-z]+)`", PAGE.read_text().split("| ids begin with |")[1]))
    assert len(ids()) > 40
    assert {one for one in ids() if one.partition(".")[0] not in beginnings} == set()


def test_every_id_that_the_page_names_is_given():
    table = PAGE.read_text().split("| what you see |")[1].split("## ")[0]
    named = set(re.findall(r"`([a-z]+\.[a-z_]+)`", table))
    made_of_lint_and_parts = {one for one in named if one.startswith("settings.") or one.endswith(".broken")}
    assert len(named) > 30
    assert named - made_of_lint_and_parts <= ids()


def test_what_is_broken_comes_first_and_decides():
    fine, warning, broken = (Finding(level.value, level, "So it is.") for level in reversed(Level))
    assert worst_first([fine, warning, broken]) == [broken, warning, fine]
    assert is_broken([fine, broken])
    assert not is_broken([fine, warning])


@pytest.mark.parametrize(
    ("url", "private"),
    [
        ("http://localhost:18789", True),
        ("http://127.0.0.1", True),
        ("http://[::1]:80", True),
        ("http://10.1.2.3", True),
        ("http://100.64.1.2", True),
        ("http://gateway", True),
        ("http://gateway.tailnet-name.ts.net", True),
        ("http://durar.lan", True),
        ("https://durar.example.com", False),
        ("https://8.8.8.8", False),
    ],
)
def test_addresses_that_mattermost_does_not_call_unless_it_is_told_so(url, private):
    assert is_private(url) is private


@pytest.mark.parametrize(
    ("entries", "allowed"),
    [
        ([], False),
        (["10.0.0.0/8"], True),
        (["10.1.2.3"], True),
        (["10.1.2.4", "gateway"], False),
        (["http://10.1.2.3"], False),
        (["2001:db8::/32"], False),
    ],
)
def test_what_allows_an_address(entries, allowed):
    assert is_allowed("http://10.1.2.3:18789/x", entries) is allowed


def test_a_name_is_allowed_in_any_case():
    assert is_allowed("http://Gateway.Lan/x", ["gateway.lan"])


@pytest.mark.parametrize("props", [None, {}, {"attachments": "x"}, {"attachments": [1, {"actions": ["x", None]}]}])
def test_posts_without_buttons_have_no_faults(props):
    assert faults_of(props) == set()


def test_all_faults_of_a_post_are_found():
    actions = [{"id": "", "name": "Yes"}, {"id": "a-b", "name": " "}, {"id": "ok", "name": "Ok"}]
    assert faults_of({"attachments": [{"actions": actions}]}) == set(PostFault)
