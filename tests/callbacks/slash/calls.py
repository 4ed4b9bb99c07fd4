"""Registered commands, calls as Mattermost makes them, and what must not change."""

from __future__ import annotations

from typing import Any

import requests

from mattermost_bridge.models import (
    Account,
    Conversation,
    Delivery,
    InboundEvent,
    PairingRequest,
    Skill,
    SlashCommand,
    SlashRegistration,
    Turn,
)

PATH = "/api/channels/mattermost/command"
WRONG = {"response_type": "ephemeral", "text": "Unauthorized: invalid command token."}


def register(sandbox: Any, account: Account, url: str, *names: str, prefix: str = "oc_", who: str = "durar") -> None:
    """Have these commands as a registration leaves them."""
    sandbox.may_make_commands(who)
    SlashRegistration.objects.update_or_create(account=account, defaults={"state": "done"})
    for name in names:
        trigger = f"{prefix}{name}"
        made = sandbox.api(who, "POST", "/commands",
                           {"team_id": sandbox.team_id, "trigger": trigger, "method": "P", "url": url})  # fmt: skip
        SlashCommand.objects.create(
            account=account, team_id=sandbox.team_id, trigger=trigger, name=name, command_id=made["id"],
            purpose="skill" if Skill.objects.filter(name=name).exists() else "builtin",
            token=made["token"], callback_url=url, state="registered",
        )  # fmt: skip


def said(response: requests.Response) -> str:
    """What whoever typed a command sees of its answer."""
    assert response.status_code == 200, response.text
    return str(response.json().get("text") or "")


def rows() -> list[Any]:
    """Everything that a refused call must not change."""
    tables = (InboundEvent, Turn, Delivery, Conversation, PairingRequest, SlashCommand, SlashRegistration)
    return [sorted(map(str, table.objects.values_list())) for table in tables]


def form(command: SlashCommand, sandbox: Any, **changes: Any) -> dict[str, Any]:
    """A call as Mattermost makes it."""
    return {
        "token": command.token, "team_id": command.team_id, "command": f"/{command.trigger}", "text": "",
        "channel_id": sandbox.channel_id("support"), "channel_name": "support", "user_id": sandbox.user_id("alice"),
        "user_name": "alice", **changes,
    }  # fmt: skip
