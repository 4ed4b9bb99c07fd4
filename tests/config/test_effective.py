"""What holds for an account: own values, inherited ones, lists taken whole, and the environment for `default` only."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import transaction

from mattermost_bridge.config import effective
from mattermost_bridge.config.effective import bump_version, settings_for
from mattermost_bridge.models import AccessEntry, Account, Agent, BlockedUser, BridgeDefaults
from mattermost_bridge.rules.types import ListEntry

pytestmark = pytest.mark.django_db
CAROL, DAVE = "carol".ljust(26, "x"), "dave".ljust(26, "x")


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    for name in ("MATTERMOST_BOT_TOKEN", "MATTERMOST_URL"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(f"{name}_FILE", raising=False)


def defaults(**values) -> BridgeDefaults:
    row, _ = BridgeDefaults.objects.update_or_create(pk=1, defaults=values)
    bump_version()
    return row


def account(account_id="ops", **values) -> Account:
    row = Account.objects.create(account_id=account_id, **values)
    bump_version()
    return row


def entry(owner, value, list="dm", **values):
    AccessEntry.objects.create(account=owner, value=value, list=list, **values)
    bump_version()


def values(entries):
    return [each.value for each in entries]


class TestSingleValues:
    def test_without_anything_the_built_in_defaults_hold(self):
        found = settings_for(account().pk)
        assert (found.policy.dm_policy, found.policy.group_policy, found.text_chunk_limit) == (
            "pairing",
            "allowlist",
            4000,
        )
        assert {found.policy.source_of(name) for name in ("dm_policy", "group_policy", "text_chunk_limit")} == {
            "built-in"
        }
        assert not found.configured
        assert not found.policy.has_agent

    def test_each_field_is_inherited_by_itself(self):
        defaults(dm_policy="open", text_chunk_limit=500, base_url="https://chat.example.com")
        found = settings_for(account(dm_policy="disabled").pk)
        assert (found.policy.dm_policy, found.policy.source_of("dm_policy")) == ("disabled", "account")
        assert (found.text_chunk_limit, found.policy.source_of("text_chunk_limit")) == (500, "defaults")
        assert (found.base_url, found.policy.source_of("base_url")) == ("https://chat.example.com", "defaults")

    def test_the_group_policy_of_every_bridge_counts_after_the_own_ones(self):
        defaults(default_group_policy="open")
        ops = account()
        assert settings_for(ops.pk).policy.group_policy == "open"
        assert settings_for(ops.pk).policy.source_of("group_policy") == "channels.defaults"
        defaults(group_policy="disabled")
        assert settings_for(ops.pk).policy.group_policy == "disabled"

    def test_without_the_section_channels_are_on_the_allowlist_whatever_the_defaults_say(self):
        defaults(default_group_policy="open", section_exists=False)
        assert settings_for(account().pk).policy.group_policy == "allowlist"

    def test_the_agent_is_inherited_and_own_ones_win(self):
        echo = Agent.objects.create(slug="echo")
        other = Agent.objects.create(slug="other")
        defaults(agent=echo)
        assert settings_for(account().pk).agent_pk == echo.pk
        found = settings_for(account("second", agent=other).pk)
        assert (found.agent_pk, found.policy.has_agent) == (other.pk, True)

    def test_the_switch_of_the_defaults_turns_every_account_off(self):
        ops = account(bot_token="t" * 26, base_url="https://chat.example.com")
        assert settings_for(ops.pk).listens
        defaults(enabled=False)
        assert not settings_for(ops.pk).listens

    def test_no_post_is_ever_longer_than_a_server_takes(self):
        defaults(text_chunk_limit=20_000)
        assert settings_for(account().pk).text_chunk_limit == 16_383


class TestLists:
    def test_a_list_is_inherited_until_the_account_has_its_own(self):
        defaults(own_allow_from=True)
        entry(None, CAROL)
        ops = account()
        assert values(settings_for(ops.pk).policy.allow_from) == [CAROL]
        assert settings_for(ops.pk).policy.source_of("allow_from") == "defaults"

    def test_an_own_list_that_is_empty_does_not_fall_back_to_a_wider_one(self):
        defaults(own_allow_from=True, own_group_allow_from=True)
        entry(None, "*")
        entry(None, "*", list="group")
        policy = settings_for(account(own_allow_from=True, own_group_allow_from=True).pk).policy
        assert policy.allow_from == ()
        assert policy.group_allow_from == ()
        assert policy.source_of("allow_from") == "account"

    def test_expired_entries_are_kept_with_their_end(self):
        ops = account(own_allow_from=True)
        entry(ops, CAROL, expires_at=datetime(2020, 1, 1, tzinfo=UTC), source="config")
        assert settings_for(ops.pk).policy.allow_from == (ListEntry(CAROL, "config", 1_577_836_800_000),)

    def test_a_group_list_that_is_set_nowhere_is_none(self):
        ops = account(own_allow_from=True)
        entry(ops, CAROL)
        policy = settings_for(ops.pk).policy
        assert policy.group_allow_from is None
        assert policy.source_of("group_allow_from") == "account"

    def test_a_group_list_of_the_defaults_counts_before_the_own_list_for_direct_messages(self):
        defaults(own_group_allow_from=True)
        entry(None, DAVE, list="group")
        policy = settings_for(account(own_allow_from=True).pk).policy
        assert values(policy.group_allow_from) == [DAVE]

    def test_an_approval_makes_no_list_an_own_one_and_never_reaches_groups(self):
        defaults(own_allow_from=True)
        entry(None, DAVE)
        ops = account()
        entry(ops, CAROL, source="pairing")
        policy = settings_for(ops.pk).policy
        assert values(policy.approved) == [CAROL]
        assert values(policy.allow_from) == [DAVE]
        assert policy.group_allow_from is None

    def test_approvals_of_one_account_do_not_open_another(self):
        entry(account("other"), CAROL, source="pairing")
        assert settings_for(account().pk).policy.approved == ()

    def test_people_blocked_here_and_everywhere_are_blocked(self):
        ops, other = account(), account("other")
        BlockedUser.objects.create(account=ops, user_id=CAROL)
        BlockedUser.objects.create(account=None, user_id=DAVE)
        bump_version()
        assert settings_for(ops.pk).policy.blocked == {CAROL, DAVE}
        assert settings_for(other.pk).policy.blocked == {DAVE}


class TestTokens:
    def test_whitespace_around_a_token_does_not_count(self):
        assert settings_for(account(bot_token=f"  {'t' * 26}\n").pk).token == "t" * 26

    def test_the_environment_serves_default(self, monkeypatch):
        monkeypatch.setenv("MATTERMOST_BOT_TOKEN", " from-environment ")
        monkeypatch.setenv("MATTERMOST_URL", "https://chat.example.com/api/v4/")
        found = settings_for(account("default").pk)
        assert (found.token, found.base_url) == ("from-environment", "https://chat.example.com")
        assert found.policy.source_of("token") == "environment"
        assert found.listens

    def test_the_environment_may_name_files(self, monkeypatch, tmp_path):
        (tmp_path / "token").write_text("from-file\n")
        monkeypatch.setenv("MATTERMOST_BOT_TOKEN_FILE", str(tmp_path / "token"))
        assert settings_for(account("default").pk).token == "from-file"

    def test_the_environment_never_serves_a_named_account(self, monkeypatch):
        monkeypatch.setenv("MATTERMOST_BOT_TOKEN", "from-environment")
        monkeypatch.setenv("MATTERMOST_URL", "https://chat.example.com")
        found = settings_for(account().pk)
        assert (found.token, found.base_url, found.configured) == ("", "", False)
        assert "MATTERMOST_BOT_TOKEN" not in found.missing

    @pytest.mark.parametrize(
        ("account_id", "values", "sentence"),
        [
            ("ops", {}, 'bot token missing for account "ops" (set channels.mattermost.accounts.ops.botToken).'),
            (
                "default",
                {},
                'bot token missing for account "default" '
                "(set channels.mattermost.accounts.default.botToken or MATTERMOST_BOT_TOKEN).",
            ),
            (
                "default",
                {"bot_token": "t" * 26},
                'baseUrl missing for account "default" '
                "(set channels.mattermost.accounts.default.baseUrl or MATTERMOST_URL).",
            ),
            ("ops", {"bot_token": "t", "base_url": "https://x.example"}, ""),
        ],
    )
    def test_what_is_missing_is_said_with_the_key_to_set(self, monkeypatch, account_id, values, sentence):
        for name in ("MATTERMOST_BOT_TOKEN", "MATTERMOST_URL"):
            monkeypatch.delenv(name, raising=False)
        missing = settings_for(account(account_id, **values).pk).missing
        assert missing.startswith(f"Mattermost {sentence} In the panel") if sentence else missing == ""

    def test_own_values_count_before_the_environment(self, monkeypatch):
        monkeypatch.setenv("MATTERMOST_BOT_TOKEN", "from-environment")
        monkeypatch.setenv("MATTERMOST_URL", "https://environment.example.com")
        defaults(base_url="https://defaults.example.com")
        found = settings_for(account("default", bot_token="own-token").pk)
        assert (found.token, found.base_url) == ("own-token", "https://defaults.example.com")

    def test_a_reference_that_leads_nowhere_does_not_fall_back_to_the_environment(self, monkeypatch):
        monkeypatch.setenv("MATTERMOST_BOT_TOKEN", "from-environment")
        monkeypatch.delenv("DURAR_SECRET_OPS", raising=False)
        found = settings_for(account("default", token_ref="env:DURAR_SECRET_OPS", base_url="https://x.example").pk)
        assert found.token == ""
        assert "DURAR_SECRET_OPS" in found.token_problem
        assert not found.listens

    def test_a_secret_file_is_read_again_after_a_while(self, settings, tmp_path, monkeypatch):
        settings.SECRETS_DIR = tmp_path
        (tmp_path / "bot").write_text("first")
        ops = account(token_ref="file:bot")
        assert settings_for(ops.pk).token == "first"
        (tmp_path / "bot").write_text("second")
        assert settings_for(ops.pk).token == "first"
        now = effective.time.monotonic()
        monkeypatch.setattr(effective.time, "monotonic", lambda: now + effective.FILE_SECRET_AGE + 1)
        assert settings_for(ops.pk).token == "second"

    def test_a_token_that_no_key_reads_is_a_sentence_and_hides_nothing_else(self, settings):
        ops = account(bot_token="secret-token", name="Ops")
        from cryptography.fernet import Fernet

        settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
        found = settings_for(ops.pk)
        assert found.name == "Ops"
        assert "DURAR_ENCRYPTION_KEYS" in found.token_problem
        assert "secret-token" not in found.token_problem

    def test_the_token_is_not_part_of_what_is_printed(self):
        assert "secret-token" not in repr(settings_for(account(bot_token="secret-token").pk))


class TestCache:
    def test_the_common_path_is_one_query(self, django_assert_num_queries):
        ops = account()
        settings_for(ops.pk)
        with django_assert_num_queries(1):
            settings_for(ops.pk)

    def test_a_change_is_seen_at_once(self):
        ops = account()
        assert settings_for(ops.pk).policy.dm_policy == "pairing"
        Account.objects.filter(pk=ops.pk).update(dm_policy="disabled")
        bump_version()
        assert settings_for(ops.pk).policy.dm_policy == "disabled"

    def test_what_was_rolled_back_is_not_remembered(self):
        ops = account()
        before = settings_for(ops.pk)
        with transaction.atomic():
            Account.objects.filter(pk=ops.pk).update(dm_policy="open")
            bump_version()
            assert settings_for(ops.pk).policy.dm_policy == "open"
            transaction.set_rollback(True)
        assert settings_for(ops.pk).policy.dm_policy == before.policy.dm_policy
        bump_version()
        assert settings_for(ops.pk).policy.dm_policy == before.policy.dm_policy

    def test_an_account_that_does_not_exist_is_an_error(self):
        with pytest.raises(Account.DoesNotExist):
            settings_for(12345)


@pytest.mark.parametrize(
    ("ids", "wanted", "found"),
    [
        ([], "", "default"),
        (["ops"], "", "ops"),
        (["alerts", "default"], "", "default"),
        (["alerts", "ops"], "ops", "ops"),
        (["alerts", "ops"], "gone", "alerts"),
        (["1a", "_foo"], "", "_foo"),
    ],
)
def test_the_account_that_is_meant_where_none_is_named(ids, wanted, found):
    for account_id in ids:
        account(account_id)
    defaults(default_account=wanted)
    assert effective.default_account_id() == found
