"""What Mattermost sends with a click, read: its time, its person, and words for people."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mattermost_bridge.rules.clicks import Refusal, clicked_at, message_of, parse_body, read_click, room_of
from mattermost_bridge.rules.signatures import sign

NOW = 1_795_344_000_000
SECRET, OLD = "s" * 64, "o" * 64


def trigger(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("trigger_id", "at"),
    [
        (trigger(f"client:person:{NOW - 5}:signature"), NOW - 5),
        (trigger(f"client:person:{NOW - 5}"), NOW - 5),
        (trigger("client:person:5:signature"), NOW),  # no server is so far away
        (trigger(f"client:person:{NOW + 10**9}:signature"), NOW),
        (trigger("client:person:soon:signature"), NOW),
        (trigger("client"), NOW),
        ("no base64!", NOW),
        ("", NOW),
    ],
)
def test_the_time_of_a_click_is_the_servers(trigger_id, at):
    assert clicked_at(trigger_id, NOW) == at


def payload(context: dict, secret: str = SECRET, **values) -> dict:
    signed = {**context, "_token": sign(context, secret)}
    return {"user_id": "u1", "user_name": "alice", "channel_id": "c1", "post_id": "p1", "context": signed} | values


def test_a_click_is_read_with_what_was_signed():
    context = {"action_id": "yes", "callback_data": "y-es", "__durar_generation": "g1", "ticket": 7}
    click = read_click(payload(context, channel_name="support", trigger_id="t"), [(SECRET, False)])
    assert (click.user_id, click.username, click.channel_id, click.post_id) == ("u1", "alice", "c1", "p1")
    assert (click.action_id, click.value, click.generation, click.trigger_id) == ("yes", "y-es", "g1", "t")
    assert click.context == context
    assert not click.too_old


def test_an_old_secret_makes_an_old_click():
    known = [(SECRET, False), (OLD, True)]
    assert read_click(payload({"action_id": "yes"}, OLD), known).too_old
    assert not read_click(payload({"action_id": "yes"}), known).too_old


def test_without_any_secret_nothing_is_signed():
    with pytest.raises(Refusal, match="Invalid token"):
        read_click(payload({"action_id": "yes"}), [])


@pytest.mark.parametrize("name", ["@all", "a b", "**x**", "", 5, None, "x" * 65])
def test_a_name_that_nobody_can_have_is_none(name):
    assert read_click(payload({"action_id": "yes"}, user_name=name), [(SECRET, False)]).username == ""


def answer_to(body: bytes) -> tuple[int, str]:
    """The status and error that a body is refused with; (200, "") for a click."""
    try:
        read_click(parse_body(body), [(SECRET, False)])
    except Refusal as refusal:
        return refusal.status, refusal.error
    return 200, ""


@given(st.binary(max_size=200))
def test_any_bytes_are_refused(body):
    assert answer_to(body) in ((400, "Invalid request body"), (400, "Missing context"))


@given(st.dictionaries(st.text(max_size=5), st.none() | st.integers() | st.text(max_size=5) | st.lists(st.none())))
def test_any_object_without_a_context_is_refused(value):
    assert answer_to(json.dumps(value).encode()) == (400, "Missing context")


def test_words_for_people_and_agents():
    assert message_of("Yes", "alice") == '[Button click: user @alice selected "Yes"]'
    assert [room_of(kind, "support") for kind in ("O", "P", "G", "D")] == [
        "~support",
        "~support",
        "this group message",
        "this direct message",
    ]
    assert room_of("O", "") == "this channel"
