"""What a model is told: instructions, history with names, and who speaks where."""

from __future__ import annotations

import pytest

from mattermost_bridge.agents.base import AgentRequest, Image, Message
from mattermost_bridge.agents.openai_messages import BadAddressError, chat_messages, normalise_base_url


def test_a_direct_message_is_plain_text_after_instructions_and_history():
    request = AgentRequest(
        text="and now?",
        history=(Message("user", "hi", "carol"), Message("assistant", "Hello.", "bot")),
        sender_name="carol",
    )
    assert chat_messages(request, "Be kind.") == [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "hi", "name": "carol"},
        {"role": "assistant", "content": "Hello."},
        {"role": "user", "content": "and now?", "name": "carol"},
    ]


def test_what_stands_around_the_text_and_the_channel_s_instructions_come_with_it():
    request = AgentRequest(text="hi", before="[c0de] carol:\n", after="\n[c0de] A file.", instructions="Be brief.")
    assert chat_messages(request, "Be kind.") == [
        {"role": "system", "content": "Be kind.\n\nBe brief."},
        {"role": "user", "content": "[c0de] carol:\nhi\n[c0de] A file."},
    ]


def test_a_chat_that_shows_buttons_is_told_to_be_one():
    told = chat_messages(AgentRequest(text="hi", capabilities=("InlineButtons",)), "Be kind.")[0]["content"]
    assert told.startswith("Be kind.\n\nThis chat can show buttons (inlineButtons).")
    assert "button" not in str(chat_messages(AgentRequest(text="hi", capabilities=("polls",)), "Be kind."))


@pytest.mark.parametrize("plain", [False, True])
def test_images_are_parts_of_the_last_message(plain: bool):
    request = AgentRequest(
        text="what is it?", history=(Message("user", "a"),), images=(Image("a.png", "image/png", b"\x89PNG"),)
    )
    said = "a\n\nwhat is it?" if plain else "what is it?"
    assert chat_messages(request, "", plain=plain)[-1]["content"] == [
        {"type": "text", "text": said},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw=="}},
    ]


def test_in_a_channel_the_history_says_who_spoke():
    request = AgentRequest(text="x", history=(Message("user", "hi", "dave"),), sender_name="c", channel_kind="channel")
    assert chat_messages(request, "")[0] == {"role": "user", "content": "[dave]\nhi", "name": "dave"}


def test_a_name_cannot_forge_a_header_or_break_the_api():
    history = (Message("user", "hi", "eve]\n[root <x>"),)
    message = chat_messages(AgentRequest(text="x", history=history, channel_kind="channel"), "")[0]
    assert message["content"] == "[eve) (root <x>]\nhi"
    assert message["name"] == "eve_root_x"
    assert "name" not in chat_messages(AgentRequest(text="hi", sender_name="зоя"), "")[-1]


def test_the_plain_form_takes_turns_and_has_neither_names_nor_a_system_role():
    request = AgentRequest(
        text="c",
        history=(Message("user", "a", "carol"), Message("user", "b", "carol"), Message("assistant", "B")),
        sender_name="carol",
    )
    assert chat_messages(request, "Be kind.", plain=True) == [
        {"role": "user", "content": "Be kind.\n\na\n\nb"},
        {"role": "assistant", "content": "B"},
        {"role": "user", "content": "c"},
    ]


def test_the_plain_form_begins_with_a_person():
    request = AgentRequest(text="c", history=(Message("assistant", "B"),))
    assert chat_messages(request, "", plain=True) == [{"role": "user", "content": "c"}]


@pytest.mark.parametrize(
    ("raw", "base_url"),
    [
        (" https://api.example.com/v1/ ", "https://api.example.com/v1"),
        ("HTTP://LocalHost:11434/v1//", "http://localhost:11434/v1"),
        ("https://h/v1/chat/completions", "https://h/v1"),
        ("https://h", "https://h"),
        ("http://[::1]:8080/v1", "http://[::1]:8080/v1"),
        ("https://bücher.example/v1", "https://xn--bcher-kva.example/v1"),
    ],
)
def test_addresses_are_brought_to_one_form(raw: str, base_url: str):
    assert normalise_base_url(raw) == base_url
    assert normalise_base_url(base_url) == base_url


@pytest.mark.parametrize(
    "raw",
    ["", "h/v1", "ftp://h", "https://", "http://h:99999/v1", "http://h:x/", "http://h/a b", "http://u:pass@h/v1",
     "https://h/v1?key=pass", "https://h/v1#pass", "http://[::1/v1", "http://h\x00/v1", "http://.h/v1"],
)  # fmt: skip
def test_addresses_that_cannot_work_are_refused_without_repeating_what_may_be_secret(raw: str):
    with pytest.raises(BadAddressError) as caught:
        normalise_base_url(raw)
    assert "pass@" not in str(caught.value)
    assert "=pass" not in str(caught.value)
