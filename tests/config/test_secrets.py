"""References to secrets: what they may name, what they find, and that no error text holds a secret."""

from __future__ import annotations

import json

import pytest

from mattermost_bridge.config.secrets import SecretProblem, check_reference, from_object, resolve


@pytest.fixture
def folder(settings, tmp_path):
    settings.SECRETS_DIR = tmp_path / "secrets"
    settings.SECRETS_DIR.mkdir()
    return settings.SECRETS_DIR


def test_a_variable_is_read_and_trimmed(monkeypatch):
    monkeypatch.setenv("DURAR_SECRET_OPS", " value\n")
    assert resolve("env:DURAR_SECRET_OPS") == "value"


@pytest.mark.parametrize(
    "reference",
    [
        "env:DJANGO_SECRET_KEY",
        "env:DURAR_ENCRYPTION_KEYS",
        "env:PATH",
        "env:",
        "env:MATTERMOST_",
        "env:mattermost_bot_token",
        "env:MATTERMOST_A-B",
        "file:",
        "file:/etc/passwd",
        "file:../other",
        "file:a/../../b",
        "file:a\\b",
        "file:bot#not-a-pointer",
        "exec:whoami",
        "whatever",
        "",
    ],
)
def test_other_names_are_refused(reference, monkeypatch):
    monkeypatch.setenv("DJANGO_SECRET_KEY", "never-shown")
    for step in (check_reference, resolve):
        with pytest.raises(SecretProblem) as problem:
            step(reference)
        assert "never-shown" not in str(problem.value)


def test_a_secret_pasted_where_a_reference_belongs_is_not_repeated():
    with pytest.raises(SecretProblem) as problem:
        check_reference("abcdefghijklmnopqrstuvwxyz")
    assert "efghij" not in str(problem.value)


def test_an_unset_variable_is_named():
    with pytest.raises(SecretProblem, match="DURAR_SECRET_NOWHERE is not set"):
        resolve("env:DURAR_SECRET_NOWHERE")


def test_a_file_below_the_folder_is_read(folder):
    (folder / "deep").mkdir()
    (folder / "deep" / "bot").write_text("token\n")
    assert resolve("file:deep/bot") == "token"


def test_a_link_that_stays_inside_is_followed_and_one_that_leads_out_is_not(folder, tmp_path):
    (folder / "real").write_text("inside")
    (folder / "link").symlink_to(folder / "real")
    (tmp_path / "outside").write_text("never-shown")
    (folder / "escape").symlink_to(tmp_path / "outside")
    assert resolve("file:link") == "inside"
    with pytest.raises(SecretProblem, match="leads out") as problem:
        resolve("file:escape")
    assert "never-shown" not in str(problem.value)


@pytest.mark.parametrize(
    ("content", "text"),
    [(None, "cannot be read"), (b"  \n", "is empty"), (b"\xff\xfe", "UTF-8"), (b"x" * 70_000, "larger")],
)
def test_a_file_that_holds_no_secret_is_a_sentence(folder, content, text):
    if content is not None:
        (folder / "bot").write_bytes(content)
    with pytest.raises(SecretProblem, match=text):
        resolve("file:bot")


def test_a_json_file_is_read_by_a_pointer(folder):
    (folder / "all.json").write_text(json.dumps({"mattermost": {"a/b": ["", " token "]}, "number": 3}))
    assert resolve("file:all.json#/mattermost/a~1b/1") == "token"
    for pointer in ("/nowhere", "/number", "/mattermost/a~1b/7"):
        with pytest.raises(SecretProblem) as problem:
            resolve(f"file:all.json#{pointer}")
        assert "token " not in str(problem.value)


def test_a_broken_json_file_does_not_show_its_content(folder):
    (folder / "all.json").write_text('{"mattermost": never-shown}')
    with pytest.raises(SecretProblem) as problem:
        resolve("file:all.json#/mattermost")
    assert "never-shown" not in str(problem.value)
    assert problem.value.__cause__ is None


@pytest.mark.parametrize(
    ("value", "reference"),
    [
        ({"source": "env", "provider": "default", "id": "MATTERMOST_OPS"}, "env:MATTERMOST_OPS"),
        ({"source": "file", "provider": "bot", "id": "value"}, "file:bot"),
        ({"source": "file", "provider": "all", "id": "/ops/token"}, "file:all.json#/ops/token"),
    ],
)
def test_objects_become_references(value, reference):
    assert from_object(value) == reference


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"source": "exec", "provider": "default", "id": "pass show bot"}, "not supported"),
        ({"source": "vault", "provider": "default", "id": "x"}, "env"),
        ({"source": "env", "provider": "default"}, "exactly"),
        ({"source": "env", "provider": "default", "id": "X", "more": "y"}, "exactly"),
        ({"source": "env", "provider": "Default", "id": "MATTERMOST_X"}, "provider"),
        ({"source": "env", "provider": "default", "id": "lower"}, "capitals"),
        ({"source": "env", "provider": "default", "id": "HOME"}, "not allowed"),
        ({"source": "file", "provider": "p", "id": "relative"}, "pointer"),
        ({"source": "env", "provider": "default", "id": 3}, "exactly"),
    ],
)
def test_other_objects_are_refused_with_a_sentence(value, text):
    with pytest.raises(SecretProblem, match=text):
        from_object(value)
