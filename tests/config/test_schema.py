"""Checks of configuration files: what is refused, with which sentence and where, and what is only noted."""

from __future__ import annotations

import pytest

from mattermost_bridge.config.reading import ConfigError
from mattermost_bridge.config.schema import parse
from mattermost_bridge.config.wanted import KEEP, Secret
from tests.config.files import CAROL, ONE, section


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigError) as error:
        parse(text)
    return error.value.problems


def test_the_minimal_file_describes_the_account_default():
    wanted = parse(ONE)
    assert wanted.section.base_url == "https://chat.example.com"
    assert wanted.section.settings == {"dm_policy": "pairing"}
    assert wanted.accounts["default"].token == Secret(value="mm-token")
    assert wanted.notes == ()


def test_several_accounts_keep_what_is_their_own():
    wanted = parse(
        section("""dmPolicy: "allowlist", accounts: {
            default: { name: "Primary", botToken: "mm-token", baseUrl: "https://chat.example.com" },
            "Ops Team": { botToken: { source: "env", provider: "default", id: "MATTERMOST_OPS" } },
            idle: null }""")
    )
    assert list(wanted.accounts) == ["default", "ops-team", "idle"]
    assert wanted.accounts["default"].settings == {}
    assert wanted.accounts["ops-team"].token == Secret(reference="env:MATTERMOST_OPS")
    assert any("is kept as the account ops-team" in note for note in wanted.notes)


def test_a_token_at_the_root_belongs_to_default_only():
    wanted = parse(section('botToken: "root", accounts: { ops: { botToken: "own" }, idle: {} }'))
    assert wanted.accounts["default"].token.value == "root"
    assert wanted.accounts["idle"].token == Secret()


def test_a_token_of_default_itself_counts_before_the_one_at_the_root():
    wanted = parse(section('botToken: "root", accounts: { default: { botToken: "own" } }'))
    assert wanted.accounts["default"].token.value == "own"
    assert any("is not used" in note for note in wanted.notes)


@pytest.mark.parametrize(
    ("text", "path", "sentence"),
    [
        (section('dmPolice: "open"'), "channels.mattermost.dmPolice (line 1", "Is dmPolicy meant?"),
        (section("accounts: { a: { defaultAccount: 'x' } }"), "accounts.a.defaultAccount", "does not exist"),
        ("{ chanels: {} }", "chanels", "Is channels meant?"),
        ("{ channels: { matermost: {} } }", "channels.matermost", "Is mattermost meant?"),
        ("{ channels: [] }", "channels", "must be an object"),
        (section('dmPolicy: "everybody"'), "dmPolicy", "must be one of pairing, allowlist, open, disabled, not"),
        (section("groupPolicy: 3"), "groupPolicy", "must be one of"),
        ('{ channels: { defaults: { groupPolicy: "all" } } }', "channels.defaults.groupPolicy", "must be one of"),
        (section("enabled: 'yes'"), "enabled", "must be true or false"),
        (section("textChunkLimit: 0"), "textChunkLimit", "whole number above 0"),
        (section("textChunkLimit: 1.5"), "textChunkLimit", "whole number above 0"),
        (section("textChunkLimit: true"), "textChunkLimit", "whole number above 0"),
        (section("allowFrom: '*'"), "allowFrom", "must be a list"),
        (section("allowFrom: [{}]"), "allowFrom[0]", "a text or a number"),
        (section("name: 3"), "name", "a text in quotes"),
        (section("botToken: 3"), "botToken", "a text in quotes or a reference"),
        (section("botToken: 'a b'"), "botToken", "blank"),
        (section("botToken: '${MATTERMOST_BOT_TOKEN}'"), "botToken", "env:NAME"),
        (section("botToken: { source: 'exec', provider: 'p', id: 'x' }"), "botToken", "not supported"),
        (section("baseUrl: 'chat.example.com'"), "baseUrl", "http"),
        (section("durar: { pairingText: 'write to us' }"), "durar.pairingText", "{code}"),
        (section("durar: { agnet: 'x' }"), "durar.agnet", "Is agent meant?"),
        (section("allowFrom: ['*'], durar: { allowFromUntil: { '*': 'soon' } }"), "allowFromUntil.*", "a time"),
        (section("allowFrom: [], durar: { allowFromUntil: { '*': '2030-01-01' } }"), "Until.*", "names nobody"),
        (section("durar: { groupAllowFromUntil: { '*': '2030-01-01' } }"), "Until.*", "without groupAllowFrom"),
        (section("accounts: { 'Ops Team': {}, 'ops-team': {} }"), "accounts.ops-team", "same account"),
        ("{ agents: { defaults: { model: { primary: 'gpt' } } } }", "model.primary", "provider and model"),
        ("{ agents: { defaults: { model: { primary: 'a/b' } } } }", "model.primary", "models.providers.a"),
        ("{ models: { providers: { a: {} } }, agents: { defaults: { model: 'a/b' } } }", "baseUrl", "is missing"),
        ("{ models: { providers: { a: { url: 'x' } } } }", "models.providers.a.url", "does not exist"),
    ],
)
def test_what_is_wrong_is_said_with_its_path(text, path, sentence):
    (problem,) = problems(text)
    assert path in problem
    assert sentence in problem


