"""Accounts: added, changed, switched and put away, each with its audit row, and tokens that go to no new host."""

from __future__ import annotations

import pytest

from mattermost_bridge.config import importer
from mattermost_bridge.config.effective import settings_for
from mattermost_bridge.models import (
    Account,
    Agent,
    AuditEntry,
    BridgeDefaults,
    ChannelCursor,
    Delivery,
    InboundEvent,
    KnownChannel,
    ListenerLease,
    OutboxState,
)
from mattermost_bridge.services import accounts, defaults, inbox, tokens
from mattermost_bridge.services.accounts import ConnectionTest
from mattermost_bridge.services.audit import Actor
from mattermost_bridge.services.errors import ConfirmationNeeded, NotFound, Refused
from tests.bridge import direct_post

pytestmark = pytest.mark.django_db
ALICE = Actor("alice", "panel")
URL = "https://chat.example.com"
BOT, OTHER = "bot".ljust(26, "0"), "other".ljust(26, "0")


@pytest.fixture(autouse=True)
def hints(hinted):
    """No hint leaves the process."""
    return hinted


def seen(bot: str = BOT, name: str = "durar") -> ConnectionTest:
    return ConnectionTest(ok=True, bot_user_id=bot, bot_username=name)


def make(account_id="ops", **values) -> Account:
    values = {"base_url": URL, "token": "first-token", "tested": seen(), **values}
    return accounts.create(actor=ALICE, account_id=account_id, **values)


def generation(account) -> int:
    return ListenerLease.objects.get(account=account).generation


def change(account, **values):
    return accounts.update(account.pk, actor=ALICE, **values)


def test_an_account_is_added_ready_to_listen():
    account = make(base_url=f"{URL}/api/v4/", name=" Ops ")
    found = settings_for(account.pk)
    assert (found.base_url, found.name, found.token, found.bot_username) == (URL, "Ops", "first-token", "durar")
    assert found.listens
    assert OutboxState.objects.filter(account=account).exists()
    assert ListenerLease.objects.filter(account=account).exists()
    assert account.bot_token_set_at is not None


def test_no_token_is_in_the_audit_log():
    account = make()
    change(account, token="second-token", tested=seen())
    change(account, token_ref="env:MATTERMOST_OPS")
    text = "\n".join(f"{row.summary} {row.details}" for row in AuditEntry.objects.all())
    assert "stored" in text
    assert "env:MATTERMOST_OPS" in text
    assert "first-token" not in text
    assert "second-token" not in text


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"account_id": "Ops Team"}, "account id"),
        ({"account_id": ""}, "account id"),
        ({"base_url": "chat.example.com"}, "http"),
        ({"token": "two words"}, "blank"),
        ({"token": "t" * 501}, "longer"),
        ({"token": "env:MATTERMOST_X"}, "reference"),
        ({"token": "x", "token_ref": "env:MATTERMOST_X"}, "not both"),
        ({"token": "", "token_ref": "env:HOME"}, "not allowed"),
        ({"dm_policy": "everybody"}, "dm_policy"),
        ({"text_chunk_limit": 3}, "text_chunk_limit"),
        ({"pairing_text": "no place for it"}, "{code}"),
        ({"dm_policy": "open"}, 'to include "*"'),
    ],
)
def test_what_cannot_work_is_refused_with_a_sentence(values, sentence):
    with pytest.raises(Refused) as error:
        make(**values)
    assert sentence in str(error.value)
    assert not Account.objects.exists()


def test_an_id_is_used_once_also_when_its_account_is_archived():
    account = make()
    with pytest.raises(Refused, match="already"):
        make(tested=seen(OTHER))
    accounts.archive(account.pk, actor=ALICE)
    with pytest.raises(Refused, match="Restore it"):
        make()


def test_a_change_that_is_none_leaves_no_trace():
    account = make()
    rows, version = AuditEntry.objects.count(), BridgeDefaults.objects.get().settings_version
    change(account, base_url=URL, name="")
    assert AuditEntry.objects.count() == rows
    assert BridgeDefaults.objects.get().settings_version == version


def test_a_change_is_seen_at_once_and_says_old_and_new():
    account = make()
    before = settings_for(account.pk)
    change(account, dm_policy="disabled", text_chunk_limit=500)
    after = settings_for(account.pk)
    assert after.version > before.version
    assert (after.policy.dm_policy, after.text_chunk_limit) == ("disabled", 500)
    assert AuditEntry.objects.first().details == {"dm_policy": ["", "disabled"], "text_chunk_limit": [None, 500]}


