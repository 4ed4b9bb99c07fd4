"""Slash commands: what is asked of the server, and what comes back from a real server's answers."""

from __future__ import annotations

from mattermost_bridge.rules.slash_registration import Wanted
from tests.mattermost.samples import CHANNEL, TEAM
from tests.mattermost.servers import answer

MADE = {
    "id": "c" * 26,
    "token": "9dp3yu8ow7rh3r5m8yip5umuqh",
    "create_at": 1,
    "update_at": 1,
    "delete_at": 0,
    "creator_id": "5" * 26,
    "team_id": TEAM,
    "trigger": "durar",
    "method": "P",
    "username": "durar-cmd",
    "icon_url": "",
    "auto_complete": True,
    "auto_complete_desc": "Ask the bot",
    "auto_complete_hint": "[text]",
    "display_name": "Durar",
    "description": "d",
    "url": "http://127.0.0.1:9871/mm/command",
    "plugin_id": "",
}
WANTED = Wanted("durar", "skill", "durar", "d", "[text]", "http://127.0.0.1:9871/mm/command")


def test_the_commands_of_a_team_come_with_their_tokens_which_no_text_of_them_shows(serve):
    client, server = serve(answer(200, [MADE, {**MADE, "id": "d" * 26, "delete_at": 5}, {"trigger": "no id"}]))
    (command,) = client.commands_of(TEAM)
    assert (command.id, command.trigger, command.token, command.creator_id) == (
        MADE["id"],
        "durar",
        MADE["token"],
        MADE["creator_id"],
    )
    assert MADE["token"] not in repr(command)
    assert server.requests[0].target == f"/api/v4/commands?team_id={TEAM}&custom_only=true"


def test_a_team_without_commands_answers_null(serve):
    client, _ = serve(answer(200, None))
    assert client.commands_of(TEAM) == []


def test_making_changing_and_removing(serve):
    client, server = serve(answer(201, MADE), answer(200, MADE), answer(200, {"status": "OK"}))
    assert client.create_command(TEAM, "durar", WANTED.fields).token == MADE["token"]
    assert client.update_command(MADE["id"], TEAM, "durar", WANTED.fields).id == MADE["id"]
    client.delete_command(MADE["id"])
    made, changed, removed = server.requests
    assert made.json == {**WANTED.fields, "team_id": TEAM, "trigger": "durar"}
    assert changed.json == {**made.json, "id": MADE["id"]}
    assert [one.target for one in (made, changed, removed)] == [
        "/api/v4/commands",
        f"/api/v4/commands/{MADE['id']}",
        f"/api/v4/commands/{MADE['id']}",
    ]


def test_running_one(serve):
    client, server = serve(answer(200, {"response_type": "ephemeral", "text": "pong", "trigger_id": "t"}))
    assert client.execute_command(CHANNEL, TEAM, "/oc_status")["text"] == "pong"
    assert server.requests[0].json == {"command": "/oc_status", "channel_id": CHANNEL, "team_id": TEAM}
