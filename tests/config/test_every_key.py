"""Every key of the tables: taken at its place, refused with its place when it is wrong, inherited as it should."""

from __future__ import annotations

import json

import pytest

from mattermost_bridge.config import effective
from mattermost_bridge.config.effective import settings_for
from mattermost_bridge.config.effective_values import chosen
from mattermost_bridge.config.reading import ConfigError
from mattermost_bridge.config.schema import parse
from mattermost_bridge.config.setting import Kind, Setting, Where
from mattermost_bridge.config.table import ALL, OF_ACCOUNTS, OF_ALL
from mattermost_bridge.config.values import to_file
from mattermost_bridge.models import Account, BridgeDefaults
from tests.config.files import section, take
from tests.config.random_settings import EXAMPLES

SINGLE = [setting for setting in ALL if setting.kind is not Kind.BY_HAND and setting.where is not Where.AGENT]
#: What no setting of the kind can be.
NONSENSE = {
    Kind.FLAG: "yes",
    Kind.SWITCH: "on",
    Kind.WHOLE: 1.5,
    Kind.NUMBER: "1",
    Kind.CHOICE: "nonsense",
    Kind.LINE: 7,
    Kind.TEXT: False,
    Kind.LINES: "one",
    Kind.LINKS: {"carol": "mattermost:x"},
    Kind.LABEL: True,
}


def example(setting: Setting):
    """A value that is not the built-in one, as it stands in a file."""
    match setting.kind:
        case Kind.FLAG:
            return not setting.default
        case Kind.SWITCH:
            return True
        case Kind.WHOLE | Kind.NUMBER:
            return int(setting.least or 0) + 1
        case Kind.CHOICE:
            return next(word for word, _label in reversed(setting.choices) if word != setting.default)
        case Kind.LINES:
            return [EXAMPLES[setting.each][0]]
        case Kind.LINKS:
            return {"carol": ["mattermost:x"]}
    return EXAMPLES[setting.each][0]


def written(setting: Setting, value, *, account: bool = False) -> tuple[str, str]:
    """A file with the value at the setting's place, and that place."""
    way = [*setting.path]
    if setting.where is Where.CHANNEL:
        way = ["channels", "mattermost", "groups", "*", *way]
    elif setting.where is Where.SHARED:
        way = ["channels", "mattermost", *(("accounts", "ops") if account else ()), *way]
    content = value
    for key in reversed(way):
        content = {key: content}
    return json.dumps(content), ".".join(way)


@pytest.mark.parametrize("setting", SINGLE, ids=lambda setting: f"{setting.where}:{setting.key}")
def test_nonsense_is_refused_with_its_place(setting):
    for account in (False, True):
        text, place = written(setting, NONSENSE[setting.kind], account=account)
        with pytest.raises(ConfigError) as error:
            parse(text)
        (problem,) = error.value.problems
        assert problem.startswith(f"{place}")
        assert "(line 1, column" in problem
        assert "must be" in problem


@pytest.mark.parametrize("setting", SINGLE, ids=lambda setting: f"{setting.where}:{setting.key}")
def test_null_is_nothing_and_what_is_not_used_yet_is_listed(setting):
    assert not any(setting.key in note for note in parse(written(setting, None)[0]).notes)
    value = ["*"] if setting.key == "allowFrom" else example(setting)
    if (setting.key, value) == ("dmPolicy", "open"):
        value = "disabled"
    notes = [note for note in parse(written(setting, value)[0]).notes if note.startswith(written(setting, value)[1])]
    assert [note.endswith("is kept, and not used yet.") for note in notes] == ([] if setting.used else [True])


def everything() -> dict[str, object]:
    """A value for every setting, by column, as files say them."""
    return {name: "disabled" if name == "dm_policy" else example(OF_ACCOUNTS[name]) for name in OF_ACCOUNTS}


def nested(values: dict[str, object]) -> dict[str, object]:
    """The same as the objects of a file."""
    content: dict[str, object] = {}
    for name, value in values.items():
        *way, last = OF_ACCOUNTS[name].path
        place = content
        for key in way:
            place = place.setdefault(key, {})
        place[last] = value
    return content


