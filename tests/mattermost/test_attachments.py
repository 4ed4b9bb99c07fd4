"""The public builder of attachments with buttons: shape, signatures, errors, and that it needs no Django."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from mattermost_bridge.mattermost.attachments import build_button_attachments
from mattermost_bridge.rules.signatures import button_secret, is_signed

URL = "https://gateway.example.com/mattermost/interactions/default"
ROWS = [[{"text": "Yes", "callback_data": "yes"}, {"text": "No", "callback_data": "no", "style": "danger"}]]


def test_buttons_stand_in_one_attachment_with_their_signed_contexts() -> None:
    (attachment,) = build_button_attachments(
        ROWS, callback_url=URL, bot_token="mm-token", channel_id="chan-1", text="Approve?", generation="g1"
    )
    assert attachment["text"] == "Approve?"
    yes, no = attachment["actions"]
    assert {key: yes[key] for key in ("id", "type", "name", "style")} == {
        "id": "yes",
        "type": "button",
        "name": "Yes",
        "style": "default",
    }
    assert no["style"] == "danger"
    assert yes["integration"]["url"] == URL
    context = yes["integration"]["context"]
    assert {key: value for key, value in context.items() if key != "_token"} == {
        "action_id": "yes",
        "callback_data": "yes",
        "__openclaw_channel_id": "chan-1",
        "__durar_generation": "g1",
    }
    assert is_signed(context, context["_token"], button_secret("mm-token"))


def test_the_golden_vector_of_a_button_for_a_channel() -> None:
    (attachment,) = build_button_attachments(
        [{"text": "Yes", "callback_data": "yes"}],
        callback_url=URL,
        secret=button_secret("mm-token"),
        channel_id="chan-1",
    )
    assert attachment["actions"][0]["integration"]["context"]["_token"] == (
        "035302b6e1e8bec6bee2e7f509e96ef21695a99b2a408b53c6aa141ae1124003"
    )


def test_no_button_means_no_attachment() -> None:
    assert build_button_attachments([[{"text": "Nothing"}]], callback_url=URL, bot_token="t", text="Approve?") == []


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"bot_token": ""}, "have to be signed"),
        ({"callback_url": ""}, "has to go somewhere"),
        ({"rows": "yes"}, "list of rows"),
    ],
)
def test_what_is_missing_is_said(changes: dict[str, Any], sentence: str) -> None:
    values = {"rows": ROWS, "callback_url": URL, "bot_token": "t"} | changes
    with pytest.raises(ValueError, match=sentence):
        build_button_attachments(values.pop("rows"), **values)


def test_scripts_can_use_it_without_django() -> None:
    check = "import sys, mattermost_bridge.mattermost.attachments; sys.exit('django' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], timeout=60, check=False).returncode == 0
