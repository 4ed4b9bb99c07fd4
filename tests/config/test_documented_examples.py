"""The examples of the page that describes the system import as they are written there."""

from __future__ import annotations

import pytest

from mattermost_bridge.config import exporter
from mattermost_bridge.config.effective import settings_for
from mattermost_bridge.models import Account
from mattermost_bridge.rules.types import GroupRule
from tests.config.files import take

pytestmark = pytest.mark.django_db

MINIMAL = """{
channels: {
mattermost: {
enabled: true,
botToken: "mm-token",
baseUrl: "https://chat.example.com",
dmPolicy: "pairing",
},
},
}
"""
COMMANDS = """{
channels: {
mattermost: {
commands: {
native: true,
nativeSkills: true,
callbackPath: "/api/channels/mattermost/command",
// Use when Mattermost cannot reach the gateway directly (reverse proxy/public URL).
callbackUrl: "https://gateway.example.com/api/channels/mattermost/command",
},
},
},
}
"""
PREFIXES = '{ channels: { mattermost: { chatmode: "onchar", oncharPrefixes: [">", "!"], }, }, }'
THREADS = '{ channels: { mattermost: { replyToMode: "all", }, }, }'
GROUPS = """{
channels: {
mattermost: {
groupPolicy: "open",
groups: {
"*": { requireMention: true },
"team-channel-id": { requireMention: false },
},
},
},
}
"""
RETRY = """{ channels: { mattermost: {
dmChannelRetry: { maxRetries: 3, initialDelayMs: 1000, maxDelayMs: 10000, timeoutMs: 30000, },
}, }, }"""
BUTTONS = '{ channels: { mattermost: { capabilities: ["inlineButtons"], }, }, }'
ACCOUNTS = """{
channels: {
mattermost: {
accounts: {
default: { name: "Primary", botToken: "mm-token", baseUrl: "https://chat.example.com" },
alerts: { name: "Alerts", botToken: "mm-token-2", baseUrl: "https://alerts.example.com" },
},
},
},
}
"""


def of(text: str):
    """What holds for an account that inherits everything of an example."""
    take(text)
    return settings_for((Account.objects.first() or Account.objects.create(account_id="default")).pk)


@pytest.mark.parametrize(
    "text", [MINIMAL, COMMANDS, PREFIXES, THREADS, GROUPS, RETRY, BUTTONS, ACCOUNTS], ids=lambda text: text[28:50]
)
def test_an_example_is_taken_whole_and_exported_again(text):
    assert take(text).changes.lines
    assert take(text).changes.lines == []
    assert take(exporter.export()).changes.lines == []


def test_the_minimal_one_makes_a_bot_that_asks_strangers_for_a_code():
    found = of(MINIMAL)
    assert (found.account_id, found.token, found.base_url, found.listens) == (
        "default",
        "mm-token",
        "https://chat.example.com",
        True,
    )
    assert found.policy.dm_policy == "pairing"


def test_slash_commands_are_off_unless_said_and_auto_is_off():
    assert of("{ channels: { mattermost: {} } }").commands.native is False
    assert of('{ channels: { mattermost: { commands: { native: "auto" } } } }').commands.native is False
    found = of(COMMANDS).commands
    assert (found.native, found.native_skills) == (True, True)
    assert found.callback_url == "https://gateway.example.com/api/channels/mattermost/command"


def test_the_other_ones_hold_for_every_account_that_says_nothing_else():
    assert (of(PREFIXES).policy.chatmode, of(PREFIXES).policy.onchar_prefixes) == ("onchar", (">", "!"))
    assert of(THREADS).policy.reply_to_mode == "all"
    assert of(GROUPS).policy.groups == (GroupRule("*", True), GroupRule("team-channel-id", False))
    assert of(BUTTONS).capabilities == ("inlineButtons",)


def test_several_accounts_are_named_and_connected_each_by_itself():
    take(ACCOUNTS)
    found = {account.account_id: settings_for(account.pk) for account in Account.objects.all()}
    assert {key: (one.name, one.token, one.base_url) for key, one in found.items()} == {
        "default": ("Primary", "mm-token", "https://chat.example.com"),
        "alerts": ("Alerts", "mm-token-2", "https://alerts.example.com"),
    }
