"""Account ids and agent ids out of free text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mattermost_bridge.config.names import agent_slug, is_account_id, normalise_account_id, provider_of
from mattermost_bridge.models import Account

NOT_THE_ID = [field.name for field in Account._meta.fields if field.name != "account_id"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Ops Team", "ops-team"),
        ("  Default ", "default"),
        ("a_b-c", "a_b-c"),
        ("--x--", "x"),
        ("x--", "x--"),
        ("_foo", "_foo"),
        (" _Foo Bar! ", "_foo-bar"),
        ("-_foo-", "_foo"),
        ("__x__", "__x__"),
        ("_", "_"),
        ("Straße 7!", "stra-e-7"),
        ("", "default"),
        ("!!!", "default"),
        ("__proto__", "default"),
        ("constructor", "default"),
        ("Prototype", "default"),
        ("__PROTO__", "default"),
        ("proto__", "proto__"),
        ("x" * 64, "x" * 64),
        ("x" * 80, "x" * 64),
        ("x" * 63 + "-y", "x" * 63 + "-"),
        ("_" + "x" * 62 + "-y", "_" + "x" * 62),
    ],
)
def test_account_ids_are_normalised(text, found):
    assert normalise_account_id(text) == found


@given(st.text(max_size=100))
def test_whatever_is_written_gives_an_id_that_stays_as_it_is(text):
    found = normalise_account_id(text)
    assert is_account_id(found)
    assert normalise_account_id(found) == found
    Account(account_id=found).clean_fields(exclude=NOT_THE_ID)


@pytest.mark.parametrize("text", ["", "Ops", "ops team", "-ops", "_ops-", "constructor", "__proto__", "x" * 65])
def test_what_would_become_another_id_is_none_as_it_stands(text):
    assert not is_account_id(text)


@pytest.mark.parametrize(
    ("provider", "model", "slug"),
    [("openai", "gpt-5.1", "openai-gpt-5-1"), ("openrouter", "meta/llama:free", "openrouter-meta-llama-free")],
)
def test_an_agent_is_named_after_provider_and_model(provider, model, slug):
    assert agent_slug(provider, model) == slug
    assert provider_of(slug, model) == provider


def test_an_agent_with_a_name_of_its_own_has_no_provider():
    assert provider_of("support-gpt", "gpt-5.1") == ""
    assert provider_of("gpt-5-1", "gpt-5.1") == ""
