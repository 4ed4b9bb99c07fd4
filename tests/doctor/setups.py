"""Broken set-ups. Each function takes a `Setup` that works and breaks one thing in it."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from mattermost_bridge.config import effective
from mattermost_bridge.models import (
    Account,
    BridgeDefaults,
    InboundEvent,
    ListenerLease,
    SlashCommand,
    SlashRegistration,
)
from mattermost_bridge.models.states import ConnectionPhase, EventOutcome, EventState
from mattermost_bridge.rules.doctor_buttons import ClickTrouble
from mattermost_bridge.rules.slash_payload import Refusal, SlashCall
from mattermost_bridge.services import call_troubles, slash_commands, slash_teams
from tests.bridge import make_account

ADDRESS = "https://durar.example.com"
CALLBACK = f"{ADDRESS}/api/channels/mattermost/command"
OTHER = "https://old.example.com/api/channels/mattermost/command"


@dataclass
class Setup:
    """An account that works, in a sandbox, with two slash commands once `commands` was called."""

    sandbox: Any
    account: Account
    settings: Any
    monkeypatch: pytest.MonkeyPatch

    def change(self, **values: Any) -> None:
        Account.objects.filter(pk=self.account.pk).update(**values)
        effective.bump_version()

    def commands(self, **values: Any) -> None:
        """Switch slash commands on and register them."""
        self.sandbox.may_make_commands("durar")
        self.switch_on(**values)
        self.register()

    def switch_on(self, **values: Any) -> None:
        self.change(**{"commands_native": "on", "commands_callback_url": CALLBACK} | values)

    def register(self) -> None:
        slash_teams.run(self.account.pk)

    def allowed(self, hosts: str, **more: Any) -> None:
        """A bot that may see the server's configuration, which lets it call these hosts."""
        service = {"AllowedUntrustedInternalConnections": hosts, **more}
        self.sandbox.fault("answer", path="^/config$", status=200, body={"ServiceSettings": service}, times=None)

    def elsewhere(self) -> None:
        """The same server by a name that is not this machine's."""
        look_up = socket.getaddrinfo

        def found(host: Any, *args: Any, **kwargs: Any) -> Any:
            return look_up("127.0.0.1" if host == "chat.example.com" else host, *args, **kwargs)

        self.monkeypatch.setattr(socket, "getaddrinfo", found)
        self.change(base_url=self.sandbox.base_url.replace("127.0.0.1", "chat.example.com"))

    def event(self, **values: Any) -> None:
        number = InboundEvent.objects.count()
        values = {"state": EventState.DECIDED, "channel_type": "O", "outcome": EventOutcome.IGNORED} | values
        InboundEvent.objects.create(account=self.account, dedupe_key=f"event-{number}", **values)

    def posted(self, **action: Any) -> None:
        """The bot posted a button like this."""
        full = {"type": "button", "integration": {"url": f"{ADDRESS}/mattermost/interactions/default"}} | action
        self.sandbox.post("durar", "support", "Choose", props={"attachments": [{"text": "?", "actions": [full]}]})

    def called(self, trigger: str, token: str = "w" * 26) -> None:
        """Somebody typed a command, and Mattermost sent this token: it is refused."""
        call = SlashCall(
            token=token, team_id=self.sandbox.team_id, trigger=trigger, args="",
            channel_id=self.sandbox.channel_id("support"), channel_name="support",
            user_id=self.sandbox.user_id("alice"), username="alice",
        )  # fmt: skip
        with pytest.raises(Refusal, match="Unauthorized: invalid command token"):
            slash_commands.receive(call)


Broken = Callable[[Setup], None]


def works(sandbox: Any) -> Account:
    """An account that works, and a worker that listens for it."""
    made = make_account(
        base_url=sandbox.base_url, bot_token=sandbox.token("durar"), bot_user_id=sandbox.user_id("durar")
    )
    end = timezone.now() + timedelta(seconds=60)
    ListenerLease.objects.filter(pk=made.pk).update(holder="ears-1", expires_at=end, phase=ConnectionPhase.READY)
    return made


# Messages and the account


def not_invited(setup: Setup) -> None:
    setup.sandbox.remove_member("alice", "support", "durar")


def nobody_mentions(mode: str, reason: str) -> Broken:
    def broken(setup: Setup) -> None:
        setup.change(chatmode=mode)
        setup.event(reason=reason)

    return broken


def answer_of(path: str, **answer: Any) -> Broken:
    return lambda setup: setup.sandbox.fault("answer", path=path, times=None, **answer) and None


def changed(**values: Any) -> Broken:
    return lambda setup: setup.change(**values)


def environment_for_another(setup: Setup) -> None:
    setup.monkeypatch.setenv("MATTERMOST_BOT_TOKEN", setup.sandbox.token("durar"))
    setup.monkeypatch.setenv("MATTERMOST_URL", setup.sandbox.base_url)
    setup.change(account_id="alerts", bot_token="", base_url="")


# Slash commands: what the records say


