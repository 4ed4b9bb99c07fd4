"""A list without rows says what it would show and what to do next."""

from __future__ import annotations

import pytest
from axes.models import AccessLog
from django.contrib import admin
from django.contrib.auth.models import Group, User

from mattermost_bridge.admin import looks
from mattermost_bridge.admin.base import BridgeAdmin
from mattermost_bridge.models import BridgeDefaults

#: Alice is a user and signed in, the roles are groups, and the defaults are one row.
NEVER_EMPTY = {BridgeDefaults, User, Group, AccessLog}
KINDS = [model for model, one in admin.site._registry.items() if isinstance(one, BridgeAdmin)]


@pytest.mark.parametrize("model", [kind for kind in KINDS if kind not in NEVER_EMPTY])
def test_every_kind_of_record_has_words_for_being_empty(as_alice, model):
    model_admin = admin.site.get_model_admin(model)
    page = as_alice.get(looks.list_of(model)).content.decode()
    assert str(model_admin.empty_title).replace("'", "&#x27;") in page
    assert str(model_admin.empty_text).replace("'", "&#x27;") in page
    assert "No results found" not in page


def test_a_search_without_a_hit_offers_to_drop_the_filters(as_alice):
    page = as_alice.get("/mattermost_bridge/account/?q=nonsense").content.decode()
    assert "Nothing matches" in page
    assert "Reset filters" in page
    assert "No bot accounts yet" not in page
