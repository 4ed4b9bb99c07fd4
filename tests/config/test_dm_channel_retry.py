"""`dmChannelRetry`: read from files with its limits, inherited field by field, and written again as it was."""

from __future__ import annotations

import pytest

from mattermost_bridge.config import exporter, importer
from mattermost_bridge.config.effective import bump_version, settings_for
from mattermost_bridge.config.reading import ConfigError
from mattermost_bridge.config.schema import parse
from mattermost_bridge.models import Account, BridgeDefaults
from mattermost_bridge.models.accounts import RETRY_FIELDS
from mattermost_bridge.rules.direct_channels import BUILT_IN, RetryValues
from mattermost_bridge.services import accounts, defaults
from mattermost_bridge.services.errors import Refused
from tests.config.files import ACTOR, section, take

DOCUMENTED = "dmChannelRetry: { maxRetries: 3, initialDelayMs: 1000, maxDelayMs: 10000, timeoutMs: 30000 }"


def test_the_documented_example_is_read_without_a_note():
    wanted = parse(section(DOCUMENTED))
    found = wanted.section.settings
    assert RetryValues(**{name: found[field] for name, field in RETRY_FIELDS.items()}) == BUILT_IN
    assert wanted.notes == ()


@pytest.mark.parametrize(
    ("body", "key", "sentence"),
    [
        ("maxRetries: 11", "dmChannelRetry.maxRetries", "must be a whole number from 0 to 10."),
        ("maxRetries: -1", "dmChannelRetry.maxRetries", "must be a whole number from 0 to 10."),
        ("maxRetries: 1.5", "dmChannelRetry.maxRetries", "must be a whole number from 0 to 10."),
        ("initialDelayMs: 99", "dmChannelRetry.initialDelayMs", "must be a whole number from 100 to 60000."),
        ("maxDelayMs: 999", "dmChannelRetry.maxDelayMs", "must be a whole number from 1000 to 60000."),
        ("timeoutMs: 120001", "dmChannelRetry.timeoutMs", "must be a whole number from 5000 to 120000."),
        ("timeoutMs: '5000'", "dmChannelRetry.timeoutMs", "must be a whole number from 5000 to 120000."),
        (
            "initialDelayMs: 5000, maxDelayMs: 2000",
            "dmChannelRetry.initialDelayMs",
            "initialDelayMs must be less than or equal to maxDelayMs.",
        ),
        ("retries: 3", "dmChannelRetry.retries", "this key does not exist."),
    ],
)
@pytest.mark.parametrize("inside", ["{}", "accounts: {{ ops: {{ {} }} }}"])
def test_what_is_wrong_is_said_with_its_key(body, key, sentence, inside):
    value = f"dmChannelRetry: {{ {body} }}"
    text = section(value if inside == "{}" else inside.format(value))
    with pytest.raises(ConfigError) as error:
        parse(text)
    (problem,) = error.value.problems
    assert key in problem
    assert sentence in problem


@pytest.mark.django_db
class TestRecords:
    def test_a_file_replaces_each_value_and_what_it_lacks_is_inherited(self):
        take(section("dmChannelRetry: { maxRetries: 5, timeoutMs: 9000 }, accounts: { ops: { dmChannelRetry: "
                     "{ maxRetries: 0, maxDelayMs: 2000 } }, idle: {} }"))  # fmt: skip
        ops, idle = Account.objects.get(account_id="ops"), Account.objects.get(account_id="idle")
        assert settings_for(ops.pk).dm_channel_retry == RetryValues(0, 1000, 2000, 9000)
        assert settings_for(idle.pk).dm_channel_retry == RetryValues(5, 1000, 10_000, 9000)
        lines = take(section("accounts: { ops: { dmChannelRetry: { maxRetries: 2 } }, idle: {} }")).changes.lines
        assert settings_for(ops.pk).dm_channel_retry == RetryValues(2, 1000, 10_000, 30_000)
        assert "~ account ops: dmChannelRetry.maxRetries: 0 → 2" in lines
        assert "- account ops: dmChannelRetry.maxDelayMs = 2000" in lines
        assert "- defaults: dmChannelRetry.timeoutMs = 9000" in lines

    def test_an_export_holds_what_is_set_and_nothing_else(self):
        take(section("dmChannelRetry: { maxRetries: 0 }, accounts: { ops: {} }"))
        content = exporter.content()["channels"]["mattermost"]
        assert content["dmChannelRetry"] == {"maxRetries": 0}
        assert content["accounts"]["ops"] == {}
        assert take(exporter.export()).changes.lines == []

    def test_without_anything_the_documented_values_hold(self):
        assert settings_for(Account.objects.create(account_id="ops").pk).dm_channel_retry == BUILT_IN

    def test_a_first_delay_beyond_the_longest_is_refused_where_both_are_set(self):
        ops = accounts.create(actor=ACTOR, account_id="ops", dm_retry_max_delay_ms=2000)
        for change in (
            lambda: accounts.update(ops.pk, actor=ACTOR, dm_retry_initial_delay_ms=3000),
            lambda: defaults.update(actor=ACTOR, dm_retry_initial_delay_ms=3000, dm_retry_max_delay_ms=2000),
            lambda: accounts.update(ops.pk, actor=ACTOR, dm_retry_max_retries=11),
        ):
            with pytest.raises(Refused, match=r"initialDelayMs must be less than|from 0 to 10"):
                change()
        # Inherited from different places they cannot be refused: then the longest delay bounds the first.
        BridgeDefaults.objects.filter(pk=1).update(dm_retry_initial_delay_ms=3000)
        bump_version()
        assert settings_for(ops.pk).dm_channel_retry == RetryValues(3, 3000, 2000, 30_000)

    def test_a_preview_changes_nothing(self):
        importer.preview(section("dmChannelRetry: { maxRetries: 1 }"), actor=ACTOR)
        assert not BridgeDefaults.objects.exclude(dm_retry_max_retries=None).exists()
