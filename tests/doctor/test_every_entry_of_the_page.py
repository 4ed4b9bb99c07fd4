"""`doctor` names cause and remedy in each set-up that is broken on purpose: one for every entry of the manual's
troubleshooting and for every note on its native slash commands, and for what else breaks in the same places."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from mattermost_bridge.rules import slash_registration
from mattermost_bridge.rules.doctor import Level
from mattermost_bridge.rules.doctor_buttons import ClickTrouble
from mattermost_bridge.services import call_troubles
from tests.doctor import setups
from tests.doctor.setups import OTHER, Broken, Setup

pytestmark = pytest.mark.django_db
PAGE = Path(__file__).parents[2] / "docs" / "troubleshooting.md"
BROKEN, WARNING, FINE = Level.BROKEN, Level.WARNING, Level.FINE


@dataclass
class Entry:
    """What the manual says, how it is broken, and what `doctor` has to say: the finding, how bad, cause and remedy."""

    words: str
    broken: Broken
    finding: str
    level: Level
    cause: str
    remedy: str


TROUBLESHOOTING = [
    Entry("no replies: ensure the bot is in the channel", setups.not_invited,
          "membership.none", WARNING, "hears nothing that is said in other channels", "Invite it"),
    Entry("no replies: mention it (oncall)", setups.nobody_mentions("oncall", "no_mention"),
          "replies.not_mentioned", WARNING, "chatmode oncall: messages that did not mention it: 1", "Mention the bot"),
    Entry("no replies: use a trigger prefix (onchar)", setups.nobody_mentions("onchar", "not_triggered"),
          "replies.not_mentioned", WARNING, "begin with a trigger prefix or mention it", "trigger prefix"),
    Entry('no replies: set chatmode: "onmessage"', setups.nobody_mentions("oncall", "no_mention"),
          "replies.not_mentioned", WARNING, "In channels nobody was answered", 'set chatmode to "onmessage"'),
    Entry("auth errors: check the bot token", lambda setup: setup.sandbox.revoke("durar"),
          "token.refused", BROKEN, "refuses the bot token", "Copy the token again"),
    Entry("auth errors: a bot that is switched off", lambda setup: setup.sandbox.disable("durar"),
          "token.refused", BROKEN, "refuses the bot token", "bot account"),
    Entry("auth errors: check the base URL, nobody there", setups.changed(base_url="http://127.0.0.1:9"),
          "server.unreachable", BROKEN, "127.0.0.1:9", "Check the base URL"),
    Entry("auth errors: check the base URL, another server",
          setups.answer_of("^/users/me$", status=200, body="<html>Hello</html>"),
          "server.not_mattermost", BROKEN, "Mattermost", "Set the base URL"),
    Entry("auth errors: whether the account is enabled", setups.changed(enabled=False),
          "account.disabled", BROKEN, "disabled", "Enable it"),
    Entry("env vars only apply to the default account", setups.environment_for_another,
          "settings.environment", BROKEN, "MATTERMOST_BOT_TOKEN and MATTERMOST_URL in the environment applies",
          "Enter token and address in this account's settings"),
    Entry("invalid command token: registration failed", setups.registration_fails,
          "commands.failed", BROKEN, "Mattermost API 500", "Register commands again"),
    Entry("invalid command token: it only partially completed", setups.registered_in_part,
          "commands.partial", WARNING, "Only some commands could be registered", "Register commands again"),
    Entry("invalid command token: the callback hits the wrong gateway", setups.a_call("zz_foreign"),
          "commands.of_no_account", WARNING, "no account has a command of that name", "another Durar"),
    Entry("invalid command token: ours call another gateway", setups.there(setups.by_bot("PUT", url=OTHER)),
          "commands.elsewhere", BROKEN, OTHER, "Register commands again"),
    Entry("invalid command token: the wrong account", setups.second_account_of_one_bot,
          "commands.token_shared", BROKEN, "(other)", "only one account use this bot"),
    Entry("invalid command token: old commands with a previous callback target", setups.other_callback_since,
          "commands.stale", BROKEN, "it was registered with another callback address", "Register commands again"),
    Entry("invalid command token: Mattermost still has old commands", setups.leftover,
          "commands.leftover", WARNING, f"/oc_old ({OTHER})", "Remove them in Mattermost"),
    Entry("invalid command token: restarted without reactivating", setups.restarted_without_workers,
          "commands.waiting", BROKEN, "has been due for 60", "Start the scheduler and a worker"),
    Entry("invalid command token: never activated", setups.never_registered,
          "commands.never_registered", BROKEN, "never registered", "Register commands again"),
    Entry("the log: failed to register slash commands", setups.token_is_refused_meanwhile,
          "commands.failed", BROKEN, "401", "Remove the cause"),
    Entry("the log: no commands could be registered", setups.plain_bot,
          "commands.failed", BROKEN, "No command could be registered", "Register commands again"),
    Entry("the callback resolved to http://127.0.0.1:18789/...", setups.callback(commands_callback_url=""),
          "commands.loopback", BROKEN, "the callback resolved to http://localhost:", "Set commands.callbackUrl"),
    Entry("buttons appear as white boxes", setups.a_button(id="yes", name=""),
          "buttons.white_boxes", WARNING, "white boxes", "both `text` and `callback_data`"),
    Entry("clicks do nothing: AllowedUntrustedInternalConnections", setups.clicks_do_nothing(hosts="10.0.0.0/8"),
          "buttons.not_allowed", BROKEN, "refuses to call 127.0.0.1", "Add 127.0.0.1 to ServiceSettings.Allowed"),
    Entry("clicks do nothing: EnablePostActionIntegration",
          setups.clicks_do_nothing(hosts="127.0.0.1 localhost", EnablePostActionIntegration=False),
          "buttons.integration_off", BROKEN, "EnablePostActionIntegration is off", "to true"),
    Entry("clicks do nothing: neither can be seen", setups.changed(capabilities=["inlineButtons"]),
          "buttons.settings_hidden", FINE, "system administrators only", "EnablePostActionIntegration is true"),
    Entry("buttons return 404: a hyphen in the id", setups.a_button(id="yes-no", name="Yes"),
          "buttons.bad_id", WARNING, "404", "A-Z, a-z and 0-9 only"),
    Entry("buttons return 404: an underscore in the id", setups.a_button(id="yes_no", name="Yes"),
          "buttons.bad_id", WARNING, "404", "without hyphens or underscores"),
    Entry("the log: invalid _token", setups.a_click(ClickTrouble.INVALID_TOKEN),
          "buttons.invalid_token", WARNING, "invalid _token", "Sign all context fields"),
    Entry("the log: missing _token in context", setups.a_click(ClickTrouble.MISSING_TOKEN),
          "buttons.missing_token", WARNING, "missing _token in context", "context as _token"),
    Entry("a raw id instead of the button's name", setups.a_click(ClickTrouble.RAW_ID),
          "buttons.raw_id", WARNING, "context.action_id is not the id", "the same value"),
    Entry("the agent does not know about buttons", setups.changed(capabilities=[]),
          "buttons.not_told", FINE, "not told of buttons", '"inlineButtons"'),
]  # fmt: skip

NOTES = [
    Entry('native: "auto" is off', setups.changed(commands_native="auto"),
          "commands.off", FINE, '"auto", the built-in value, counts as off', "set commands.native to true"),
    Entry("without callbackUrl one is derived, here from the bind host",
          setups.callback(commands_callback_url="", commands_callback_path="/x"),
          "commands.loopback", BROKEN, "commands.callbackUrl is not set", "Set commands.callbackUrl"),
    Entry("account values override top-level fields", setups.off_here_on_by_default,
          "commands.off", WARNING, "overrides the defaults", "for this account"),
    Entry("callbacks are validated with the per-command tokens", setups.there(setups.by_bot("PUT", "/regen_token")),
          "commands.token_changed", BROKEN, "another token in Mattermost", "Register commands again"),
    Entry("callbacks fail closed: registration failed", setups.token_is_refused_meanwhile,
          "commands.failed", BROKEN, "Registering commands failed", "Remove the cause"),
    Entry("callbacks fail closed: startup was partial", setups.registered_in_part,
          "commands.partial", WARNING, "calls of the others are refused: /oc_status", "Register commands again"),
    Entry("callbacks fail closed: the token matches none", setups.a_call("oc_status"),
          "commands.wrong_token", WARNING, "Unauthorized: invalid command token.", "Register commands again"),
    Entry("the callback endpoint must be reachable from Mattermost", setups.callback_is_unreachable,
          "reachability.commands_not_called", BROKEN, "slash commands do not arrive", "must answer 405"),
    Entry("a GET should return 405 from Durar, not 404", setups.callback_is_somebody_else,
          "reachability.commands_other_status", BROKEN, "404", "must answer 405"),
    Entry("do not set callbackUrl to localhost", setups.callback(commands_callback_url="http://localhost:18789/x"),
          "commands.loopback", BROKEN, "that is its own machine", "Set commands.callbackUrl"),
    Entry("do not set callbackUrl to the Mattermost base URL", setups.callback_is_mattermost,
          "commands.to_mattermost", WARNING, "leads to Mattermost itself", "unless a proxy"),
    Entry("internal addresses have to be on the allowlist", setups.internal_address("chat.lan"),
          "commands.not_allowed", BROKEN, "refuses to call gateway.tailnet-name.ts.net", "Add gateway.tailnet-name"),
    Entry("the same where the bot may not see the list", setups.internal_address(None),
          "commands.settings_hidden", WARNING, "AllowedUntrustedInternalConnections", "gateway.tailnet-name.ts.net"),
    Entry("host entries, not full URLs", setups.internal_address("https://gateway.tailnet-name.ts.net"),
          "commands.allowed_urls", WARNING, "full addresses (https://gateway.", "gateway.tailnet-name.ts.net"),
]  # fmt: skip

BESIDE = [
    Entry("EnableCommands", setups.there(lambda setup, command: setup.sandbox.fault(
              "answer", path="^/config/client$", status=200, body={"EnableCommands": "false"})),
          "commands.server_off", BROKEN, "EnableCommands is off", "ServiceSettings.EnableCommands"),
    Entry("a command was removed in Mattermost", setups.there(setups.by_bot("DELETE")),
          "commands.gone", BROKEN, "does not have these commands any more: /oc_", "Register commands again"),
    Entry("a bot without the permission", setups.plain_bot,
          "commands.permission_missing", BROKEN, "may not manage slash commands", "manage_slash_commands"),
    Entry("a bot that lost the permission", setups.permission_is_gone,
          "commands.not_shown", WARNING, "may not read the slash commands", "manage_slash_commands"),
    Entry("a foreign command with our trigger", setups.name_is_taken,
          "commands.name_taken", WARNING, "/oc_status", "another prefix"),
    Entry("two accounts with one prefix in a team", setups.one_prefix_twice,
          "commands.prefix_clash", WARNING, "The account ops has commands of the same names", "a prefix of its own"),
    Entry("skills without commands", setups.changed(commands_native_skills="on"),
          "commands.skills_alone", WARNING, "skills have no slash commands", "commands.native to true"),
    Entry("commands that cannot be removed", setups.cannot_be_removed,
          "commands.not_removed", WARNING, "could not be removed", "Remove them in Mattermost"),
]  # fmt: skip
ENTRIES = {
    f"{part}: {entry.words}": entry
    for part, entries in (("troubleshooting", TROUBLESHOOTING), ("note", NOTES), ("beside", BESIDE))
    for entry in entries
}


@pytest.fixture
def setup(sandbox, settings, monkeypatch) -> Setup:
    settings.PUBLIC_URL = setups.ADDRESS
    call_troubles.forget()
    monkeypatch.setattr(slash_registration, "BUILT_INS", slash_registration.BUILT_INS[:2])
    return Setup(sandbox, setups.works(sandbox), settings, monkeypatch)


def doctor(account_id: str) -> tuple[dict[str, dict[str, str]], int, str]:
    """The findings as `doctor --json` prints them, by id; the exit status; and all that it printed."""
    out = StringIO()
    status = 0
    try:
        call_command("doctor", "--account", account_id, "--json", stdout=out)
    except CommandError as ended:
        status = ended.returncode
    said = json.loads(out.getvalue())
    assert said["ok"] is (status == 0)
    return {one["id"]: one for one in said["findings"]}, status, out.getvalue()


@pytest.mark.parametrize("name", ENTRIES)
def test_it_is_named_with_cause_and_remedy(setup, name):
    entry = ENTRIES[name]
    entry.broken(setup)
    setup.account.refresh_from_db(fields=["account_id"])
    found, status, printed = doctor(setup.account.account_id)
    assert entry.finding in found, sorted(found)
    said = found[entry.finding]
    assert said["level"] == entry.level
    assert entry.cause in said["cause"]
    assert entry.remedy in said["remedy"]
    assert status == 1 or entry.level is not BROKEN
    of_account = [one for one in found.values() if one["account"]]
    assert all(one["cause"].endswith((".", ")")) for one in of_account), of_account
    assert all(one["remedy"] for one in of_account if one["level"] != FINE)
    assert setup.sandbox.token("durar") not in printed


def test_with_commands_that_work_nothing_is_said_against_them(setup):
    setup.commands()
    setup.allowed("127.0.0.1")
    found, _status, _printed = doctor(setup.account.account_id)
    about = {code: one["level"] for code, one in found.items() if code.startswith("commands.")}
    assert set(about) == {"commands.address", "commands.registered", "commands.allowed", "commands.there"}
    assert set(about.values()) == {FINE}


def test_a_wrong_token_is_told_of_the_account_that_has_the_name(setup):
    setups.one_prefix_twice(setup)
    setup.called("oc_status")
    assert "commands.wrong_token" in doctor("ops")[0]
    assert "commands.wrong_token" not in doctor("default")[0]


def test_each_line_of_the_page_on_buttons_and_commands_has_an_entry_here():
    lines = PAGE.read_text().split("| what you see |")[1].split("## ")[0].splitlines()
    named = {entry.finding for entry in ENTRIES.values()}
    for line in lines:
        ids = set(re.findall(r"`((?:buttons|commands|reachability)\.[a-z_]+)`", line))
        assert not ids or ids & named, line
    assert {one for one in re.findall(r"`(commands\.[a-z_]+)`", "".join(lines))} <= named
