"""An OpenAI-compatible server answers, in all the ways in which such servers do."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from mattermost_bridge.agents import openai_transport
from mattermost_bridge.agents.base import AgentConfig, ErrorKind

from .conftest import KEY, ask, failure
from .openai_server import Exchange, hangs_up, refuses, repeats, says, sends, streams


def chunk(**delta: object) -> dict:
    return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
            "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}  # fmt: skip


def test_a_streamed_answer_comes_with_its_model_and_token_counts(server, config):
    server.reply(says("Good morning, Carol. Ünïcode too: 🦉", pieces=7, usage=(120, 9)))
    answer = ask(config(instructions="Be kind."))
    assert answer.text == "Good morning, Carol. Ünïcode too: 🦉"
    assert (answer.model, answer.input_tokens, answer.output_tokens) == ("test-model", 120, 9)
    assert not answer.truncated
    request = server.requests[0]
    assert request.path == "/v1/chat/completions"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.body["model"] == "test-model"
    assert request.body["stream"] is True
    assert request.messages == [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "hi"}]


def test_a_server_that_does_not_stream_is_understood_as_well(server, config):
    server.reply(says("All at once.", stream=False, usage=(5, 4)))
    answer = ask(config())
    assert (answer.text, answer.input_tokens, answer.output_tokens) == ("All at once.", 5, 4)


def test_a_server_that_reports_no_usage_leaves_the_counts_open(server, config):
    server.reply(says("Hello.", usage=None))
    answer = ask(config())
    assert (answer.input_tokens, answer.output_tokens) == (None, None)


def test_text_in_typed_parts_and_a_refusal_are_text(server, config):
    parts = [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "In parts. "}]
    server.reply(streams(chunk(content=parts), chunk(refusal="I would rather not.")))
    assert ask(config()).text == "In parts. I would rather not."


def test_chunks_that_make_no_sense_are_passed_over(server, config):
    server.reply(streams("7", '"text"', "[]", {"choices": None}, {"choices": ["?"]}, chunk(content="Still here.")))
    assert ask(config()).text == "Still here."


def test_what_a_database_cannot_hold_does_not_come_in(server, config):
    usage = {"prompt_tokens": 10**30, "completion_tokens": True}
    events = [
        chunk(content="Half \ud83e"),
        chunk(content="\udd89, lone \ud800, nul \x00."),
        {"choices": [], "usage": usage},
    ]
    server.reply(streams(*events, {"choices": [], "model": "m" * 5000}))
    answer = ask(config(instructions="lone \ud800"), "lone \udfff")
    assert answer.text == "Half 🦉, lone \ufffd, nul ."
    assert (answer.input_tokens, answer.output_tokens) == (None, None)
    assert len(answer.model) == 200
    assert server.requests[0].messages[-1]["content"] == "lone \ufffd"


def test_a_servers_error_with_half_a_character_can_be_stored(server, config):
    server.reply(refuses(400, "no \ud83e\x00!"))
    assert 'It says: "no \ufffd!"' in failure(config()).cause


def test_without_a_key_none_is_sent_whatever_the_environment_holds(server, config, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-another-server")
    monkeypatch.setenv("OPENAI_ADMIN_KEY", "sk-of-another-server")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-of-another-server")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-of-another-server")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "Authorization: Bearer of-another-server")
    ask(config(api_key=""))
    ask(config(api_key="sk-own-0123456789"))
    without, own = server.requests
    assert "authorization" not in without.headers
    assert own.headers["authorization"] == "Bearer sk-own-0123456789"
    assert "another-server" not in str([without.headers, own.headers])


def test_extra_fields_go_along_with_the_request(server, config):
    ask(config(extra={"temperature": 0.2, "top_k": 5}))
    assert server.requests[0].body["temperature"] == 0.2
    assert server.requests[0].body["top_k"] == 5


def test_an_answer_that_does_not_stop_is_cut(server, config):
    server.reply(says("word " * 1000, pieces=100))
    answer = ask(config(max_answer_chars=300))
    assert len(answer.text) == 300
    assert answer.truncated
    assert answer.text.endswith("(The answer is longer than 300 characters and is cut here.)")


def test_an_answer_that_ran_into_the_models_own_limit_is_marked(server, config):
    server.reply(says("The first half", finish="length"))
    answer = ask(config())
    assert answer.text == "The first half"
    assert answer.truncated


def test_a_response_of_any_size_is_bounded(server, config, monkeypatch):
    monkeypatch.setattr(openai_transport, "MAX_RESPONSE_BYTES", 50_000)

    def reply(exchange: Exchange) -> None:
        exchange.start_stream()
        exchange.until_client_leaves(lambda: exchange.raw(b"x" * 5000), every=0.001)

    server.reply(reply)
    error = failure(config())
    assert error.kind == ErrorKind.BAD_ANSWER
    assert "MiB" in error.cause
    assert server.client_left.wait(10)


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (400, "Unrecognized request argument supplied: stream_options"),
        (422, "messages.0.user.name: Extra inputs are not permitted"),
        (500, "Conversation roles must alternate user/assistant/user/assistant/..."),
        (400, "System role not supported"),
    ],
)
def test_a_strict_server_is_asked_in_the_plain_form_from_then_on(server, config, status, message):
    server.reply(refuses(status, message), says("Now it works."))
    settings = config(instructions="Be kind.")
    assert ask(settings, sender_name="carol").text == "Now it works."
    assert ask(settings, sender_name="carol").text == "Now it works."
    rich, plain, again = (request.body for request in server.requests)
    assert "stream_options" in rich
    assert rich["messages"][-1]["name"] == "carol"
    for body in (plain, again):
        assert "stream_options" not in body
        assert body["messages"] == [{"role": "user", "content": "Be kind.\n\nhi"}]


def test_a_refusal_of_the_plain_form_is_final(server, config):
    server.reply(refuses(400, "bad name"))
    assert failure(config()).kind == ErrorKind.BAD_SETTINGS
    assert len(server.requests) == 2


def test_a_kept_connection_that_the_server_closed_costs_no_answer(server, config):
    assert ask(config()).text == "Hello."
    server.close_connections()
    assert ask(config()).text == "Hello."


def test_a_server_that_hangs_up_is_asked_once_more(server, config):
    server.reply(hangs_up(), says("Sorry, here I am."))
    assert ask(config()).text == "Sorry, here I am."
    assert len(server.requests) == 2


def test_many_threads_get_each_their_own_answer(server, config):
    server.reply(repeats())
    words = [f"word {n}" for n in range(40)]
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda word: ask(config(), word).text, words))
    assert answers == words


def test_agents_share_neither_key_nor_cookies(server, config):
    server.reply(sends(500, {}, set_cookie="session=1; Path=/"), says("Hello."))
    failure(config())
    ask(config(api_key="sk-second-0123456789"))
    assert "cookie" not in server.requests[1].headers
    assert server.requests[1].headers["authorization"] == "Bearer sk-second-0123456789"


def test_a_server_that_echoes_the_key_does_not_get_it_into_a_channel(server, config):
    server.reply(says(f"You are {KEY}!", pieces=1))
    assert ask(config()).text == "You are [redacted]!"


def test_old_clients_are_let_go(server, config, monkeypatch):
    monkeypatch.setattr(openai_transport, "MAX_CLIENTS", 3)
    for number in range(6):
        assert ask(config(api_key=f"sk-number-{number}-0123456789")).text == "Hello."
    assert len(openai_transport._the_loop()._clients) == 3


def test_settings_with_spaces_around_them_work(server, config):
    settings: AgentConfig = config(base_url=f" {server.base_url}/ ", api_key=f"{KEY}\n", model=" test-model ")
    assert ask(settings).text == "Hello."
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
    assert server.requests[0].body["model"] == "test-model"


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
def test_what_a_server_tells_of_the_reasoning_is_kept_beside_the_answer(server, config, name):
    server.reply(streams(chunk(**{name: f"With {KEY} "}), chunk(**{name: "one sees"}), chunk(content="Yes.")))
    answer = ask(config())
    assert answer.text == "Yes."
    assert answer.reasoning == "With [redacted] one sees"
