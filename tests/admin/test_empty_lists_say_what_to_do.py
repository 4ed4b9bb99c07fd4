"""A list without rows says what it would show and what to do next."""

from __future__ import annotations

import pytest
from django.contrib import admin

from mattermost_bridge.admin.base import BridgeAdmin
from mattermost_bridge.models import BridgeDefaults

KINDS = [model for model, one in admin.site._registry.items() if isinstance(one, BridgeAdmin)]


@pytest.mark.parametrize("model", [kind for kind in KINDS if kind is not BridgeDefaults])
def test_every_kind_of_record_has_words_for_being_empty(as_alice, model):
    model_admin = admin.site.get_model_admin(model)
    page = as_alice.get(f"/mattermost_bridge/{model._meta.model_name}/").content.decode()
    assert str(model_admin.empty_title).replace("'", "&#x27;") in page
    assert str(model_admin.empty_text).replace("'", "&#x27;") in page
    assert "No results found" not in page


def test_a_search_without_a_hit_offers_to_drop_the_filters(as_alice):
    page = as_alice.get("/mattermost_bridge/account/?q=nonsense").content.decode()
    assert "Nothing matches" in page
    assert "Reset filters" in page
    assert "No bot accounts yet" not in page
