"""`Durar pairing`: what it prints, what it changes, and the status it ends with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone

from mattermost_bridge.models import AccessEntry, AuditEntry, BlockedUser, Delivery, PairingRequest
from tests.bridge import collected_hints, make_account
from tests.e2e.databases import clean_environment, fresh_database

pytestmark = pytest.mark.django_db
CAROL = "carol".ljust(26, "u")


@pytest.fixture(autouse=True)
def no_hints():
    with collected_hints():
        yield


def waiting(account, name="carol", code="ABCD2345", **values) -> PairingRequest:
    now = timezone.now()
    fields = {
        "user_id": name.ljust(26, "u"),
        "username": name,
        "channel_id": f"dm{name}".ljust(26, "x"),
        "created_at": now,
        "expires_at": now + timedelta(hours=1),
    }
    return PairingRequest.objects.create(account=account, code=code, **fields | values)


def durar(*words: str) -> str:
    out = StringIO()
    call_command("pairing", *words, stdout=out)
    return out.getvalue()


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def fails(*words: str) -> str:
    with pytest.raises(CommandError) as error:
        durar(*words)
    return str(error.value)


class TestList:
    def test_an_empty_queue_is_said(self):
        assert durar("list") == "No pending mattermost pairing requests.\n"

    def test_those_that_wait_are_shown_oldest_first(self):
        account = make_account()
        waiting(account, "carol", "ABCD2345")
        waiting(account, "dave", "WXYZ2345", created_at=timezone.now() - timedelta(minutes=30))
        waiting(account, "old", "GONE2345", expires_at=timezone.now() - timedelta(minutes=1))
        lines = durar("list", "mattermost").splitlines()
        assert lines[0] == "Pairing requests (2)"
        assert lines[1].startswith("WXYZ2345\t@dave\t")
        assert CAROL in lines[2]
        assert len(lines) == 3

    def test_a_terminal_gets_a_table(self):
        waiting(make_account(), username="[red]carol[/red]")
        out = Terminal()
        call_command("pairing", "list", stdout=out)
        for part in ("Pairing requests (1)", "Code", "ABCD2345", "[red]"):
            assert part in out.getvalue()

    def test_json_is_for_programs(self):
        request = waiting(make_account("ops"))
        found = json.loads(durar("list", "--json"))
        assert found["channel"] == "mattermost"
        (only,) = found["requests"]
        assert (only["id"], only["code"], only["meta"]) == (CAROL, "ABCD2345", {"name": "carol", "accountId": "ops"})
        assert only["createdAt"] == request.created_at.isoformat()

    def test_one_account_can_be_asked_for(self):
        waiting(make_account())
        make_account("ops", bot_user_id="")
        assert "No pending" in durar("list", "--account", "Ops")
        assert "ABCD2345" in durar("list", "--account", "default")


class TestApprove:
    def test_the_pasted_command_works(self):
        waiting(make_account())
        assert durar("approve", "mattermost", "ABCD2345").startswith(f"Approved mattermost sender {CAROL}.")
        assert AccessEntry.objects.get().value == CAROL
        assert Delivery.objects.get().kind == "approval"
        assert AuditEntry.objects.get().via == "command"

    def test_the_pasted_command_works_for_a_named_account(self):
        waiting(make_account("ops"))
        assert "Approved" in durar("approve", "mattermost", "ABCD2345", "--account", "ops")

    @pytest.mark.parametrize(
        "words",
        [
            ("ABCD2345",),
            ("abcd2345",),
            ("MATTERMOST", "ABCD2345", "--notify"),
            ("ABCD2345", "--channel", "mattermost"),
        ],
    )
    def test_the_channel_may_be_left_out(self, words):
        waiting(make_account())
        assert "Approved" in durar("approve", *words)

    def test_a_person_without_messages_is_told_all_the_same(self):
        waiting(make_account())
        assert "earlier message" not in durar("approve", "ABCD2345")
        assert Delivery.objects.count() == 1

    @pytest.mark.parametrize(
        ("words", "sentence"),
        [
            (("approve", "mattermost", "WXYZ2345"), "No pending pairing request found for code: WXYZ2345"),
            (("approve",), "The code is missing. Use: Durar pairing approve mattermost CODE"),
            (("approve", "mattermost"), "The code is missing"),
            (("approve", "mattermost", "A", "B"), "Too many arguments. Use: Durar pairing approve mattermost CODE"),
            (("approve", "mattermost", "A", "--channel", "mattermost"), "Too many arguments"),
            (("approve", "slack", "A"), "Invalid channel: slack"),
            (("list", "slack"), "Invalid channel: slack"),
            (("approve", "A", "--account", " "), "--account must not be blank"),
            (("approve", "A", "--account", "nobody"), "There is no account nobody. Accounts: default."),
            (("revoke",), "The person is missing. Use: Durar pairing revoke mattermost PERSON"),
            (("revoke", "@nobody"), "Nobody with an approved pairing is meant by @nobody"),
        ],
    )
    def test_what_cannot_work_is_a_sentence(self, words, sentence):
        make_account()
        assert sentence in fails(*words)

    def test_an_expired_code_says_so(self):
        waiting(make_account(), expires_at=timezone.now() - timedelta(minutes=12))
        assert "expired 12 minutes ago" in fails("approve", "ABCD2345")

    def test_a_code_that_was_used_says_by_whom(self):
        waiting(make_account())
        durar("approve", "ABCD2345")
        assert "was approved by" in fails("approve", "ABCD2345")


def test_a_request_is_rejected():
    waiting(make_account())
    assert f"Rejected mattermost sender {CAROL}." in durar("reject", "mattermost", "ABCD2345")
    assert PairingRequest.objects.get().state == "rejected"


def test_a_person_is_blocked():
    waiting(make_account())
    assert f"Blocked mattermost sender {CAROL}." in durar("block", "ABCD2345")
    assert BlockedUser.objects.get().user_id == CAROL


class TestRevoke:
    @pytest.mark.parametrize("who", [CAROL, "@carol", "Carol", "ABCD2345"])
    def test_an_approval_is_taken_back_however_the_person_is_named(self, who):
        waiting(make_account())
        durar("approve", "ABCD2345")
        assert durar("revoke", "mattermost", who) == f"Revoked mattermost sender {CAROL} of the account default.\n"
        assert not AccessEntry.objects.exists()

    def test_an_account_must_be_named_when_several_are_meant(self):
        for account in (make_account(), make_account("ops", bot_user_id="")):
            AccessEntry.objects.create(account=account, value=CAROL, source="pairing")
        assert "several accounts (default, ops). Name one with --account" in fails("revoke", CAROL)
        assert "of the account ops" in durar("revoke", CAROL, "--account", "ops")

    def test_a_name_of_several_people_is_not_guessed(self):
        account = make_account()
        for number in "12":
            AccessEntry.objects.create(account=account, value=number.ljust(26, "u"), username="carol", source="pairing")
        assert "several people" in fails("revoke", "@carol")


@pytest.mark.processes
def test_an_error_ends_the_process_with_status_1(tmp_path):
    database = fresh_database(tmp_path, os.environ.get("DATABASE_URL", ""))
    try:
        done = subprocess.run(
            [sys.executable, "manage.py", "pairing", "approve", "mattermost", "WXYZ2345"],
            env=clean_environment() | database.environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
    finally:
        database.drop()
    assert done.returncode == 1
    assert "No pending pairing request found for code: WXYZ2345" in done.stderr
    assert "Traceback" not in done.stderr
