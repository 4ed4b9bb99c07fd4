"""Importing a configuration file: what it replaces, what it keeps, and that it is all or nothing."""

from __future__ import annotations

import pytest

from mattermost_bridge.config import exporter, importer
from mattermost_bridge.config.effective import default_account_id, settings_for
from mattermost_bridge.config.reading import ConfigError
from mattermost_bridge.config.wanted import KEEP
from mattermost_bridge.models import (
    AccessEntry,
    Account,
    Agent,
    AuditEntry,
    BlockedUser,
    BridgeDefaults,
    Delivery,
    ListenerLease,
    OutboxState,
)
from mattermost_bridge.services import access, accounts, installation
from mattermost_bridge.services.audit import SYSTEM
from tests.config.files import ACTOR, CAROL, DAVE, ONE, section, take

pytestmark = pytest.mark.django_db
AGENT = """{ channels: { mattermost: { botToken: "t1", baseUrl: "https://chat.example.com" } },
  models: { providers: { local: { baseUrl: "http://127.0.0.1:8000/v1", apiKey: "key-1", models: ["qwen"] } } },
  agents: { defaults: { model: { primary: "local/qwen" } } } }"""


def the(account_id="default"):
    return settings_for(Account.objects.get(account_id=account_id).pk)


def fails(text) -> str:
    with pytest.raises(ConfigError) as error:
        take(text)
    return str(error.value)


def test_a_file_with_one_account_is_all_that_a_bot_needs():
    take(ONE)
    found = the()
    assert (found.token, found.base_url, found.listens) == ("mm-token", "https://chat.example.com", True)
    assert ListenerLease.objects.filter(account=found.pk).exists()
    assert OutboxState.objects.filter(account=found.pk).exists()


@pytest.mark.parametrize(
    ("said", "entry", "takes"),
    [
        ('input: ["text", "image"]', "", True),
        ('input: ["text"]', "", False),
        ("", "", False),
        ("", "takesImages: true", True),
        ('input: ["text", "image"]', "takesImages: false", False),
    ],
)
def test_a_model_s_input_says_whether_its_agent_gets_images_and_an_entry_counts_more(said, entry, takes):
    models = f'[{{ id: "qwen", {said} }}]'
    own = f"entries: {{ 'local-qwen': {{ model: 'local/qwen', durar: {{ {entry} }} }} }}," if entry else ""
    take(
        f"""{{ models: {{ providers: {{ local: {{ baseUrl: "http://127.0.0.1:8000/v1", models: {models} }} }} }},
        agents: {{ {own} defaults: {{ model: {{ primary: "local/qwen" }} }} }} }}"""
    )
    assert Agent.objects.get().takes_images is takes


def test_the_provider_and_the_primary_model_become_the_agent_of_the_defaults():
    take(AGENT)
    agent = Agent.objects.get()
    assert (agent.slug, agent.backend, agent.model, agent.api_key) == (
        "local-qwen",
        "openai_compatible",
        "qwen",
        "key-1",
    )
    assert the().agent_pk == agent.pk


def test_importing_twice_changes_nothing_the_second_time():
    take(AGENT)
    rows = AuditEntry.objects.count()
    version = BridgeDefaults.objects.get().settings_version
    assert take(AGENT).changes.lines == []
    assert AuditEntry.objects.count() == rows
    assert BridgeDefaults.objects.get().settings_version == version


def test_what_the_file_leaves_out_is_removed_and_said():
    take(
        section(f'botToken: "t", baseUrl: "https://a.example", dmPolicy: "disabled", allowFrom: ["{CAROL}", "{DAVE}"]')
    )
    lines = take(section(f'botToken: "t", baseUrl: "https://a.example", allowFrom: ["{DAVE}"]')).changes.lines
    assert lines == ["- defaults: dmPolicy = disabled", f"- defaults: allowFrom: {CAROL}"]
    assert [entry.value for entry in the().policy.allow_from] == [DAVE]


def test_a_list_that_the_file_lacks_is_inherited_again():
    take(section(f'allowFrom: ["{DAVE}"], accounts: {{ a: {{ allowFrom: ["{CAROL}"], groupAllowFrom: [] }} }}'))
    assert the("a").policy.group_allow_from == ()
    take(section(f'allowFrom: ["{DAVE}"], accounts: {{ a: {{}} }}'))
    assert [entry.value for entry in the("a").policy.allow_from] == [DAVE]
    assert the("a").policy.group_allow_from is None


