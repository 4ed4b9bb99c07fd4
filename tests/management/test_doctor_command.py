"""`Durar doctor`: findings as text and as JSON, and an exit status that a monitor can use."""

from __future__ import annotations

import json
import logging
import sys
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from mattermost_bridge import health
from mattermost_bridge.models import ListenerLease, Tick
from mattermost_bridge.models.states import ConnectionPhase
from mattermost_bridge.rules.doctor import DiskFact
from mattermost_bridge.rules.doctor_reachability import Kind, Result, Why
from mattermost_bridge.services import diagnosis, reachability
from tests.bridge import make_account

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def account(sandbox, settings, monkeypatch):
    """An installation in which all is well, with one account."""
    settings.PUBLIC_URL = "https://durar.example.com"
    monkeypatch.setattr(health, "broker", lambda: health.Part(ok=True, message="The broker answers."))
    monkeypatch.setattr(diagnosis, "_disks", lambda: [DiskFact("state", "/state", 2**40, 2**41)])
    monkeypatch.setattr(reachability, "prove", lambda pk: [Result(Kind.BUTTONS, Why.ARRIVED, "https://x")])
    Tick.objects.update_or_create(name="sweep", defaults={"at": timezone.now()})
    made = make_account(
        base_url=sandbox.base_url, bot_token=sandbox.token("durar"), bot_user_id=sandbox.user_id("durar")
    )
    end = timezone.now() + timedelta(seconds=60)
    ListenerLease.objects.filter(pk=made.pk).update(holder="ears-1", expires_at=end, phase=ConnectionPhase.READY)
    return made


def doctor(*words: str) -> str:
    out = StringIO()
    try:
        call_command("doctor", *words, stdout=out)
    finally:
        doctor.said = out.getvalue()
    return doctor.said


def test_all_is_well():
    said = doctor()
    assert "Installation\n" in said
    assert "Account default\n" in said
    assert "broken" not in said
    assert "takes the token: it is @durar.  [token.works]" in said
    assert "clicks on buttons reach this Durar.  [reachability.buttons]" in said


def test_without_trials_nothing_is_posted(sandbox):
    said = doctor("--no-trials")
    assert "[token.works]" in said
    assert "[reachability." not in said
    assert not sandbox.requests(method="POST", path="^/posts")


def test_what_was_found_of_an_account_is_printed_before_the_next_one_is_looked_at(monkeypatch):
    make_account("second", enabled=True, bot_user_id="o" * 26)
    printed, out = [], StringIO()
    look = diagnosis.of_account
    monkeypatch.setattr(diagnosis, "of_account", lambda pk, **how: printed.append(out.getvalue()) or look(pk, **how))
    with pytest.raises(CommandError):
        call_command("doctor", "--no-trials", stdout=out)
    assert "Installation" in printed[0]
    assert "[token.works]" in printed[1]


def test_json_has_every_finding_with_its_cause_and_remedy():
    said = json.loads(doctor("--json"))
    assert said["ok"] is True
    assert all(set(one) == {"id", "level", "account", "cause", "remedy"} for one in said["findings"])
    assert {"", "default"} == {one["account"] for one in said["findings"]}


def test_the_log_goes_to_standard_error_meanwhile(monkeypatch, capsys):
    """Durar's processes log to standard output, and a program that reads JSON there must not stumble over it."""
    handler = logging.StreamHandler(sys.stdout)
    monkeypatch.setattr(logging.getLogger(), "handlers", [handler])

    def away() -> health.Part:
        logging.getLogger("somebody").warning("something was logged")
        return health.Part(ok=False, message="The broker does not answer.")

    monkeypatch.setattr(health, "broker", away)
    assert "broker.broken" in {one["id"] for one in json.loads(doctor("--json"))["findings"]}
    printed = capsys.readouterr()
    assert "something was logged" in printed.err
    assert "something was logged" not in printed.out
    assert handler.stream is sys.stdout


def test_what_is_broken_ends_it_with_status_1_and_shows_no_secret(sandbox):
    sandbox.revoke("durar")
    with pytest.raises(CommandError, match="1 thing is broken") as ended:
        doctor("--json")
    assert ended.value.returncode == 1
    (finding,) = [one for one in json.loads(doctor.said)["findings"] if one["level"] == "broken"]
    assert (finding["id"], finding["account"]) == ("token.refused", "default")
    assert sandbox.token("durar") not in doctor.said
    with pytest.raises(CommandError):
        doctor()
    assert "→ Copy the token again" in doctor.said


def test_one_account_is_looked_at_when_it_is_named(sandbox):
    make_account("off", enabled=False, bot_user_id="o" * 26)
    assert "Account off" not in doctor()
    with pytest.raises(CommandError, match="1 thing is broken"):
        doctor("--account", "off")
    assert "[account.disabled]" in doctor.said
    assert "[token.works]" not in doctor.said
    with pytest.raises(CommandError, match="There is no account nobody"):
        doctor("--account", "nobody")


def test_a_database_that_is_away_is_said_and_no_account_looked_at(monkeypatch):
    away = health.Part(ok=False, message="The database does not answer.")
    monkeypatch.setattr(health, "report", lambda: {"database": away})
    with pytest.raises(CommandError, match="1 thing is broken"):
        doctor()
    assert "[database.broken]" in doctor.said
    assert "Account" not in doctor.said