def registration_fails(setup: Setup) -> None:
    setup.commands()
    setup.sandbox.fault("answer", path="^/commands$", status=500, error_id="store.x", times=None)
    setup.register()


def registered_in_part(setup: Setup) -> None:
    setup.sandbox.fault("answer", path="^/commands$", method="POST", status=400, error_id="api.x", times=1)
    setup.commands()


def plain_bot(setup: Setup) -> None:
    setup.switch_on()
    setup.register()


def token_is_refused_meanwhile(setup: Setup) -> None:
    setup.commands()
    setup.sandbox.revoke("durar")
    setup.register()


def never_registered(setup: Setup) -> None:
    setup.switch_on()


def restarted_without_workers(setup: Setup) -> None:
    setup.commands()
    SlashRegistration.objects.update(due_at=timezone.now() - timedelta(minutes=10))


def other_callback_since(setup: Setup) -> None:
    setup.commands()
    setup.change(commands_callback_url=OTHER)


def a_call(trigger: str) -> Broken:
    def broken(setup: Setup) -> None:
        setup.commands()
        setup.called(trigger)

    return broken


def second_account_of_one_bot(setup: Setup) -> None:
    setup.commands()
    row = SlashCommand.objects.order_by("pk")[0]
    other = make_account("other", base_url=setup.sandbox.base_url, bot_token="o" * 26, bot_user_id="o" * 26)
    SlashCommand.objects.create(
        account=other, team_id="t" * 26, trigger="zz_new", name="new", purpose="builtin", command_id="c" * 26,
        token=row.token, state="registered",
    )  # fmt: skip


def one_prefix_twice(setup: Setup) -> None:
    setup.sandbox.may_make_commands("durar")
    setup.sandbox.add_bot("ops")
    setup.sandbox.may_make_commands("ops")
    other = make_account(
        "ops", base_url=setup.sandbox.base_url, bot_token=setup.sandbox.token("ops"), bot_username="ops",
        bot_user_id=setup.sandbox.user_id("ops"), commands_native="on", commands_callback_url=CALLBACK,
    )  # fmt: skip
    slash_teams.run(other.pk)
    setup.switch_on()
    setup.register()


def name_is_taken(setup: Setup) -> None:
    setup.sandbox.command("sysadmin", "oc_status", "https://other.example.com/x")
    setup.commands()


def off_here_on_by_default(setup: Setup) -> None:
    BridgeDefaults.objects.update_or_create(pk=1, defaults={"commands_native": "on"})
    setup.change(commands_native="off")


def cannot_be_removed(setup: Setup) -> None:
    setup.commands()
    setup.sandbox.may_make_commands("durar", "")
    setup.change(commands_native="off")
    setup.register()


# Slash commands: where Mattermost calls


def callback(**values: Any) -> Broken:
    def broken(setup: Setup) -> None:
        setup.settings.PUBLIC_URL = ""
        setup.elsewhere()
        setup.switch_on(**values)

    return broken


def callback_is_unreachable(setup: Setup) -> None:
    setup.commands(commands_callback_url="http://127.0.0.1:9/api/channels/mattermost/command")


def callback_is_somebody_else(setup: Setup) -> None:
    setup.commands(commands_callback_url=f"{setup.sandbox.base_url}/nothing/here")


def callback_is_mattermost(setup: Setup) -> None:
    setup.switch_on(commands_callback_url=f"{setup.sandbox.base_url}/api/channels/mattermost/command")


def internal_address(hosts: str | None, url: str = "https://gateway.tailnet-name.ts.net/x") -> Broken:
    def broken(setup: Setup) -> None:
        setup.commands(commands_callback_url=url)
        if hosts is not None:
            setup.allowed(hosts)

    return broken


# Slash commands: what Mattermost has


def there(change: Callable[[Setup, dict[str, Any]], Any]) -> Broken:
    """One of the commands is changed in Mattermost after it was registered."""

    def broken(setup: Setup) -> None:
        setup.commands()
        change(setup, setup.sandbox.commands()[0])

    return broken


def by_bot(method: str, path: str = "", **fields: Any) -> Callable[[Setup, dict[str, Any]], Any]:
    def change(setup: Setup, command: dict[str, Any]) -> Any:
        body = {**command, **fields} if fields else None
        return setup.sandbox.api("durar", method, f"/commands/{command['id']}{path}", body)

    return change


def leftover(setup: Setup) -> None:
    setup.commands()
    setup.sandbox.command("durar", "oc_old", OTHER)


def permission_is_gone(setup: Setup) -> None:
    setup.commands()
    setup.sandbox.may_make_commands("durar", "")


# Buttons


def a_button(**action: Any) -> Broken:
    return lambda setup: setup.posted(**action)


def a_click(trouble: ClickTrouble) -> Broken:
    return lambda setup: call_troubles.note(setup.account.pk, trouble)


def clicks_do_nothing(**service: Any) -> Broken:
    def broken(setup: Setup) -> None:
        setup.settings.PUBLIC_URL = "http://127.0.0.1:18789"
        setup.allowed(**service)

    return broken
