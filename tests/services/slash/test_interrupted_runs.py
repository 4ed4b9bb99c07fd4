"""A run that is interrupted wherever it can be, and run again, ends in the same state."""

from __future__ import annotations

import pytest

from mattermost_bridge.mattermost import transport
from mattermost_bridge.mattermost.calls import before_request
from mattermost_bridge.models import Skill, SlashCommand, SlashRegistration
from mattermost_bridge.services import slash_teams
from tests.services.slash.registered import (
    URL,
    another_address,
    another_prefix,
    change,
    is_right,
    nothing_changed,
    skills_on,
    switched_off,
)

pytestmark = pytest.mark.django_db(transaction=True)


class Killed(BaseException):
    """A worker that is killed runs no handlers for exceptions."""


@pytest.mark.parametrize(
    ("what", "first"),
    [
        (nothing_changed, True),
        (skills_on, False),
        (another_prefix, False),
        (another_address, False),
        (switched_off, False),
    ],
    ids=["at first", "a skill more", "another prefix", "another address", "switched off"],
)
@pytest.mark.parametrize("how", ["killed before", "answer lost", "away"])
def test_interrupted_at_each_request_and_run_again_it_ends_right(sandbox, account, monkeypatch, what, first, how):
    # Reads of a server in trouble are tried again after a moment, which nothing here needs.
    monkeypatch.setattr(transport._ReadRetry, "sleep", lambda *_: None)
    number = 0
    while True:
        SlashCommand.objects.all().delete()
        SlashRegistration.objects.all().delete()
        Skill.objects.all().delete()
        change(account, commands_native="on", commands_native_skills="", commands_prefix="", commands_callback_url=URL)
        for one in sandbox.commands():
            sandbox.api("sysadmin", "DELETE", f"/commands/{one['id']}")
        if not first:
            slash_teams.run(account.pk)
        wanted, url = what(sandbox, account)
        reached = interrupted(sandbox, account, number, how)
        SlashRegistration.objects.update(claimed_until=None, due_at=None)
        slash_teams.run(account.pk)
        is_right(sandbox, account, *wanted, url=url)
        if not reached:
            assert number >= 3
            return
        number += 1


def interrupted(sandbox, account, number, how):
    """Run once and spoil the request of this number; whether it came to that request."""
    seen = 0

    def kill():
        nonlocal seen
        seen += 1
        if seen > number:
            raise Killed

    if how == "killed before":
        before_request.append(kill)
        try:
            slash_teams.run(account.pk)
        except Killed:
            return True
        finally:
            before_request.remove(kill)
        return False
    # Reads are tried again at once when the connection breaks: spoil those tries too.
    kind, times = ("lose", 1) if how == "answer lost" else ("answer", None)
    fault = sandbox.fault(kind, who="durar", skip=number, times=times, status=503)
    slash_teams.run(account.pk)
    hits = next(one["hits"] for one in sandbox.control("GET", "faults")["faults"] if one["id"] == fault)
    sandbox.control("DELETE", "faults")
    return hits > 0
