"""The recipe for scripts, as the documentation prints it, makes buttons whose clicks are taken."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from mattermost_bridge.models import InboundEvent
from mattermost_bridge.rules.doctor_buttons import ClickTrouble
from mattermost_bridge.services import call_troubles
from tests.callbacks.conftest import click

PAGE = Path(__file__).parents[2] / "docs" / "buttons.md"


def recipe() -> str:
    """The block of the page that signs."""
    (block,) = [one for one in re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL) if "import hmac" in one]
    return block


@pytest.fixture
def post_raw(sandbox, account, web):
    """Post the documented attachment with this context, as a script would."""

    def make(context: dict[str, Any], **values: Any) -> dict[str, Any]:
        action = {
            "id": "mybutton01",
            "type": "button",
            "name": "Approve",
            "style": "primary",
            "integration": {"url": f"{web.base_url}/mattermost/interactions/default", "context": context},
        } | values
        body = {
            "channel_id": sandbox.channel_id("support"),
            "message": "Choose an option:",
            "props": {"attachments": [{"actions": [action]}]},
        }
        return dict(sandbox.api("durar", "POST", "/posts", body))

    return make


def line_of(sandbox, post) -> str:
    return sandbox.api("alice", "GET", f"/posts/{post['id']}")["props"]["attachments"][-1]["text"]


def test_the_recipe_as_printed_makes_a_button_that_works(sandbox, post_raw, hints):
    names: dict[str, Any] = {"bot_token": sandbox.token("durar")}
    exec(compile(recipe(), str(PAGE), "exec"), names)
    assert names["context"]["action_id"] == "mybutton01"
    post = post_raw(names["context"])
    assert click(sandbox, post, "mybutton01").status_code == 200
    assert line_of(sandbox, post) == "✓ **Approve** selected by @alice"
    event = InboundEvent.objects.get()
    assert event.payload["context"] == {"action_id": "mybutton01", "action": "approve"}
    hints.run()
    event.refresh_from_db()
    assert event.reason == "admitted_click"


def test_an_action_id_that_is_no_buttons_is_shown_as_it_is_and_noted(sandbox, account, post_raw, hints):
    call_troubles.forget()
    names: dict[str, Any] = {"bot_token": sandbox.token("durar")}
    exec(compile(recipe(), str(PAGE), "exec"), names)
    post = post_raw(names["context"], id="another")
    assert click(sandbox, post, "another").status_code == 200
    assert line_of(sandbox, post) == "✓ **mybutton01** selected by @alice"
    assert set(call_troubles.recent(account.pk, ClickTrouble)) == {ClickTrouble.RAW_ID}


def test_text_that_is_not_ascii_is_signed_escaped_by_the_recipe_and_taken(sandbox, post_raw, hints):
    names: dict[str, Any] = {"bot_token": sandbox.token("durar")}
    exec(compile(recipe().replace('"approve"}', '"fünf ☃"}'), str(PAGE), "exec"), names)
    post = post_raw(names["context"])
    assert click(sandbox, post, "mybutton01").status_code == 200