class TestHosts:
    def test_another_host_needs_the_token_again(self):
        account = make()
        for url in ("https://evil.example", "http://chat.example.com", f"{URL}:8443"):
            with pytest.raises(Refused, match="Enter the bot token again"):
                change(account, base_url=url)
        assert settings_for(account.pk).base_url == URL
        change(account, base_url="https://new.example", token="first-token", tested=seen())
        assert settings_for(account.pk).base_url == "https://new.example"

    def test_a_first_address_needs_the_token_again_too(self):
        account = make(base_url="")
        with pytest.raises(Refused, match="Enter the bot token again"):
            change(account, base_url=URL)

    def test_another_path_on_the_same_host_does_not(self):
        account = make()
        before = generation(account)
        change(account, base_url=f"{URL}/mattermost")
        assert generation(account) == before + 1

    def test_the_environments_token_stays_with_the_environments_address(self, monkeypatch):
        monkeypatch.setenv("MATTERMOST_BOT_TOKEN", "from-environment")
        monkeypatch.setenv("MATTERMOST_URL", URL)
        account = make("default", base_url="", token="")
        with pytest.raises(Refused, match="Enter the bot token again"):
            change(account, base_url="https://evil.example")

    def test_the_address_of_the_defaults_takes_no_stored_token_along(self):
        defaults.update(actor=ALICE, base_url=URL)
        make(base_url="")
        with pytest.raises(Refused, match=r"a token: ops\."):
            defaults.update(actor=ALICE, base_url="https://evil.example")
        assert BridgeDefaults.objects.get().base_url == URL

    def test_nor_that_of_an_account_in_the_archive(self):
        defaults.update(actor=ALICE, base_url=URL)
        account = make(base_url="")
        accounts.archive(account.pk, actor=ALICE)
        defaults.update(actor=ALICE, base_url="https://new.example")
        accounts.restore(account.pk, actor=ALICE)
        assert settings_for(account.pk).base_url == URL

    def test_a_form_is_not_tested_with_the_stored_token_at_a_new_host(self, monkeypatch):
        calls = []
        monkeypatch.setattr(tokens, "test_connection", lambda *args, **kwargs: calls.append((args, kwargs)) or seen())
        account = make()
        assert "Enter the bot token again" in tokens.try_settings(account, base_url="https://evil.example").problem
        assert calls == []
        assert tokens.try_settings(account, base_url=f"{URL}/").ok
        assert tokens.try_settings(account, base_url="https://evil.example", token="typed").ok
        assert calls == [((f"{URL}/", "first-token"), {}), (("https://evil.example", "typed"), {"token_ref": ""})]


class TestBots:
    def test_another_bots_token_asks_and_then_forgets_what_was_the_old_ones(self):
        account = make()
        ChannelCursor.objects.create(account=account, channel_id="c")
        KnownChannel.objects.create(account=account, channel_id="d", type="D")
        KnownChannel.objects.create(account=account, channel_id="o", type="O")
        ListenerLease.objects.filter(account=account).update(proven_until=99)
        change_it = {"token": "second-token", "tested": seen(OTHER, "helper")}
        with pytest.raises(ConfirmationNeeded, match="@helper instead of @durar"):
            change(account, **change_it)
        assert settings_for(account.pk).token == "first-token"
        assert ChannelCursor.objects.exists()
        change(account, **change_it, confirm_other_bot=True)
        found = settings_for(account.pk)
        assert (found.token, found.bot_user_id, found.bot_username) == ("second-token", OTHER, "helper")
        assert not ChannelCursor.objects.exists()
        assert list(KnownChannel.objects.values_list("type", flat=True)) == ["O"]
        assert ListenerLease.objects.get(account=account).proven_until == 0

    def test_a_new_token_of_the_same_bot_keeps_all(self):
        account = make()
        ChannelCursor.objects.create(account=account, channel_id="c")
        before = generation(account)
        accounts.set_token(account.pk, actor=ALICE, token="second-token", tested=seen())
        assert ChannelCursor.objects.exists()
        assert generation(account) == before + 1

    def test_a_token_that_works_lets_the_outbox_go_on(self):
        account = make()
        from mattermost_bridge.services import outbox

        outbox.park(account.pk, "The token was refused.")
        accounts.set_token(account.pk, actor=ALICE, token="second-token", tested=seen())
        assert OutboxState.objects.get(account=account).parked_since is None

    def test_two_enabled_accounts_cannot_be_one_bot(self):
        first = make()
        with pytest.raises(Refused, match="The account ops already uses the bot @durar"):
            make("second")
        second = make("second", enabled=False)
        with pytest.raises(Refused, match="already uses the bot"):
            accounts.enable(second.pk, actor=ALICE)
        accounts.disable(first.pk, actor=ALICE)
        accounts.enable(second.pk, actor=ALICE)

    def test_not_even_when_one_of_them_inherits_the_address(self):
        defaults.update(actor=ALICE, base_url=URL)
        make()
        with pytest.raises(Refused, match="already uses the bot"):
            make("second", base_url="")

    def test_the_same_bot_id_on_another_server_is_another_bot(self):
        make()
        make("second", base_url="https://other.example")

    def test_a_listener_tells_who_the_bot_is(self):
        account = make(tested=None)
        rows = AuditEntry.objects.count()
        tokens.identify(account.pk, BOT, "durar")
        assert settings_for(account.pk).bot_user_id == BOT
        assert AuditEntry.objects.count() == rows + 1
        tokens.identify(account.pk, BOT, "durar")
        assert AuditEntry.objects.count() == rows + 1

    def test_a_listener_does_not_run_as_another_bot_until_that_is_confirmed(self):
        account = make()
        ChannelCursor.objects.create(account=account, channel_id="c")
        accounts.set_token(account.pk, actor=ALICE, token="second-token")
        with pytest.raises(ConfirmationNeeded, match="another bot than before: @helper instead of @durar"):
            tokens.identify(account.pk, OTHER, "helper")
        before = generation(account)
        change(account, tested=seen(OTHER, "helper"), confirm_other_bot=True)
        assert generation(account) == before + 1
        assert not ChannelCursor.objects.exists()
        tokens.identify(account.pk, OTHER, "helper")

    def test_the_bot_of_a_token_from_a_file_is_taken_once(self):
        account = make()
        ChannelCursor.objects.create(account=account, channel_id="c")
        config = (
            f'{{ channels: {{ mattermost: {{ accounts: {{ ops: {{ baseUrl: "{URL}", botToken: "other" }} }} }} }} }}'
        )
        importer.run(config, actor=ALICE)
        tokens.identify(account.pk, OTHER, "helper")
        assert settings_for(account.pk).bot_user_id == OTHER
        assert not ChannelCursor.objects.exists()
        with pytest.raises(ConfirmationNeeded):
            tokens.identify(account.pk, BOT, "durar")

    def test_a_listener_is_told_when_the_bot_is_taken(self):
        make()
        second = make("second", tested=None)
        with pytest.raises(Refused, match="already uses the bot"):
            tokens.identify(second.pk, BOT, "durar")
        assert settings_for(second.pk).bot_user_id == ""


