"""Secrets never reach a log line, whatever carries them there."""

from __future__ import annotations

import io
import json
import logging

import pytest
import structlog

from mattermost_bridge import logging as durar_logging
from mattermost_bridge.logging import REMOVED, is_secret_key, redact_text, redact_value

TOKEN = "8x3kq1zpdtnyf7a9mw5ehr2ocu"
FERNET = "Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm9vYmFyYmE="


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (f"Authorization: Bearer {TOKEN}", TOKEN),
        (f"authorization: token {TOKEN}", TOKEN),
        (f"GET /hooks?token={TOKEN}&x=1", TOKEN),
        (f'{{"seq": 1, "action": "ping", "data": {{"token": "{TOKEN}"}}}}', TOKEN),
        (f'"{{\\"token\\":\\"{TOKEN}\\"}}"', TOKEN),
        (f"{{'bot_token': '{TOKEN}', 'name': 'x'}}", TOKEN),
        (f"{{'token': b'{TOKEN}'}}", TOKEN),
        (f"MMAUTHTOKEN={TOKEN}; path=/", TOKEN),
        ("{'password': 'two words, and a comma'}", "two words, and a comma"),
        ("password=hunter2", "hunter2"),
        ("apiKey: abcdefghij", "abcdefghij"),
        ("client_secret => abcdefghij", "abcdefghij"),
        ("postgres://durar:pa55@db/durar", "pa55"),
        ("redis://:pa55@broker:6379/0", "pa55"),
        ("https://someone:pa55@chat.example.com/api", "pa55"),
        ("Incorrect API key provided: sk-proj-abcdef123456", "sk-proj-abcdef123456"),
        (f"the key {FERNET} is wrong", FERNET),
    ],
)
def test_a_text_loses_its_secret(text, secret):
    assert secret not in redact_text(text)
    assert REMOVED in redact_text(text)


@pytest.mark.parametrize(
    "text",
    [
        "The bot token is missing. Enter it, or set MATTERMOST_BOT_TOKEN.",
        f"post {TOKEN} in channel {TOKEN}: sent",
        "prompt_tokens=12 completion_tokens=3",
        "token=None password=None",
        "https://chat.example.com:8065/api/v4/users/me",
        "phase=token_refused reason=The server refused the token.",
        "a basic setting and a bearer of news",
    ],
)
def test_a_text_without_secrets_stays_as_it_is(text):
    assert redact_text(text) == text


def test_json_stays_json():
    line = json.dumps({"event": "failed", "token": TOKEN, "url": "redis://a:b@c/0", "n": 1})
    assert json.loads(redact_text(line)) == {
        "event": "failed",
        "token": REMOVED,
        "url": f"redis://{REMOVED}@c/0",
        "n": 1,
    }


@pytest.mark.parametrize(
    "name",
    ["token", "bot_token", "botToken", "secret", "password", "api_key", "apiKey", "Authorization", "HTTP_AUTHORIZATION",
     "x-api-key", "DJANGO_SECRET_KEY", "DURAR_ENCRYPTION_KEYS", "cookie", "bottoken"],
)  # fmt: skip
def test_a_field_with_such_a_name_is_removed(name):
    assert is_secret_key(name)
    assert redact_value("anything", name) == REMOVED
    assert redact_value({"outer": [{name: "anything"}]}) == {"outer": [{name: REMOVED}]}


@pytest.mark.parametrize(
    "name", ["prompt_tokens", "token_problem", "key", "event", "account", "secretary", "max_tokens"]
)
def test_other_fields_stay(name):
    assert redact_value("anything", name) == "anything"


def test_whether_there_is_a_token_may_be_said():
    assert redact_value(True, "token") is True
    assert redact_value(None, "token") is None
    assert redact_value("", "token") == ""


def test_values_that_were_named_are_removed_wherever_they_stand(monkeypatch):
    monkeypatch.setattr(durar_logging, "_hidden", set())
    durar_logging.hide("correct horse battery", "short")
    assert redact_text("it said: correct horse battery!") == f"it said: {REMOVED}!"
    assert redact_text("a short word") == "a short word"


@pytest.mark.parametrize("as_json", [False, True])
def test_no_secret_passes_the_handler(as_json):
    """Message, arguments, fields, nested fields, the exception, its cause, and local variables of its frames."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(durar_logging.formatter(as_json=as_json))
    logger = logging.getLogger("mattermost_bridge.tests.redaction")
    logger.setLevel("INFO")
    logger.propagate = False
    logger.addHandler(handler)

    def refused() -> None:
        local_variable = {"nobody": TOKEN}
        try:
            raise KeyError(f"token={TOKEN}")
        except KeyError as cause:
            raise ValueError(f"Bearer {TOKEN} was refused by https://u:{FERNET[:9]}@host") from cause
        finally:
            del local_variable

    try:
        logger.warning("token=%s and %r", TOKEN, {"password": "hunter2hunter2"})
        structlog.get_logger(logger.name).info(
            "asked", headers={"Authorization": f"Bearer {TOKEN}"}, api_key="plain-key"
        )
        try:
            refused()
        except ValueError:
            logger.exception("It failed with authorization=%s", TOKEN)
            structlog.get_logger(logger.name).exception("again", bot_token=TOKEN)
    finally:
        logger.removeHandler(handler)
        logger.propagate = True

    written = stream.getvalue()
    for secret in (TOKEN, "hunter2hunter2", "plain-key", FERNET[:9]):
        assert secret not in written
    assert "was refused by" in written
    assert written.count(REMOVED) >= 6
    if as_json:
        lines = [json.loads(line) for line in written.splitlines()]
        assert [line["event"] for line in lines][1::2] == ["asked", "again"]
        assert "Traceback" in lines[2]["exception"]


def test_no_logger_has_a_handler_that_writes_past_the_redaction():
    settings = durar_logging.log_settings(as_json=False, level="INFO")
    assert list(settings["handlers"]) == ["out"]
    assert settings["root"]["handlers"] == ["out"]
    assert not any(logger.get("handlers") for logger in settings["loggers"].values())


def test_a_level_that_does_not_exist_stops_the_start():
    with pytest.raises(durar_logging.ImproperlyConfigured, match="DURAR_LOG_LEVEL is 'LOUD'"):
        durar_logging.log_settings(as_json=False, level="loud")
