"""The key goes to its server and nowhere else: no error, log, traceback or repr contains it."""

from __future__ import annotations

import logging
import traceback

import pytest

from mattermost_bridge.agents.base import AgentError, build
from mattermost_bridge.agents.trial import try_agent

from .conftest import KEY, ask, failure
from .openai_server import breaks_off, hangs_up, refuses, says, sends, streams

ECHOES = [
    refuses(401, f"Incorrect API key provided: {KEY}. You can find yours elsewhere."),
    refuses(401, f"Incorrect API key provided: {KEY[:10]}********{KEY[-4:]}."),
    refuses(400, f"bad header Authorization: Bearer {KEY}"),
    refuses(429, f"{'x' * 290}{KEY}"),
    sends(502, f"<pre>Authorization: Bearer {KEY}</pre>", "text/html"),
    sends(307, "", location=f"https://elsewhere.example/?key={KEY}"),
    sends(200, {"error": {"message": f"key {KEY}"}}),
    streams({"error": {"message": f"key {KEY}", "code": KEY}}),
    sends(200, KEY),
    sends(404, {KEY: KEY}),
    breaks_off(KEY),
    hangs_up(),
    sends(401, "no", set_cookie=f"seen={KEY}"),
    says(""),
]


@pytest.mark.parametrize("reply", ECHOES, ids=[str(number) for number in range(len(ECHOES))])
def test_no_failure_shows_the_key(server, config, caplog, reply):
    caplog.set_level(logging.DEBUG)
    server.reply(reply)
    error = failure(config())
    shown = [str(error), repr(error), str(error.args), error.cause, caplog.text, str(try_agent(config()))]
    shown += traceback.format_exception(error)
    for text in shown:
        assert KEY not in text
        assert KEY[-8:] not in text
        assert KEY[:12] not in text


def test_an_error_carries_no_other_exception_along(server, config):
    server.reply(refuses(401, KEY))
    error = failure(config())
    assert error.__cause__ is None
    assert error.__context__ is None


def test_settings_and_agents_do_not_show_the_key(config):
    assert KEY not in repr(config())
    assert KEY not in str(config())
    assert KEY not in repr(build(config()))


def test_a_good_answer_logs_no_key(server, config, caplog):
    caplog.set_level(logging.DEBUG)
    for name in ("openai", "httpx2"):
        caplog.set_level(logging.DEBUG, logger=name)
    assert ask(config()).text == "Hello."
    assert caplog.records
    assert KEY not in caplog.text


def test_a_key_that_cannot_be_sent_is_refused_without_being_shown(config):
    for key in (f"{KEY}\nX-Evil: 1", f"{KEY}é", f"“{KEY}”"):
        with pytest.raises(AgentError) as caught:
            build(config(api_key=key))
        assert KEY not in caught.value.cause
