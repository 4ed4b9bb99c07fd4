"""docs/configuration.md says of every key what it means, its default and where it is in the panel."""

from __future__ import annotations

import pytest

from mattermost_bridge.config.setting import Group, Kind
from mattermost_bridge.config.table import ALL, OF_ACCOUNTS, OF_ALL, OF_CHANNELS
from mattermost_bridge.models import Account, BridgeDefaults, GroupOverride
from mattermost_bridge.models.states import DmPolicy, GroupPolicy
from mattermost_bridge.rules.types import Policy
from tools.configuration_reference import PAGE, rendered


def test_the_page_is_what_the_tables_say():
    text = PAGE.read_text(encoding="utf-8")
    assert text == rendered(text), "run: .venv/bin/python -m tools.configuration_reference"


@pytest.mark.parametrize("setting", ALL, ids=lambda setting: f"{setting.where}:{setting.key}")
def test_each_key_has_a_row_with_its_meaning_default_and_place(setting):
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith(f"| `{setting.key}` |")]
    assert rows
    for row in rows:
        cells = [cell.strip() for cell in row.replace("\\|", "/").strip("|").split(" | ")]
        assert len(cells) == 5
        assert all(cells)


def test_each_setting_has_a_column_where_it_is_stored():
    for model, settings in (
        (Account, OF_ACCOUNTS),
        (BridgeDefaults, {**OF_ACCOUNTS, **OF_ALL}),
        (GroupOverride, OF_CHANNELS),
    ):
        columns = {field.name for field in model._meta.get_fields()}
        assert set(settings) <= columns


def test_keys_and_columns_stand_once():
    keys = [(setting.where, setting.key) for setting in ALL]
    assert len(keys) == len(set(keys))
    assert not set(OF_ACCOUNTS) & set(OF_ALL)


def test_the_tables_agree_with_the_words_of_states_and_the_defaults_of_decisions():
    assert dict(OF_ACCOUNTS["dm_policy"].choices).keys() == set(DmPolicy.values)
    assert dict(OF_ACCOUNTS["group_policy"].choices).keys() == set(GroupPolicy.values)
    plain = Policy("a", "", "", has_agent=False)
    for name, setting in {**OF_ACCOUNTS, **OF_ALL}.items():
        if hasattr(plain, name) and setting.kind not in (Kind.LINES, Kind.LINKS):
            assert getattr(plain, name) == setting.default, name
    assert list(plain.onchar_prefixes) == OF_ACCOUNTS["onchar_prefixes"].default


def test_only_what_is_kept_stands_in_files_alone():
    assert all(setting.column == "" for setting in ALL if setting.group is Group.FILE_ONLY)