@pytest.mark.django_db
def test_an_account_overrides_the_section_and_inherits_what_it_leaves_out():
    def holds() -> dict[str, object]:
        account, defaults = Account.objects.get(account_id="ops"), BridgeDefaults.objects.get()
        found = chosen(account, defaults, only=OF_ACCOUNTS)
        shown = {name: to_file(OF_ACCOUNTS[name], value) if value not in (None, "") else value
                 for name, (value, _source) in found.items()}  # fmt: skip
        assert {source for _value, source in found.values()} == {expected}
        return shown

    built_in = {name: setting.default for name, setting in OF_ACCOUNTS.items()}
    # A first delay that is later than the longest one would be refused.
    values = {**everything(), "dm_retry_initial_delay_ms": 200}
    own = json.dumps(nested(values))
    expected = effective.DEFAULTS
    take(f"{{ channels: {{ mattermost: {own[:-1]}, accounts: {{ ops: {{}} }} }} }} }}")
    assert holds() == values
    expected = effective.ACCOUNT
    take(section(f"accounts: {{ ops: {own} }}"))
    assert holds() == values
    expected = effective.BUILT_IN
    take(section("accounts: { ops: {} }"))
    found = holds()
    assert {name: found[name] for name in built_in if "native" not in name} == {
        name: value for name, value in built_in.items() if "native" not in name
    }


@pytest.mark.django_db
class TestFallingBack:
    """Keys that a wider one serves, and objects and lists."""

    def the(self):
        return settings_for(Account.objects.get_or_create(account_id="ops")[0].pk)

    def test_wider_keys_count_before_what_is_built_in(self):
        take("""{ messages: { groupChat: { historyLimit: 7 }, inbound: { debounceMs: 300 } },
            agents: { defaults: { mediaMaxMb: 3 } },
            channels: { defaults: { contextVisibility: "allowlist" }, mattermost: { accounts: { ops: {} } } } }""")
        found = self.the()
        assert (found.history_limit, found.debounce_ms, found.media_max_mb) == (7, 300, 3)
        assert found.context_visibility == "allowlist"
        take("""{ messages: { groupChat: { historyLimit: 7 }, inbound: { debounceMs: 300, byChannel: { mattermost: 0,
            slack: 5 } } }, channels: { mattermost: { historyLimit: 0, accounts: { ops: { mediaMaxMb: 9 } } } } }""")
        found = self.the()
        assert (found.history_limit, found.debounce_ms, found.media_max_mb) == (0, 0, 9)

    def test_objects_are_inherited_field_by_field_and_lists_whole(self):
        take(section("""
            commands: { native: true, callbackPath: "/a" }, interactions: { callbackBaseUrl: "https://a.example" },
            replyToModeByChatType: { direct: "all", group: "off" }, capabilities: ["inlineButtons"],
            accounts: { ops: { commands: { native: "auto" }, interactions: { allowedSourceIps: ["10.0.0.1"] },
                replyToModeByChatType: { group: "first" }, capabilities: [] } }"""))  # fmt: skip
        found = self.the()
        assert (found.commands.native, found.commands.callback_path) == (False, "/a")
        assert found.interactions.callback_base_url == "https://a.example"
        assert found.interactions.allowed_source_ips == ("10.0.0.1",)
        assert dict(found.policy.reply_to_mode_by_type) == {"direct": "all", "group": "first"}
        assert found.capabilities == ()

    def test_an_empty_list_of_prefixes_is_none_and_patterns_can_be_switched_off(self):
        take(
            '{ messages: { groupChat: { mentionPatterns: [] } }, channels: { mattermost: { oncharPrefixes: [" "] } } }'
        )
        policy = self.the().policy
        assert (policy.onchar_prefixes, policy.mention_patterns) == ((">", "!"), ())
        take("{ channels: { mattermost: {} } }")
        assert self.the().policy.mention_patterns is None

    def test_an_agents_own_patterns_count_more(self):
        night = 'night: { durar: { backend: "echo" }, identity: { name: "Owl" }, groupChat: { mentionPatterns: ["x"] }}'
        take(f"""{{ messages: {{ groupChat: {{ mentionPatterns: ["hey"] }} }}, agents: {{ entries: {{ {night} }} }},
            channels: {{ mattermost: {{ durar: {{ agent: "night" }}, accounts: {{ ops: {{}} }} }} }} }}""")
        policy = self.the().policy
        assert (policy.mention_patterns, policy.agent_name, policy.agent_slug) == (("x",), "Owl", "night")
        assert policy.source_of("mention_patterns") == "the agent night"

    def test_the_gateway_is_known_without_an_account(self):
        take('{ gateway: { port: 9000, customBindHost: "10.0.0.1", trustedProxies: ["10.0.0.0/8"], auth: {} } }')
        found = effective.gateway()
        assert (found.port, found.custom_bind_host, found.trusted_proxies) == (9000, "10.0.0.1", ("10.0.0.0/8",))


