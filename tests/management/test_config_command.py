"""`Durar config`: import, check, export, and errors with their place and status."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from cryptography.fernet import Fernet
from django.core.management import call_command
from django.core.management.base import CommandError

from mattermost_bridge.models import Account, AuditEntry
from tests.config.files import ONE

pytestmark = pytest.mark.django_db


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "durar.json5"
    path.write_text(ONE)
    return path


def durar(*words: object) -> str:
    out = StringIO()
    call_command("config", *map(str, words), stdout=out)
    return out.getvalue()


def fails(*words: object) -> str:
    with pytest.raises(CommandError) as error:
        durar(*words)
    assert error.value.returncode == 1
    return str(error.value)


def test_a_file_is_imported_and_every_change_is_said(file):
    lines = durar("import", file).splitlines()
    assert "+ account default: address inherited, token stored" in lines
    assert lines[-1] == f"{file}: imported, {len(lines) - 1} changes."
    assert Account.objects.get().bot_token == "mm-token"
    assert {row.via for row in AuditEntry.objects.all()} == {"import"}
    assert durar("import", file) == f"{file}: nothing to change.\n"


def test_a_check_says_the_same_and_changes_nothing(file):
    lines = durar("check", file).splitlines()
    assert "+ account default: address inherited, token stored" in lines
    assert "Nothing was changed." in lines[-1]
    assert not Account.objects.exists()


def test_a_check_shows_what_would_be_removed(file):
    durar("import", file)
    file.write_text("{ channels: { mattermost: { accounts: { ops: {} } } } }")
    assert "- account default: archived, since the file does not name it" in durar("check", file)
    assert not Account.objects.get().is_archived


def test_keys_that_are_not_used_are_listed(file):
    file.write_text("{ channels: { mattermost: { configWrites: false, accounts: {} } }, ui: {} }")
    out = durar("check", file)
    assert "note: channels.mattermost.configWrites (line 1, column 29) is kept, and not used yet." in out
    assert "note: ui (line 1, column 68) is not used" in out


def test_no_output_holds_a_secret(file):
    assert "mm-token" not in durar("check", file) + durar("import", file) + durar("export")


def test_an_export_can_be_imported(file):
    durar("import", file)
    exported = durar("export")
    file.write_text(exported)
    assert durar("import", file) == f"{file}: nothing to change.\n"
    body = "\n".join(line for line in exported.splitlines() if not line.startswith("//"))
    assert list(json.loads(body)["channels"]["mattermost"]["accounts"]) == ["default"]


def test_a_syntax_error_has_line_and_column(file):
    file.write_text("{\n  channels: {\n    mattermost: }\n}")
    assert "line 3, column 17" in fails("import", file)


def test_all_problems_are_listed(file):
    file.write_text("{ chanels: {}, channels: { mattermost: { dmPolicy: 'x' } } }")
    text = fails("check", file)
    assert "2 problems" in text
    assert "chanels (line 1, column 3)" in text
    assert "channels.mattermost.dmPolicy (line 1, column 42)" in text


def test_a_file_that_cannot_be_read_is_a_sentence(file, tmp_path):
    assert "cannot be read" in fails("import", tmp_path / "nowhere.json5")
    assert "cannot be read" in fails("import", tmp_path)
    file.write_bytes(b"{ a: '\xff' }")
    assert "UTF-8 (line 1)" in fails("import", file)


def test_a_byte_order_mark_does_no_harm(file):
    file.write_bytes(b"\xef\xbb\xbf" + ONE.encode())
    assert "imported" in durar("import", file)


def test_a_wrong_key_is_a_sentence(file, settings):
    durar("import", file)
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    assert "DURAR_ENCRYPTION_KEYS" in fails("import", file)
