"""A model asks for tools in all the ways in which servers tell of it, and gets their results."""

from __future__ import annotations

import json

import pytest

from mattermost_bridge.agents import tools
from mattermost_bridge.agents.base import ErrorKind, ToolCall, ToolRound
from mattermost_bridge.agents.openai_calls import LONGEST_ARGUMENTS, Calls
from mattermost_bridge.agents.tools import Abilities, BadCall, read_call

from .conftest import KEY, ask, failure
from .openai_server import asks, refuses, says

TOOLS = (tools.declaration(Abilities(buttons=True, reactions=True, reading=True, targets=("#ops",))),)
CALL = {"action": "send", "message": "Grüße 🦉"}


@pytest.mark.parametrize("stream", [True, False])
def test_calls_are_put_together_from_their_pieces(server, config, stream):
    server.reply(asks(CALL, {"action": "read"}, text="Wait.", stream=stream))
    answer = ask(config(), tools=TOOLS)
    assert answer.text == "Wait."
    assert [(call.id, call.name, json.loads(call.arguments)) for call in answer.calls] == [
        ("c0", "message", CALL),
        ("c1", "message", {"action": "read"}),
    ]
    assert server.requests[0].body["tools"] == list(TOOLS)


@pytest.mark.parametrize("plain", [False, True])
def test_rounds_follow_the_last_message_in_both_forms(server, config, plain):
    if plain:
        server.reply(refuses(400, "Unknown field: stream_options"), says("Done."))
    else:
        server.reply(says("Done."))
    done = ToolRound("Wait.", (ToolCall("c0", "message", '{"a": 1}'), ToolCall("c1", "message", "{broken")), ("r", "s"))
    assert ask(config(instructions="Be kind."), tools=TOOLS, rounds=(done,)).text == "Done."
    messages = server.requests[-1].messages
    assert [message["role"] for message in messages[-4:]] == ["user", "assistant", "tool", "tool"]
    assert [call["function"]["arguments"] for call in messages[-3]["tool_calls"]] == ['{"a": 1}', "{}"]
    assert [(m["tool_call_id"], m["content"]) for m in messages[-2:]] == [("c0", "r"), ("c1", "s")]


def test_only_after_tools_may_an_answer_be_blank(server, config):
    server.reply(says(""))
    assert failure(config(), tools=TOOLS).kind == ErrorKind.BAD_ANSWER
    done = ToolRound("", (ToolCall("c0", "message", "{}"),), ("ok",))
    assert ask(config(), tools=TOOLS, rounds=(done,)).text == ""


def test_an_agent_without_tools_that_calls_one_has_given_no_answer(server, config):
    server.reply(asks(CALL))
    assert "It called a tool, and this agent has none" in failure(config()).cause


def test_a_server_that_takes_no_tools_is_said_with_what_to_do(server, config):
    server.reply(refuses(400, "registry.ollama.ai/library/tiny does not support tools"))
    error = failure(config(), tools=TOOLS)
    assert error.kind == ErrorKind.BAD_SETTINGS
    assert 'switch off "takes tools"' in error.cause


def test_the_key_is_taken_out_of_arguments(server, config):
    server.reply(asks({"action": "send", "message": f"It is {KEY}"}))
    (call,) = ask(config(), tools=TOOLS).calls
    assert KEY not in call.arguments


def test_servers_that_send_no_index_and_no_id_are_understood():
    calls = Calls()
    calls.add([{"function": {"name": "message", "arguments": '{"a"'}}])
    calls.add([{"function": {"arguments": ":1}"}}])
    calls.add([{"function": {"name": "message", "arguments": "{}"}}])
    calls.add("nonsense")
    assert calls.complete() == (
        ToolCall("call_0", "message", '{"a":1}'),
        ToolCall("call_1", "message", "{}"),
    )


def test_arguments_without_end_are_cut():
    calls = Calls()
    for _ in range(3):
        calls.add([{"index": 0, "id": "c", "function": {"name": "message", "arguments": "x" * 60_000}}])
    assert len(calls.complete()[0].arguments) == LONGEST_ARGUMENTS


def test_only_what_works_here_is_declared():
    function = tools.declaration(Abilities())["function"]
    assert function["parameters"]["properties"]["action"]["enum"] == ["send"]
    assert set(function["parameters"]["properties"]) == {"action", "to", "message", "files", "replyToId"}
    assert "there is no other place" in function["parameters"]["properties"]["to"]["description"]


def wanted(**arguments: object) -> tools.Wanted:
    return read_call(ToolCall("c", "message", json.dumps(arguments)), Abilities(buttons=True))


def test_arguments_are_read_by_all_their_names():
    post = "p" * 26
    found = wanted(action="send", target=" @bob ", text="hi\x00", mediaUrl="a.txt", replyTo=post)
    assert (found.to, found.message, found.files, found.reply_to) == ("@bob", "hi", ("a.txt",), post)
    assert wanted(action="react", postId=post, emoji="eyes", remove="true").remove is False
    assert wanted(action="react", postId=post, emoji="eyes", remove=True).remove is True
    rows = [[{"text": "\ud800", "callback_data": "a"}]]
    assert wanted(action="buttons", buttons=json.dumps(rows)).buttons == rows


def test_what_is_nested_too_deeply_is_said():
    with pytest.raises(BadCall, match=r"nested too deeply|no JSON"):
        read_call(ToolCall("c", "message", "[" * 50_000), Abilities())