@pytest.mark.parametrize(
    ("text", "place", "sentence"),
    [
        (section("allowPrivateNetwork: true"), "allowPrivateNetwork", "use network.dangerouslyAllowPrivateNetwork"),
        (section('streaming: "partial"'), "streaming", "must be an object"),
        (section("commands: { nativ: true }"), "commands.nativ", "Is native meant?"),
        (section("streaming: { progress: { maxLines: 0 } }"), "progress.maxLines", "of at least 1"),
        (section("historyLimit: -1"), "historyLimit", "0 or more"),
        (section("capabilities: ['a', 3]"), "capabilities[1]", "a text in quotes"),
        (section("interactions: { allowedSourceIps: ['10.0.0.1', 'x'] }"), "allowedSourceIps[1]", "IP addresses"),
        (
            section("interactions: { callbackBaseUrl: 'durar.lan' }"),
            "callbackBaseUrl",
            "begins with http:// or https://",
        ),
        (section("commands: { callbackUrl: 'durar.lan/x' }"), "callbackUrl", "begins with http:// or https://"),
        (
            "{ gateway: { customBindHost: 'http://durar.lan' } }",
            "gateway.customBindHost",
            "a host name or an IP address",
        ),
        (
            "{ gateway: { trustedProxies: ['http://10.0.0.1'] } }",
            "gateway.trustedProxies[0]",
            "IP addresses or networks",
        ),
        ("{ session: { dmScop: 'main' } }", "session.dmScop", "Is dmScope meant?"),
        ("{ session: { identityLinks: { ' ': ['mattermost:x'] } } }", "identityLinks", "blank name"),
        ("{ messages: { groupChat: { mentionPatterns: ['('] } } }", "mentionPatterns[0]", "regular expression"),
        ("{ bindings: [{ match: { channel: 'mattermost' } }] }", "bindings[0].agentId", "is missing"),
        ("{ bindings: [{ agentId: 'x', match: { channel: 'mattermost' } }] }", "bindings[0].agentId", "does not exist"),
        ("{ bindings: [{ agentId: 'main', match: {} }] }", "bindings[0].match.channel", "is missing"),
        (
            "{ bindings: [{ agentId: 'main', match: { channel: 'mattermost', peer: { kind: 'dm' } } }] }",
            "bindings[0].match.peer",
            "must have a kind and an id",
        ),
        ("{ agents: { entries: { a: {} } } }", "agents.entries.a", "it does not exist yet"),
        (section("groups: { '*': { durar: { agent: 'x' } } }"), "groups.*.durar.agent", "does not exist"),
    ],
)
def test_what_is_wrong_is_said_with_its_path(text, place, sentence):
    with pytest.raises(ConfigError) as error:
        parse(text)
    (problem,) = error.value.problems
    assert place in problem.split(" (line")[0]
    assert sentence in problem


def test_what_concerns_other_bridges_is_noted():
    wanted = parse("""{ session: { reset: {} }, gateway: { mode: "local" }, channels: { defaults: { heartbeat: {} } },
        bindings: [{ agentId: "x", match: { channel: "slack" } },
            { agentId: "main", match: { channel: "mattermost" } }] }""")
    text = "\n".join(wanted.notes)
    for key in ("session.reset", "gateway.mode", "channels.defaults.heartbeat", "bindings[0]"):
        assert f"{key} (line" in text
    assert [one.agent for one in wanted.bindings] == [""]


def test_the_tables_name_every_top_level_object():
    assert {setting.path[0] for setting in OF_ALL.values()} == {
        "agents",
        "channels",
        "commands",
        "gateway",
        "messages",
        "session",
    }