class TestSwitches:
    def test_disabling_and_enabling_reach_the_listener(self):
        account = make()
        before = generation(account)
        accounts.disable(account.pk, actor=ALICE)
        assert not settings_for(account.pk).listens
        accounts.disable(account.pk, actor=ALICE)
        accounts.enable(account.pk, actor=ALICE)
        assert settings_for(account.pk).listens
        assert generation(account) == before + 2
        assert AuditEntry.objects.filter(verb__in=["account.enable", "account.disable"]).count() == 2

    def test_an_archived_account_keeps_its_history_and_sends_nothing(self):
        account = make()
        before = generation(account)
        waiting = Delivery.objects.create(account=account, channel_id="c", text="x")
        sent = Delivery.objects.create(account=account, channel_id="c", text="y", state="sent")
        accounts.archive(account.pk, actor=ALICE)
        waiting.refresh_from_db()
        sent.refresh_from_db()
        assert (waiting.state, waiting.error) == ("cancelled", "The account was archived.")
        assert waiting.settled_at is not None
        assert sent.state == "sent"
        assert generation(account) == before + 1
        assert not settings_for(account.pk).listens
        with pytest.raises(Refused, match="archived"):
            accounts.enable(accounts.disable(account.pk, actor=ALICE).pk, actor=ALICE)

    def test_an_archived_account_comes_back(self):
        account = make()
        accounts.archive(account.pk, actor=ALICE)
        accounts.restore(account.pk, actor=ALICE)
        assert settings_for(account.pk).listens

    def test_but_not_when_another_account_took_its_bot(self):
        account = make()
        accounts.archive(account.pk, actor=ALICE)
        make("second")
        with pytest.raises(Refused, match="already uses the bot"):
            accounts.restore(account.pk, actor=ALICE)

    def test_an_account_that_is_gone_is_a_sentence(self):
        with pytest.raises(NotFound):
            accounts.enable(12345, actor=ALICE)


class TestDefaults:
    def test_the_switch_of_all_reaches_every_listener(self):
        account = make()
        before = generation(account)
        defaults.update(actor=ALICE, enabled=False)
        assert generation(account) == before + 1
        assert not settings_for(account.pk).listens

    def test_open_needs_a_wildcard_in_the_list_of_the_defaults(self):
        with pytest.raises(Refused, match='to include "\\*"'):
            defaults.update(actor=ALICE, dm_policy="open")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("by_defaults", [True, False])
def test_messages_that_waited_for_an_agent_are_answered_once_there_is_one(hinted, server, by_defaults):
    account = make()
    from mattermost_bridge.services import access

    access.add_entry(actor=ALICE, account=account, list="dm", value="*")
    inbox.record(account.pk, [direct_post("hello")])
    hinted.run()
    assert InboundEvent.objects.get().reason == "no_agent"
    echo = Agent.objects.create(slug="echo", backend="echo")
    if by_defaults:
        defaults.update(actor=ALICE, agent=echo)
    else:
        change(account, agent=echo)
    hinted.run()
    assert server.texts() == ["You said: hello"]
