"""Every setting is a field: it says what it inherits, is checked where it stands, and can inherit again."""

from __future__ import annotations

import html

import pytest

from mattermost_bridge.config.effective import settings_for
from mattermost_bridge.config.table import OF_ACCOUNTS, OF_ALL
from mattermost_bridge.models import Account, BridgeDefaults
from tests import factories
from tests.config.files import take

pytestmark = pytest.mark.django_db
DEFAULTS = "/mattermost_bridge/bridgedefaults/1/change/"


def page_of(account: Account) -> str:
    return f"/mattermost_bridge/account/{account.pk}/change/"


def shown(client, address: str) -> str:
    return html.unescape(client.get(address).content.decode())


def filled(client, address: str, **values: str) -> dict[str, str]:
    """The form as a browser would send it back, with these values."""
    form = client.get(address).context["adminform"].form
    given = {name: form.get_initial_for_field(field, name) for name, field in form.fields.items()}
    sent = {name: "on" if value is True else str(value) for name, value in given.items() if value not in (None, False)}
    return {**sent, **values}


@pytest.fixture
def account():
    BridgeDefaults.objects.get_or_create(pk=1)
    return factories.AccountFactory(account_id="ops")


def test_every_setting_stands_in_the_forms_once(as_alice, account):
    for address, settings in ((page_of(account), OF_ACCOUNTS), (DEFAULTS, {**OF_ACCOUNTS, **OF_ALL})):
        page = as_alice.get(address)
        shown = [name for fieldset in page.context["adminform"] for line in fieldset for name in line.fields]
        assert set(settings) <= set(shown)
        assert len(shown) == len(set(shown))


def test_fields_say_what_they_inherit_and_from_where(as_alice, account):
    BridgeDefaults.objects.update(
        chatmode="onchar", onchar_prefixes=["?", "#"], answers_bots=True, messages_history_limit=7
    )
    page = shown(as_alice, page_of(account))
    for words in (
        "Inherited: On character: posts that begin with a prefix, or mention it (the defaults)",
        "Empty: inherits ?, # (the defaults).",
        "Inherited: yes (the defaults)",
        "Empty: inherits 7 (the defaults).",
        "Empty: inherits 24 (built-in).",
        "Inherited: Off: in the channel; in a thread when the post stands in one (built-in)",
    ):
        assert words in page


def test_a_value_is_set_and_given_back(as_alice, account):
    set_here = {
        "chatmode": "onmessage",
        "onchar_prefixes": "!\r\n\r\n ? ",
        "answers_bots": "true",
        "implicit_thread": "false",
        "answer_within_hours": "1.5",
        "capabilities": "(none)",
    }
    as_alice.post(page_of(account), filled(as_alice, page_of(account), **set_here))
    found = settings_for(account.pk)
    assert (found.policy.chatmode, found.policy.onchar_prefixes) == ("onmessage", ("!", "?"))
    assert (found.policy.answers_bots, found.policy.implicit_thread) == (True, False)
    assert found.policy.answer_within_hours == 1.5
    account.refresh_from_db()
    assert account.capabilities == []
    assert found.policy.source_of("chatmode") == "account"
    same = filled(as_alice, page_of(account), answers_bots="true", implicit_thread="false")
    as_alice.post(page_of(account), same)
    account.refresh_from_db()
    assert (account.onchar_prefixes, account.capabilities) == (["!", "?"], [])
    back = {name: "" for name in set_here} | {"answers_bots": "unknown", "implicit_thread": "unknown"}
    as_alice.post(page_of(account), {**same, **back})
    account.refresh_from_db()
    assert all(not setting.is_set(getattr(account, name)) for name, setting in OF_ACCOUNTS.items())


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("commands_callback_path", "no slash", "Must be a path that begins with /"),
        ("commands_callback_url", "gateway.example.com", "Must be an address that begins with http"),
        ("interactions_allowed_source_ips", "10.0.0.0/8\nnonsense", "'nonsense' is none"),
        ("agent_targets", "somewhere", "Must be targets"),
        ("bot_turns", "0", "from 1 to 1000"),
        ("pairing_text", "no place", "{code}"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(as_alice, account, name, value, sentence):
    response = as_alice.post(page_of(account), filled(as_alice, page_of(account), **{name: value}))
    errors = response.context["adminform"].form.errors
    assert sentence in " ".join(errors[name])


def test_what_holds_for_all_accounts_is_set_on_the_page_of_the_defaults(as_alice, account):
    values = {
        "dm_scope": "main",
        "identity_links": "carol = mattermost:a, mattermost:b",
        "mention_patterns": "(none)",
        "control_commands": "false",
        "debounce_ms": "800",
    }
    as_alice.post(DEFAULTS, filled(as_alice, DEFAULTS, **values))
    found = settings_for(account.pk)
    assert found.policy.dm_scope == "main"
    assert found.policy.identity_links == (("carol", ("mattermost:a", "mattermost:b")),)
    assert found.policy.mention_patterns == ()
    assert found.policy.control_commands is False
    assert found.debounce_ms == 800
    for wrong, sentence in (
        ({"mention_patterns": "(open"}, "Must be a regular expression"),
        ({"identity_links": "carol"}, "Write name ="),
    ):
        response = as_alice.post(DEFAULTS, filled(as_alice, DEFAULTS, **wrong))
        assert sentence in str(response.context["adminform"].form.errors)


def test_what_nothing_reads_is_shown_and_stays(as_alice):
    take('{ channels: { mattermost: { streaming: { mode: "off" }, botToken: "t", baseUrl: "https://a.example" } } }')
    page = shown(as_alice, DEFAULTS)
    assert "In files only" in page
    assert "streaming.mode" in page
    as_alice.post(DEFAULTS, filled(as_alice, DEFAULTS, chatmode="onchar"))
    assert BridgeDefaults.objects.get().kept == {"streaming.mode": "off"}


def test_a_copy_begins_with_all_settings_of_its_source(as_alice, account):
    Account.objects.update(chatmode="onchar", history_limit=3, kept={"configWrites": False})
    address = f"/mattermost_bridge/account/add/?copy_of={account.pk}"
    as_alice.post(address, filled(as_alice, address, account_id="other", base_url="https://b.example"))
    copy = Account.objects.get(account_id="other")
    assert (copy.chatmode, copy.history_limit, copy.kept) == ("onchar", 3, {"configWrites": False})
