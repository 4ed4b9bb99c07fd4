"""A slash command's body is read in both forms, and what is wrong with it gets the documented answer."""

from __future__ import annotations

import json
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mattermost_bridge.rules import slash_payload as rules

FORM = "application/x-www-form-urlencoded"
VALUES = {
    "token": "9dp3yu8ow7rh3r5m8yip5umuqh",
    "team_id": "t" * 26,
    "channel_id": "c" * 26,
    "user_id": "u" * 26,
    "user_name": "alice",
    "command": "/oc_status",
    "text": "  two  words ",
    "trigger_id": "ZXR6",
    "channel_name": "incidents",
    "response_url": "http://127.0.0.1:8065/hooks/commands/cikc",
}


def body(kind: str, **changes: object) -> bytes:
    values = {name: value for name, value in {**VALUES, **changes}.items() if value is not None}
    return (json.dumps(values) if kind == "application/json" else urlencode(values)).encode()


@pytest.mark.parametrize("kind", [FORM, f"{FORM}; charset=utf-8", "application/json", "Application/JSON; charset=x"])
def test_both_forms_say_the_same(kind):
    call = rules.read_call(body(kind.partition(";")[0].lower()), kind)
    assert (call.trigger, call.args, call.username, call.team_id) == ("oc_status", "two  words", "alice", "t" * 26)
    assert call.token == VALUES["token"]
    assert VALUES["token"] not in repr(call)
    assert "hooks" not in repr(call)


@pytest.mark.parametrize("name", ["team_id", "channel_id", "user_id", "command"])
@pytest.mark.parametrize("kind", [FORM, "application/json"])
@pytest.mark.parametrize("value", [None, "", " ", "/a b"])
def test_what_is_missing_or_no_id_makes_it_invalid(kind, name, value):
    with pytest.raises(rules.Refusal) as caught:
        rules.read_call(body(kind, **{name: value}), kind)
    assert (caught.value.status, caught.value.text) == (400, "Invalid slash command payload.")


@pytest.mark.parametrize("token", [None, "", "   "])
def test_no_token_is_a_wrong_one(token):
    with pytest.raises(rules.Refusal) as caught:
        rules.read_call(body(FORM, token=token), FORM)
    assert (caught.value.status, caught.value.text) == (401, "Unauthorized: invalid command token.")


@pytest.mark.parametrize(
    ("kind", "raw"),
    [
        (FORM, b"\xff\xfe"),
        (FORM, b"token=%ff"),
        (FORM, b"&".join([b"a=1"] * 101)),
        ("application/json", b"[]"),
        ("application/json", b'{"token"'),
        ("application/json", b"[" * 50_000),
        ("application/json", b'{"token": 1, "team_id": 2, "channel_id": 3, "user_id": 4, "command": 5}'),
        ("text/plain", b"hello"),
    ],
)
def test_what_cannot_be_read_is_invalid(kind, raw):
    with pytest.raises(rules.Refusal) as caught:
        rules.read_call(raw, kind)
    assert caught.value.status == 400


@given(st.binary(max_size=300), st.sampled_from([FORM, "application/json", "", "x/y"]))
def test_no_body_ends_in_anything_but_a_call_or_a_refusal(raw, kind):
    statuses = []
    try:
        rules.read_call(raw, kind)
    except rules.Refusal as refusal:
        statuses.append(refusal.status)
    assert statuses in ([], [400], [401])


def test_the_first_of_two_equal_fields_counts():
    assert rules.read_call(body(FORM) + b"&command=/oc_stop", FORM).trigger == "oc_status"


@pytest.mark.parametrize(
    ("url", "base", "home"),
    [
        ("https://chat.example.com/hooks/commands/abc", "https://chat.example.com", True),
        ("https://chat.example.com:443/hooks/commands/abc", "https://chat.example.com", True),
        ("https://example.com/chat/hooks/commands/abc", "https://example.com/chat", True),
        ("https://example.com/hooks/commands/abc", "https://example.com/chat", False),
        ("http://chat.example.com/hooks/commands/abc", "https://chat.example.com", False),
        ("https://chat.example.com:8065/hooks/commands/abc", "https://chat.example.com", False),
        ("https://evil.example/hooks/commands/abc", "https://chat.example.com", False),
        ("https://chat.example.com@evil.example/hooks/commands/abc", "https://chat.example.com", False),
        ("https://x@chat.example.com/hooks/commands/abc", "https://chat.example.com", False),
        ("https://chat.example.com/api/v4/users", "https://chat.example.com", False),
        ("https://chat.example.com/hooks/commands/../../api", "https://chat.example.com", False),
        ("https://chat.example.com/hooks/commands/abc?x=1", "https://chat.example.com", False),
        ("https://chat.example.com:x/hooks/commands/abc", "https://chat.example.com", False),
        ("", "https://chat.example.com", False),
    ],
)
def test_only_a_hook_of_the_accounts_own_host_is_used(url, base, home):
    assert rules.leads_home(url, base) is home


@pytest.mark.parametrize(
    ("prompt", "args", "asked"),
    [
        ("Sum up {args} shortly.", "this", "Sum up this shortly."),
        ("Sum up {args}, {args}", "{args}", "Sum up {args}, {args}"),
        ("Sum up.", "this", "Sum up.\n\nthis"),
        ("Sum up.\n", "", "Sum up."),
        ("Sum up {args}", "", "Sum up"),
    ],
)
def test_a_skills_prompt_takes_what_follows_the_command(prompt, args, asked):
    assert rules.prompt_with(prompt, args) == asked


def test_a_channels_name_tells_who_is_in_a_direct_one():
    assert rules.people_of(f"{'a' * 26}__{'b' * 26}") == {"a" * 26, "b" * 26}
    assert rules.people_of("incidents") == frozenset()
    assert (rules.unseen_type("0" * 40), rules.unseen_type("secret-plans")) == ("G", "P")