def test_entries_that_stay_keep_who_added_them_and_those_of_the_panel_are_replaced_too(alice):
    from mattermost_bridge.services.audit import Actor

    take(ONE)
    account = Account.objects.get()
    access.add_entry(actor=Actor.of(alice), account=account, list="dm", value=CAROL, username="carol", note="support")
    access.add_entry(actor=Actor.of(alice), account=account, list="dm", value=DAVE)
    lines = take(section(f'accounts: {{ default: {{ botToken: "mm-token", allowFrom: ["{CAROL}"] }} }}')).changes.lines
    kept = AccessEntry.objects.get()
    assert (kept.value, kept.note, kept.added_by) == (CAROL, "support", alice)
    assert f"- account default: allowFrom: {DAVE}" in lines


def test_pairings_and_blocked_people_stay():
    take(ONE)
    account = Account.objects.get()
    AccessEntry.objects.create(account=account, value=CAROL, source="pairing")
    BlockedUser.objects.create(account=account, user_id=DAVE)
    take(section('botToken: "mm-token", baseUrl: "https://chat.example.com", allowFrom: []'))
    assert [entry.value for entry in the().policy.approved] == [CAROL]
    assert the().policy.blocked == {DAVE}


def test_an_account_that_the_file_lacks_is_archived_and_what_waited_is_cancelled():
    take(section('accounts: { a: { botToken: "t" }, b: { botToken: "u" } }, baseUrl: "https://a.example"'))
    gone = Account.objects.get(account_id="b")
    Delivery.objects.create(account=gone, channel_id="c", text="x")
    lines = take(section('accounts: { a: { botToken: "t" } }, baseUrl: "https://a.example"')).changes.lines
    assert lines == ["- account b: archived, since the file does not name it"]
    assert Delivery.objects.get().state == "cancelled"
    assert the("b").archived
    take(section('accounts: { a: { botToken: "t" }, b: { botToken: "u" } }, baseUrl: "https://a.example"'))
    assert not the("b").archived


def test_an_archived_account_keeps_the_address_that_its_token_was_entered_for():
    take(section('accounts: { a: { botToken: "t" }, b: { botToken: "u" } }, baseUrl: "https://a.example"'))
    take(section('accounts: { a: { botToken: "t" } }, baseUrl: "https://other.example"'))
    account = accounts.restore(Account.objects.get(account_id="b").pk, actor=SYSTEM)
    assert settings_for(account.pk).base_url == "https://a.example"


def test_a_file_without_the_section_takes_everything_away():
    take(ONE)
    take('{ channels: { defaults: { groupPolicy: "open" } } }')
    assert the().archived
    assert not BridgeDefaults.objects.get().section_exists
    assert the().policy.group_policy == "allowlist"


def test_a_wrong_file_changes_nothing():
    take(ONE)
    before = list(Account.objects.values()), list(BridgeDefaults.objects.values())
    text = fails(section('accounts: { b: { durar: { agent: "nobody" } } }'))
    assert "channels.mattermost.accounts.b.durar.agent: names the agent nobody, which does not exist" in text
    assert (list(Account.objects.values()), list(BridgeDefaults.objects.values())) == before


def test_a_preview_says_the_same_and_changes_nothing():
    preview = importer.preview(AGENT, actor=ACTOR)
    assert not Account.objects.exists()
    assert not AuditEntry.objects.exists()
    assert take(AGENT).changes.lines == preview.changes.lines


class TestSecrets:
    def test_a_kept_token_stays(self):
        take(ONE)
        assert take(ONE.replace("mm-token", KEEP)).changes.lines == []
        assert the().token == "mm-token"

    def test_keeping_what_is_not_there_is_an_error(self):
        assert "no such account" in fails(ONE.replace("mm-token", KEEP))
        take(section('baseUrl: "https://chat.example.com"'))
        assert "none is stored" in fails(ONE.replace("mm-token", KEEP))

    def test_a_kept_token_does_not_go_to_a_new_host(self):
        take(ONE)
        moved = ONE.replace("chat.example.com", "other.example.com")
        assert "Enter the bot token again" in fails(moved.replace("mm-token", KEEP))
        assert the().base_url == "https://chat.example.com"
        take(moved)
        assert the().base_url == "https://other.example.com"

    def test_a_kept_token_does_not_go_to_a_new_host_of_the_defaults_either(self):
        take(section('baseUrl: "https://a.example", accounts: { a: { botToken: "t" } }'))
        text = fails(section(f'baseUrl: "https://b.example", accounts: {{ a: {{ botToken: "{KEEP}" }} }}'))
        assert "Enter the bot token again" in text

    def test_a_kept_key_does_not_go_to_a_new_host(self):
        take(AGENT)
        moved = AGENT.replace("127.0.0.1:8000", "evil.example")
        assert "Enter the key again" in fails(moved.replace("key-1", KEEP))
        take(moved)
        assert Agent.objects.get().base_url == "http://evil.example/v1"

    def test_a_token_that_the_file_lacks_is_removed(self):
        take(ONE)
        assert "- account default: token" in take(section('baseUrl: "https://chat.example.com"')).changes.lines
        assert the().token == ""

    def test_a_changed_token_makes_the_listener_connect_anew(self):
        take(ONE)
        before = ListenerLease.objects.get().generation
        take(ONE.replace("mm-token", "mm-other"))
        assert ListenerLease.objects.get().generation > before

    def test_no_secret_is_in_audit_rows_or_lines(self):
        lines = take(AGENT).changes.lines + take(AGENT.replace("t1", "t-two").replace("key-1", "key-2")).changes.lines
        text = "\n".join([*lines, *(f"{row.summary} {row.details}" for row in AuditEntry.objects.all())])
        assert "token" in text
        for secret in ("t1", "t-two", "key-1", "key-2"):
            assert secret not in text