def test_all_problems_are_said_at_once():
    assert len(problems(section("enabled: 3, name: 4, nonsense: 5"))) == 3


OPEN = 'channels.mattermost.dmPolicy="open" requires channels.mattermost.allowFrom to include "*"'


@pytest.mark.parametrize(
    "body",
    [
        'dmPolicy: "open"',
        f'dmPolicy: "open", allowFrom: ["{CAROL}"]',
        'accounts: { a: { dmPolicy: "open" } }',
        'allowFrom: ["*"], accounts: { a: { dmPolicy: "open", allowFrom: [] } }',
    ],
)
def test_open_needs_a_wildcard(body):
    (problem,) = problems(section(body))
    assert OPEN in problem
    assert "allowFrom" in problem.split(":")[0]


@pytest.mark.parametrize(
    "body",
    [
        'dmPolicy: "open", allowFrom: ["*"]',
        'allowFrom: ["*"], accounts: { a: { dmPolicy: "open" } }',
        'accounts: { a: { dmPolicy: "open", allowFrom: ["*"] } }',
    ],
)
def test_open_with_a_wildcard_of_its_own_or_inherited_is_right(body):
    parse(section(body))


def test_two_enabled_accounts_with_one_token_are_refused_without_showing_it():
    (problem,) = problems(section('accounts: { a: { botToken: "very-secret" }, b: { botToken: "very-secret" } }'))
    assert "same token as that of the account a" in problem
    assert "very-secret" not in problem
    parse(section('accounts: { a: { botToken: "very-secret" }, b: { botToken: "very-secret", enabled: false } }'))


def test_known_keys_that_are_not_used_are_listed_each():
    wanted = parse("""{
        logging: {}, session: { dmScope: "main", reset: {} },
        channels: { slack: {}, mattermost: { configWrites: true, accounts: { a: { streaming: { mode: "off" } } } } },
        agents: { defaults: { model: { primary: "a/b", fallbacks: [] }, workspace: "~" }, list: [] },
        models: { providers: { a: { baseUrl: "http://x/v1", api: "openai-completions" }, b: {} } },
    }""")
    text = "\n".join(wanted.notes)
    for key in (
        "logging",
        "session.reset",
        "channels.slack",
        "channels.mattermost.configWrites",
        "channels.mattermost.accounts.a.streaming.mode",
        "agents.list",
        "agents.defaults.workspace",
        "agents.defaults.model.fallbacks",
        "models.providers.a.api",
        "models.providers.b",
    ):
        assert f"{key} (line" in text


def test_lists_take_numbers_drop_blanks_and_note_names():
    wanted = parse(section(f'allowFrom: ["user:{CAROL.upper()}", 42, " ", "@carol", "*", "{CAROL}"]'))
    assert [entry.value for entry in wanted.section.allow_from] == [CAROL, "42", "@carol", "*"]
    assert len(wanted.notes) == 3


def test_a_limit_beyond_what_a_post_holds_is_cut_and_noted():
    wanted = parse(section("textChunkLimit: 20000"))
    assert wanted.section.settings["text_chunk_limit"] == 16383
    assert "20000" in wanted.notes[0]


def test_the_primary_model_names_an_agent():
    provider = """{ baseUrl: "http://127.0.0.1:8000/v1", apiKey: "env:DURAR_SECRET_K", models: [{ id: "qwen" }] }"""
    text = f"{{ models: {{ providers: {{ local: {provider} }} }}, agents: {{ defaults: {{ model: 'local/qwen' }} }} }}"
    agent = parse(text).agent
    assert (agent.slug, agent.model, agent.key.reference) == ("local-qwen", "qwen", "env:DURAR_SECRET_K")


def test_secrets_are_not_printed():
    assert "mm-token" not in repr(parse(ONE))
    assert parse(section(f'accounts: {{ a: {{ botToken: "{KEEP}" }} }}')).accounts["a"].token == Secret(keep=True)
