"""The examples of the documented page, as somebody pastes them into a shell, with `Durar message` for `message`."""

from __future__ import annotations

import shlex
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from mattermost_bridge.config import effective
from mattermost_bridge.mattermost.rest import close_clients
from mattermost_bridge.models import Account, InboundEvent
from mattermost_bridge.services import hints as sent_hints
from mattermost_bridge.services import targets
from tests.bridge import TASKS
from tests.callbacks.conftest import click

SEND = "Durar message send --channel mattermost --message Hello --target "
REACT = "Durar message action=react channel=mattermost target=channel:{channel} messageId={post} emoji="
#: A line, with ids in their places, and where its post stands.
TARGETS = [
    (SEND + "channel:{channel}", "support"),
    (SEND + "user:{user}", "carol,durar"),
    (SEND + "@carol", "carol,durar"),
    (SEND + "'#support'", "support"),
    # An id alone is a person's, if somebody has it, else a channel's.
    (SEND + "{user}", "carol,durar"),
    (SEND + "{channel}", "support"),
    ("Durar message action=send channel=mattermost target=channel:{channel} message=Hello", "support"),
    ("Durar message action=send channel=mattermost target=@carol message=Hello", "carol,durar"),
]
#: Lines one after the other, and the reactions of the post behind the last of them.
REACTIONS = [
    ([REACT + "thumbsup"], ["thumbsup"]),
    ([REACT + ":+1:"], ["+1"]),
    ([REACT + "thumbsup", REACT + "thumbsup remove=true"], []),
]
BUTTONS = (
    "Durar message action=send channel=mattermost target=channel:{channel} "
    """buttons='[[{{"text":"Yes","callback_data":"yes"}},{{"text":"No","callback_data":"no"}}]]'"""
)


@pytest.fixture
def shell(sandbox: Any, account: Account, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run a line as a shell reads it, while a worker does what is hinted; returns what it printed."""
    targets.forget()
    monkeypatch.setattr(sent_hints, "send", lambda name, args: bool(TASKS[name](*args)) or True)

    def run(line: str, **ids: str) -> str:
        ids = {"channel": sandbox.channel_id("support"), "user": sandbox.user_id("carol"), **ids}
        program, command, *words = shlex.split(line.format(**ids))
        assert program == "Durar"
        out = StringIO()
        call_command(command, *words, stdout=out)
        return out.getvalue()

    yield run
    close_clients()


@pytest.mark.parametrize(("line", "where"), TARGETS)
def test_a_message_arrives_where_its_target_says(sandbox, shell, line, where):
    printed = shell(line)
    (post,) = sandbox.posts(where)
    assert (post["message"], post["user_id"]) == ("Hello", sandbox.user_id("durar"))
    assert post["id"] in printed


@pytest.mark.parametrize(("lines", "shown"), REACTIONS)
def test_reactions_are_added_and_removed(sandbox, shell, lines, shown):
    post = sandbox.post("carol", "support", "done?")["id"]
    for line in lines:
        assert post in shell(line, post=post)
    found = sandbox.api("carol", "GET", f"/posts/{post}/reactions") or []
    assert [(one["emoji_name"], one["user_id"]) for one in found] == [(n, sandbox.user_id("durar")) for n in shown]


def test_buttons_are_clicked_and_the_agent_gets_the_choice(sandbox, account, shell):
    """With the capability that the page switches on."""
    Account.objects.update(capabilities=["inlineButtons"])
    effective.bump_version()
    shell(BUTTONS)
    (post,) = sandbox.posts("support")
    assert [one["name"] for one in post["props"]["attachments"][0]["actions"]] == ["Yes", "No"]
    assert click(sandbox, post, "yes").status_code == 200
    seen = sandbox.api("alice", "GET", f"/posts/{post['id']}")
    assert seen["props"]["attachments"] == [{"text": "✓ **Yes** selected by @alice"}]
    assert InboundEvent.objects.get().reason == "admitted_click"
    assert '[Button click: user @alice selected "Yes"]' in sandbox.posts("support")[-1]["message"]


def test_callback_data_with_hyphens_and_underscores_and_each_style(sandbox, shell):
    rows = '[[{{"text":"Go","callback_data":"do_it-now","style":"%s"}}]]'
    for style in ("default", "primary", "danger"):
        shell("Durar message action=send channel=mattermost target=channel:{channel} buttons='" + rows % style + "'")
        post = sandbox.posts("support")[-1]
        (action,) = post["props"]["attachments"][0]["actions"]
        assert (action["id"], action["style"]) == ("doitnow", style)
        assert click(sandbox, post, "doitnow").status_code == 200