def test_an_open_policy_that_would_lose_its_wildcard_is_refused():
    take(section('allowFrom: ["*"], accounts: { a: { dmPolicy: "open" } }'))
    assert 'to include "*"' in fails(section('allowFrom: [], accounts: { a: { dmPolicy: "open" } }'))
    take(section('allowFrom: [], accounts: { a: { dmPolicy: "pairing" } }'))


def test_two_accounts_that_are_known_to_be_one_bot_are_refused():
    take(
        section(
            'baseUrl: "https://a.example", accounts: { a: { botToken: "t" }, b: { botToken: "u", enabled: false } }'
        )
    )
    Account.objects.update(bot_user_id=CAROL)
    text = fails(section('baseUrl: "https://a.example", accounts: { a: { botToken: "t" }, b: { botToken: "u" } }'))
    assert "already uses the bot" in text


def test_ends_of_entries_are_taken_over():
    until = "2031-01-02T03:04:05+00:00"
    body = f'allowFrom: ["{CAROL}"], durar: {{ allowFromUntil: {{ {CAROL}: "{until}" }} }}'
    take(section(body))
    assert AccessEntry.objects.get().expires_at.isoformat() == until
    assert take(section(body)).changes.lines == []


class TestTheBotOfTheEnvironment:
    """`MATTERMOST_BOT_TOKEN` describes the account `default`, whatever accounts a file names beside it."""

    FILES = [
        "{ channels: { mattermost: { dmPolicy: 'disabled' } } }",
        "{ channels: { mattermost: { dmPolicy: 'disabled', accounts: { ops: { botToken: 'tok-ops' } } } } }",
    ]

    @pytest.fixture(autouse=True)
    def _environment(self, monkeypatch):
        monkeypatch.setenv("MATTERMOST_BOT_TOKEN", "tok-env")
        monkeypatch.setenv("MATTERMOST_URL", "https://chat.example.com")

    @pytest.mark.parametrize("text", FILES)
    @pytest.mark.parametrize("started_before", [True, False])
    def test_it_is_there_after_an_import_whatever_came_first(self, text, started_before):
        if started_before:
            installation.ensure_environment_account()
        take(text)
        settings = settings_for(Account.objects.get(account_id="default", archived_at=None).pk)
        assert (settings.token, settings.base_url, settings.policy.dm_policy) == (
            "tok-env",
            "https://chat.example.com",
            "disabled",
        )
        assert take(text).changes.lines == []
        assert take(exporter.export()).changes.lines == []

    @pytest.mark.parametrize("url", ["https://chat.example.com", ""])
    def test_it_stands_beside_named_accounts_which_take_nothing_of_the_environment(self, monkeypatch, url):
        monkeypatch.setenv("MATTERMOST_URL", url)
        ops = accounts.create(actor=SYSTEM, account_id="ops")
        installation.ensure_environment_account()
        default = settings_for(Account.objects.get(account_id="default").pk)
        assert (default.token, default.base_url, default.listens) == ("tok-env", url, bool(url))
        assert bool(url) or "channels.mattermost.accounts.default.baseUrl or MATTERMOST_URL" in default.missing
        assert (settings_for(ops.pk).token, settings_for(ops.pk).base_url) == ("", "")
        assert default_account_id() == "default"

    def test_an_archived_one_and_one_with_a_token_of_its_own_are_as_the_file_says(self):
        take("{ channels: { mattermost: { botToken: 'tok-own', baseUrl: 'https://chat.example.com' } } }")
        take(self.FILES[1])
        assert Account.objects.get(account_id="default").is_archived
        assert take(self.FILES[1]).changes.lines == []

    def test_a_file_without_the_section_takes_it_away_too(self):
        installation.ensure_environment_account()
        take("{}")
        assert Account.objects.get(account_id="default").is_archived
